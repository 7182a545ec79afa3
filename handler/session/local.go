package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

const (
	// localTimeout bounds one call of Local.Session with all its retries.
	localTimeout = 60 * time.Second
	// codeTimeout is how much longer it may take where a person can be asked for
	// an MFA code.
	codeTimeout = 2 * time.Minute
	// localSessionLife is how long a session counts as unused after StartSession
	// gave it. AWS documents no figure; links carry X-Amz-Expires=60.
	localSessionLife = 60 * time.Second
)

// startingDelays are the pauses before StartSession is tried again after
// InternalFailure: Session Manager learns of a space a while after its app
// has started. They are those of AWS's own client.
func startingDelays() []time.Duration {
	return []time.Duration{1500 * time.Millisecond, 2250 * time.Millisecond, 3375 * time.Millisecond}
}

// LocalOptions says how local AWS credentials are used. The zero value does
// what the AWS CLI does.
type LocalOptions struct {
	// Profile names a profile of ~/.aws/config; it then comes before
	// credentials in the environment. Empty means AWS_PROFILE or "default".
	Profile string
	// Chosen is the profile that a person chose for a space, and Memory which
	// profile reaches an account. Where the credentials that the environment
	// names, or the default profile, are not those of the space's account, other
	// profiles are tried, and what fits is remembered. Nil knows nothing.
	Chosen func(space Space) string
	Memory Memory
	// Codes asks a person for MFA codes; nil asks nobody.
	Codes *caller.Codes
	// Log gets retries and the SDK's own notes, at debug level; nil drops them.
	Log *slog.Logger
}

// Memory remembers which profile of the AWS configuration reaches an account.
type Memory interface {
	// Profile is the profile that was found last; where it is empty, searched
	// reports that a search found none a short time ago.
	Profile(account string) (profile string, searched bool)
	// RememberProfile remembers it; empty says that none was found.
	RememberProfile(ctx context.Context, account, profile string) error
}

// Local is a [Source] that calls sagemaker:StartSession with the credentials
// of this computer: environment, shared config and its profiles, IAM Identity
// Center, processes, an instance's role. They are resolved anew for each
// session, in the order and with the environment variables of the AWS SDK
// (AWS_ENDPOINT_URL_SAGEMAKER and AWS_CA_BUNDLE among them).
type Local struct {
	profile string
	chosen  func(Space) string
	memory  Memory
	codes   *caller.Codes
	log     *slog.Logger
	now     func() time.Time
	wait    func(context.Context, time.Duration) error
	// load is appended to what the SDK's configuration is loaded with.
	load []func(*config.LoadOptions) error
}

