package caller

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// findTimeout bounds the whole search for a profile, and findAtOnce how many
	// are asked at the same time.
	findTimeout = 10 * time.Second
	findAtOnce  = 8
	// maxAsked bounds how many profiles are asked at all.
	maxAsked = 64
)

// AccountWrong: the credentials belong to another account than the one that
// was meant.
const AccountWrong problem.Code = "account-wrong"

// candidate is a profile that may reach an account, as far as its file tells.
type candidate struct {
	name    string
	account string // empty where the file does not tell
	sso     bool   // it signs in through IAM Identity Center, itself or its source
	process bool   // a program of the person's has to be run for it
	mfa     bool   // a person has to be asked for it
}

// Explicit reports whether the environment names the credentials: then they
// come before whatever was learnt.
func Explicit() bool {
	for _, name := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// Ambient is the profile that is used where none is named; empty where the
// environment holds keys.
func Ambient() string {
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" {
		return ""
	}
	return cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), config.DefaultSharedConfigProfile)
}

// candidates are the profiles of both files.
func candidates() []candidate {
	settings, credentials := files()
	profiles := map[string]section{}
	add := func(name string, s section) {
		if profiles[name] == nil {
			profiles[name] = section{}
		}
		maps.Copy(profiles[name], s)
	}
	for name, s := range sections(settings) {
		if name == config.DefaultSharedConfigProfile {
			add(name, s)
		} else if name, ok := strings.CutPrefix(name, "profile "); ok {
			add(name, s)
		}
	}
	for name, s := range sections(credentials) {
		add(name, s)
	}
	var all []candidate
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		if c, ok := candidateOf(name, profiles); ok {
			all = append(all, c)
		}
	}
	return all
}

func candidateOf(name string, profiles map[string]section) (candidate, bool) {
	c := candidate{name: name}
	has := func(s section, key string) bool { _, there := s[key]; return there }
	at := profiles[name]
	switch {
	case at["role_arn"] != "":
		c.account = accountOf(at["role_arn"])
	case has(at, "sso_session") || has(at, "sso_start_url"):
		c.account = at["sso_account_id"]
		if c.account == "" {
			return c, false // a token and no credentials
		}
	case !has(at, "aws_access_key_id") && !has(at, "credential_process") && !has(at, "login_session"):
		return c, false
	}
	// Along the sources of a role; a ring of them ends with its length.
	for range 8 {
		c.sso = c.sso || has(at, "sso_session") || has(at, "sso_start_url")
		c.process = c.process || has(at, "credential_process")
		c.mfa = c.mfa || has(at, "mfa_serial")
		source, next := profiles[at["source_profile"]]
		if at["role_arn"] == "" || !next {
			break
		}
		at = source
	}
	return c, true
}

// Find looks for a profile whose credentials belong to r.Account, by what the
// files say and by asking AWS (sts:GetCallerIdentity) where they do not say it.
// A profile that wants a code from a person is the last choice, and only where
// the file names the account. except are not looked at. It takes ten seconds at
// most.
//
// The name is empty where there is none; the error then is the problem of a
// profile that would fit after a sign-in, or nil.
func Find(ctx context.Context, r Request, o Options, except ...string) (profile string, err error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	// What the files say comes first, then who has to be asked, then who needs a
	// program of the person's.
	var (
		rounds [3][]string
		person string // the first that fits and asks for a code
	)
	for _, c := range candidates() {
		switch {
		case slices.Contains(except, c.name) || c.account != "" && c.account != r.Account:
		case c.mfa && c.account != "":
			person = cmp.Or(person, c.name)
		case c.mfa: // nobody is asked for a code without need
		case c.account != "" && !c.process:
			rounds[0] = append(rounds[0], c.name)
		case !c.process:
			rounds[1] = append(rounds[1], c.name)
		default:
			rounds[2] = append(rounds[2], c.name)
		}
	}
	left := maxAsked
	var expired error
	for _, round := range rounds {
		round = round[:min(len(round), left)]
		left -= len(round)
		name, wants := ask(ctx, r, o, round)
		if name != "" {
			return name, nil
		}
		expired = cmp.Or(expired, wants)
	}
	if expired != nil {
		return "", expired
	}
	return person, nil
}

// ask returns the first of the profiles that belongs to the account, and the
// problem of the first that does so after a sign-in.
func ask(ctx context.Context, r Request, o Options, profiles []string) (name string, wants error) {
	fits, problems := make([]bool, len(profiles)), make([]error, len(profiles))
	turns := make(chan struct{}, findAtOnce)
	var asked sync.WaitGroup
	for i, profile := range profiles {
		turns <- struct{}{}
		asked.Go(func() {
			defer func() { <-turns }()
			with := o
			with.Profile = profile
			fits[i], problems[i] = belongs(ctx, r, with)
		})
	}
	asked.Wait()
	for i := range profiles {
		switch found := problem.From(problems[i]); {
		case fits[i]:
			return profiles[i], nil
		case found != nil && found.SignIn != "" && wants == nil:
			wants = found
		}
	}
	return "", wants
}

// belongs reports whether the credentials of o.Profile are r.Account's.
func belongs(ctx context.Context, r Request, o Options) (bool, error) {
	c, err := Load(ctx, r, o)
	if err != nil {
		return false, err
	}
	if err := c.Retrieve(ctx, r); err != nil {
		return false, err
	}
	account, err := c.Account(ctx)
	return account == r.Account, err
}

// KnownAccount is the account of the credentials where the configuration says
// it, or Retrieve has learnt it; else empty.
func (c *Caller) KnownAccount() string { return c.account }

// errNobody says that AWS did not say who the caller is.
var errNobody = errors.New("AWS did not say whose the credentials are")

// Account is the account of the credentials; AWS is asked where nothing else
// says it.
func (c *Caller) Account(ctx context.Context) (string, error) {
	if c.account == "" {
		c.account = accountOf(c.identity(ctx))
	}
	if c.account == "" {
		return "", errNobody
	}
	return c.account, nil
}
