package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	// Log gets retries and the SDK's own notes, at debug level; nil drops them.
	Log *slog.Logger
}

// Local is a [Source] that calls sagemaker:StartSession with the credentials
// of this computer: environment, shared config and its profiles, IAM Identity
// Center, processes, an instance's role. They are resolved anew for each
// session, in the order and with the environment variables of the AWS SDK
// (AWS_ENDPOINT_URL_SAGEMAKER and AWS_CA_BUNDLE among them).
type Local struct {
	profile string
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
	return &Local{profile: options.Profile, log: log, now: time.Now, wait: wait}
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
	bounded, cancel := context.WithTimeout(ctx, localTimeout)
	defer cancel()
	session, err := l.start(bounded, space, parsed)
	if err != nil && ctx.Err() != nil {
		return Session{}, fmt.Errorf("start a session for the space %s: %w", space.label(), context.Cause(ctx))
	}
	return session, err
}

func (l *Local) start(ctx context.Context, space, parsed Space) (Session, error) {
	r := startRequest(space, parsed)
	who, err := caller.Load(ctx, r, caller.Options{Profile: l.profile, Region: parsed.Region, Log: l.log, Now: l.now, Load: l.load})
	if err != nil {
		return Session{}, err
	}
	if err := who.Retrieve(ctx, r); errors.Is(err, caller.ErrNone) {
		p := *problem.From(err)
		p.Cause = fmt.Errorf("%w: %w", p.Cause, ErrNone)
		return Session{}, &p
	} else if err != nil {
		return Session{}, err
	}
	client := sagemaker.NewFromConfig(who.Config, func(o *sagemaker.Options) { o.Retryer = leaveStarting(o.Retryer) })
	delays := startingDelays()
	for attempt := 0; ; attempt++ {
		out, err := client.StartSession(ctx, &sagemaker.StartSessionInput{ResourceIdentifier: aws.String(space.ARN)})
		switch {
		case err == nil:
			return l.session(space, out)
		case !isStarting(err) || attempt == len(delays):
			return Session{}, who.Problem(ctx, r, err)
		}
		l.log.DebugContext(ctx, "the space may still be starting", "space", space.ARN, "attempt", attempt+1, "again_in", delays[attempt])
		if err := l.wait(ctx, delays[attempt]); err != nil {
			return Session{}, who.Problem(ctx, r, err)
		}
	}
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