// NewLocal returns the source. It reads nothing yet.
func NewLocal(options LocalOptions) *Local {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Local{profile: options.Profile, chosen: options.Chosen, memory: options.Memory, codes: options.Codes, log: log, now: time.Now, wait: wait}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Session starts a session for a SageMaker AI or Unified Studio space. The
// stream URL is AWS's word, unchecked: the caller holds it against its policy.
// The session counts as unused for a minute.
//
// Errors are problems: what AWS refused and to whom. Where there are no
// credentials the [problem.NoCredentials] wraps [ErrNone]; HyperPod spaces,
// which have no such call, are ErrNone too.
func (l *Local) Session(ctx context.Context, space Space) (Session, error) {
	if space.Kind == Instance {
		return Session{}, fmt.Errorf("SageMaker opens no instances: %w", ErrNone)
	}
	if space.Kind == HyperPod {
		return Session{}, fmt.Errorf("local credentials open no HyperPod workspace: %w", ErrNone)
	}
	parsed, err := ParseARN(space.ARN)
	if err != nil {
		return Session{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, withPerson(localTimeout, l.codes))
	defer cancel()
	session, err := l.start(bounded, space, parsed)
	if err != nil && ctx.Err() != nil {
		return Session{}, fmt.Errorf("start a session for the space %s: %w", space.label(), context.Cause(ctx))
	}
	return session, err
}

// withPerson is how long it may take where a person may have to type a code.
func withPerson(limit time.Duration, codes *caller.Codes) time.Duration {
	if codes != nil {
		limit += codeTimeout
	}
	return limit
}

// start finds the credentials that belong to the space's account and starts a
// session with them.
func (l *Local) start(ctx context.Context, space, parsed Space) (Session, error) {
	if l.profile != "" { // it was named, and is the only one that is wanted
		session, _, err := l.attempt(ctx, space, parsed, l.profile, true)
		return session, err
	}
	remembered, searched := "", true
	if l.memory != nil && parsed.Account != "" {
		remembered, searched = l.memory.Profile(parsed.Account)
	}
	// What the environment names comes before what was learnt; the default
	// profile was named by nobody.
	tries := []string{remembered, ""}
	if caller.Explicit() {
		tries = []string{"", remembered}
	}
	if l.chosen != nil {
		if chosen := l.chosen(space); chosen != "" {
			tries = []string{chosen, tries[0], tries[1]}
		}
	}
	var (
		first error
		tried []string
	)
	for _, profile := range tries {
		if slices.Contains(tried, profile) {
			continue
		}
		tried = append(tried, profile)
		session, elsewhere, err := l.attempt(ctx, space, parsed, profile, false)
		if !elsewhere {
			return session, err
		}
		if profile == "" || first == nil {
			first = err
		}
		if profile != "" && profile == remembered {
			l.forget(ctx, parsed.Account)
			searched = false
		}
	}
	if searched {
		return Session{}, first
	}
	found, err := caller.Find(ctx, startRequest(space, parsed), l.options(parsed, ""), append(tried, caller.Ambient())...)
	switch {
	case found != "":
		l.remember(ctx, parsed.Account, found)
		session, _, err := l.attempt(ctx, space, parsed, found, true)
		return session, err
	case err != nil:
		return Session{}, err // after a sign-in there is one
	}
	l.forget(ctx, parsed.Account)
	return Session{}, first
}

func (l *Local) remember(ctx context.Context, account, profile string) {
	if err := l.memory.RememberProfile(ctx, account, profile); err != nil {
		l.log.WarnContext(ctx, "the profile of an account is not remembered", "error", err)
	}
}

// forget also remembers that there is none.
func (l *Local) forget(ctx context.Context, account string) { l.remember(ctx, account, "") }

func (l *Local) options(parsed Space, profile string) caller.Options {
	return caller.Options{Profile: profile, Region: parsed.Region, Codes: l.codes, Log: l.log, Now: l.now, Load: l.load}
}

// attempt starts a session with the credentials of one profile; an empty one is
// what the environment says. elsewhere reports that others have to be looked
// for: these are not there, or belong to another account.
func (l *Local) attempt(ctx context.Context, space, parsed Space, profile string, named bool) (_ Session, elsewhere bool, err error) {
	r := startRequest(space, parsed)
	who, err := caller.Load(ctx, r, l.options(parsed, profile))
	if err != nil {
		return Session{}, true, err
	}
	foreign := func() bool {
		known := who.KnownAccount()
		return known != "" && parsed.Account != "" && known != parsed.Account
	}
	if !named && foreign() {
		return Session{}, true, who.Foreign(r)
	}
	if err := who.Retrieve(ctx, r); errors.Is(err, caller.ErrNone) {
		p := *problem.From(err)
		p.Cause = fmt.Errorf("%w: %w", p.Cause, ErrNone)
		return Session{}, true, &p
	} else if err != nil {
		return Session{}, who.KnownAccount() == "", err
	}
	if !named && foreign() {
		return Session{}, true, who.Foreign(r)
	}
	client := sagemaker.NewFromConfig(who.Config, func(o *sagemaker.Options) { o.Retryer = leaveStarting(o.Retryer) })
	delays := startingDelays()
	for attempt := 0; ; attempt++ {
		out, err := client.StartSession(ctx, &sagemaker.StartSessionInput{ResourceIdentifier: aws.String(space.ARN)})
		switch {
		case err == nil:
			session, err := l.session(space, out)
			return session, false, err
		case !isStarting(err) || attempt == len(delays):
			p := who.Problem(ctx, r, err)
			return Session{}, l.notHere(ctx, who, parsed, p), p
		}
		l.log.DebugContext(ctx, "the space may still be starting", "space", space.ARN, "attempt", attempt+1, "again_in", delays[attempt])
		if err := l.wait(ctx, delays[attempt]); err != nil {
			return Session{}, false, who.Problem(ctx, r, err)
		}
	}
}

// notHere reports whether a refusal comes from the account being another one:
// AWS says so only sometimes.
func (l *Local) notHere(ctx context.Context, who *caller.Caller, parsed Space, p *problem.Problem) bool {
	switch p.Code {
	case caller.AccountWrong, caller.CredentialsWrong:
		return true
	case problem.CredentialsExpired:
		return who.KnownAccount() == ""
	case problem.SpaceNotFound, problem.Rejected:
		if l.memory == nil || l.profile != "" {
			return false // nobody would do anything about it
		}
		account, err := who.Account(ctx)
		return err == nil && parsed.Account != "" && account != parsed.Account
	}
	return false
}

// startRequest tells of StartSession for a space. parsed is what the ARN says,
// which the store may not know better.
func startRequest(space, parsed Space) caller.Request {
	return caller.Request{
		Action: caller.StartSession, Resource: space.ARN, Account: parsed.Account,
		Thing: "the space " + space.label(), Purpose: "start a session with", OrElse: clickAgain(space),
	}
}

// session checks what StartSession returned.
func (l *Local) session(space Space, out *sagemaker.StartSessionOutput) (Session, error) {
	session := Session{
		Origin:    FromAPI,
		ID:        aws.ToString(out.SessionId),
		StreamURL: secret.New(aws.ToString(out.StreamUrl)),
		Token:     secret.New(aws.ToString(out.TokenValue)),
		Expires:   l.now().Add(localSessionLife),
	}
	if err := checkSession(session); err != nil {
		return Session{}, problem.New(problem.Unreachable,
			fmt.Sprintf("AWS answered without a usable session for the space %s.", space.label()),
			"Try again; if it stays so, look for a proxy between this computer and AWS.", err)
	}
	return session, nil
}

const startingCode = "InternalFailure"

func isStarting(err error) bool { return caller.Code(err) == startingCode }

// leaveStarting keeps the SDK from retrying InternalFailure by its own, much
// shorter schedule.
func leaveStarting(inner aws.Retryer) aws.Retryer {
	if v2, ok := inner.(aws.RetryerV2); ok {
		return startingRetryer{v2}
	}
	return inner
}

type startingRetryer struct{ aws.RetryerV2 }

func (r startingRetryer) IsErrorRetryable(err error) bool {
	return !isStarting(err) && r.RetryerV2.IsErrorRetryable(err)
}
