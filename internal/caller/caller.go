// Package caller is whoever calls AWS from this computer: it loads the local
// credentials, gets them before they are needed, and says for a person why AWS
// did not do what was asked, with the permission that is missing.
//
// It must not know what a call is made for beyond what its [Request] says, what
// a session or a link is, or how a problem is shown.
package caller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// machineRoleTimeout bounds the wait for an EC2 instance role where nothing
	// else is configured: on most computers nobody answers at that address.
	// elsewhereTimeout does where the machine is known not to be one of EC2:
	// then only a program on this very computer can stand in for that address.
	machineRoleTimeout = 3 * time.Second
	elsewhereTimeout   = 300 * time.Millisecond
	// credentialsTimeout bounds the wait for credentials from AWS, processTimeout
	// for those of a credential_process, which may have a person sign in, and
	// personTimeout for those that need a code which a person types.
	credentialsTimeout = 30 * time.Second
	processTimeout     = 45 * time.Second
	personTimeout      = 2 * time.Minute
	// identityTimeout bounds the question who the caller is: it is asked when
	// something has failed already.
	identityTimeout = 5 * time.Second
)

// ErrNone says that there are no credentials and nothing went wrong: nothing is
// configured, and no instance role answers.
var ErrNone = errors.New("nothing is configured and no instance role answers")

// Options says which credentials are used. The zero value does what the AWS CLI
// does.
type Options struct {
	// Profile names a profile of ~/.aws/config; it then comes before
	// credentials in the environment. Empty means AWS_PROFILE or "default".
	Profile string
	// Region is the region to call; empty means that of the environment or the
	// profile.
	Region string
	// Log gets the SDK's own notes, at debug level; nil drops them.
	Log *slog.Logger
	// Codes asks a person for MFA codes; nil asks nobody.
	Codes *Codes
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Load is appended to what the SDK's configuration is loaded with.
	Load []func(*config.LoadOptions) error
}

// Caller is a set of credentials in a region. They are resolved anew for each
// Caller, in the order and with the environment variables of the AWS SDK
// (AWS_ENDPOINT_URL_SAGEMAKER and AWS_CA_BUNDLE among them). Retrieve comes
// first; what is called after it may be called concurrently, but for Account.
type Caller struct {
	// Config is what the SDK's clients are made of.
	Config aws.Config

	origin  origin
	account string        // of the credentials, where it is known
	limit   time.Duration // in place of patience; 0 outside of tests
	now     func() time.Time
}

// Request is one call as its problems have to tell of it.
type Request struct {
	// Action is the call as IAM names it, such as "sagemaker:StartSession".
	Action string
	// Resource is the ARN that the permission is needed on, or "*".
	Resource string
	// Also is another resource that the same permission is needed on; mostly
	// empty.
	Also string
	// Account is the account that the call is meant for, 12 digits; empty where
	// it is the caller's own.
	Account string
	// Thing is what the call is about, in the middle of a sentence, such as
	// `the space "my-space"`; it is printable.
	Thing string
	// Purpose ends the sentence "This computer has no AWS credentials to …".
	Purpose string
	// OrElse is a way that needs no credentials, a whole sentence; or empty.
	OrElse string
	// RemoteAccess: the call switches remote access on, which administrators
	// can forbid by a condition key of its own.
	RemoteAccess bool
}

// Load reads the AWS configuration. It calls nobody. Errors are problems.
func Load(ctx context.Context, r Request, o Options) (*Caller, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	options := []func(*config.LoadOptions) error{
		// Without a logger of ours the SDK writes to standard error, which
		// belongs to ssh.
		config.WithLogger(logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
			log.DebugContext(ctx, "aws sdk", "class", string(class), "note", fmt.Sprintf(format, v...))
		})),
		config.WithAPIOptions([]func(*middleware.Stack) error{plainBody}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.OnProxyConnectResponse = proxyAnswer
		})),
		withCodes(ctx, o),
	}
	if o.Region != "" {
		options = append(options, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(options, o.Load...)...)
	if err != nil {
		return nil, configProblem(r, err)
	}
	c := &Caller{Config: cfg, origin: originOf(cfg, o.Profile), now: o.Now}
	c.account = c.origin.account
	if c.origin.mfa {
		c.Config.Credentials = o.Codes.share(c.origin.profile, c.Config.Credentials)
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// Retrieve gets the credentials before the call, so that their faults are told
// from those of the call. Clients of the Config find them in the cache
// afterwards. Errors are problems; where there are no credentials at all the
// [problem.NoCredentials] wraps [ErrNone].
func (c *Caller) Retrieve(ctx context.Context, r Request) error {
	bounded, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	got, err := c.Config.Credentials.Retrieve(bounded)
	if err == nil {
		c.account = cmp.Or(c.account, got.AccountID)
		return nil
	}
	if c.origin.machineRole && ctx.Err() == nil {
		return c.noCredentials(r)
	}
	if c.origin.process && bounded.Err() != nil && ctx.Err() == nil {
		return c.processFailed(r, fmt.Sprintf("did not end within %s", c.patience()))
	}
	return c.credentialsProblem(ctx, r, err)
}

// patience is how long credentials may take, by where they come from.
func (c *Caller) patience() time.Duration {
	switch {
	case c.limit > 0:
		return c.limit
	case c.origin.machineRole && elsewhereThanEC2():
		return elsewhereTimeout
	case c.origin.machineRole:
		return machineRoleTimeout
	case c.origin.mfa:
		return personTimeout
	case c.origin.process:
		return processTimeout
	}
	return credentialsTimeout
}

// String names the credentials in the middle of a sentence.
func (c *Caller) String() string { return c.origin.String() }

// Identity asks AWS who the caller is. Errors are problems.
func (c *Caller) Identity(ctx context.Context, r Request) (arn string, err error) {
	out, err := sts.NewFromConfig(c.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		r.Action, r.Resource = "sts:GetCallerIdentity", "*"
		return "", c.Problem(ctx, r, err)
	}
	return aws.ToString(out.Arn), nil
}

// identity is the same in a little time; empty where that fails.
func (c *Caller) identity(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	out, err := sts.NewFromConfig(c.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return ""
	}
	return aws.ToString(out.Arn)
}

// Code returns AWS's code of the error, or nothing where AWS did not answer.
func Code(err error) string {
	if coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err); ok {
		return coded.ErrorCode()
	}
	return ""
}

func (c *Caller) noCredentials(r Request) *problem.Problem {
	sentence := "This computer has no AWS credentials to " + r.Purpose + "."
	if c.origin.profile != "" && c.origin.profile != config.DefaultSharedConfigProfile {
		sentence = fmt.Sprintf("The AWS profile %s holds no credentials to %s.", quoted(c.origin.profile), r.Purpose)
	}
	hint := "Set up AWS credentials"
	if r.OrElse != "" {
		hint = strings.TrimSuffix(r.OrElse, ".") + ", or set up AWS credentials"
	}
	if r.Account != "" {
		hint += " for the account " + r.Account
	}
	return problem.New(problem.NoCredentials, sentence, hint+", for example with `aws configure sso`.", ErrNone)
}
