package caller

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// CodeWrong: AWS did not take the code of an MFA device.
const CodeWrong problem.Code = "mfa-code-wrong"

// Device is an MFA device that has a code.
type Device struct {
	Profile string // of the AWS configuration, that wants the code
	Serial  string // an ARN, or what is printed on it
}

// Codes asks a person for the codes of MFA devices. AWS takes a code once, so
// the credentials that one gave are kept here, in memory, for as long as the
// process lives. It may be used concurrently.
type Codes struct {
	// Ask asks a person, who may say no by an error.
	Ask func(ctx context.Context, device Device) (code string, err error)

	mu   sync.Mutex
	kept map[string]aws.CredentialsProvider // by profile
}

// errNoCode says that nobody can be asked for a code.
var errNoCode = errors.New("there is nobody to ask for an MFA code")

// codeError is why there is no code.
type codeError struct{ error }

func (e codeError) Unwrap() error { return e.error }

// share has the credentials of a profile that wants a code be those that it
// gave before.
func (c *Codes) share(profile string, fresh aws.CredentialsProvider) aws.CredentialsProvider {
	if c == nil {
		return fresh
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.kept[profile]; known != nil {
		return known
	}
	if c.kept == nil {
		c.kept = map[string]aws.CredentialsProvider{}
	}
	c.kept[profile] = fresh
	return fresh
}

// codeProblem tells why there is no code, or why AWS did not take it; nil where
// it is about something else.
func (c *Caller) codeProblem(r Request, err error) *problem.Problem {
	if asked, ok := errors.AsType[codeError](err); ok {
		switch {
		case errors.Is(asked, errNoCode):
			return problem.New(problem.NotSupported,
				upperFirst(c.origin.String())+" asks for an MFA code, and nobody is there to type it.",
				r.orElse("Connect with `spacehatch connect`, which asks, or use a profile that signs in through the browser"), nil)
		case errors.Is(asked, context.DeadlineExceeded):
			return problem.New(problem.NeedsPerson, "Nobody typed the MFA code of "+c.origin.String()+" in time.", r.orElse("Try again"), nil)
		}
		return problem.From(asked.error)
	}
	if Code(err) == "AccessDenied" && strings.Contains(message(err), "MultiFactorAuthentication failed") {
		return problem.New(CodeWrong, "AWS did not take the MFA code of "+c.origin.String()+".",
			r.orElse("Try again with the next code of your device: each works once, for half a minute"), cause(err))
	}
	return nil
}

// withCodes has roles that want a code ask o.Codes for it.
func withCodes(ctx context.Context, o Options) config.LoadOptionsFunc {
	return config.WithAssumeRoleCredentialOptions(func(role *stscreds.AssumeRoleOptions) {
		if role.SerialNumber == nil {
			return
		}
		serial := aws.ToString(role.SerialNumber)
		role.TokenProvider = func() (string, error) {
			if o.Codes == nil || o.Codes.Ask == nil {
				return "", codeError{errNoCode}
			}
			code, err := o.Codes.Ask(ctx, Device{Profile: cmp.Or(o.Profile, Ambient()), Serial: serial})
			if err != nil {
				return "", codeError{err}
			}
			return strings.TrimSpace(code), nil
		}
	})
}
