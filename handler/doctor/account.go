package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// machineRoleTimeout bounds the wait for an instance's role where nothing else
// is configured: on most computers nobody answers at that address.
const machineRoleTimeout = 3 * time.Second

// Credentials looks which AWS credentials a new session would be asked for
// with. Only online it uses them: AWS is asked whose they are
// (sts:GetCallerIdentity), and accounts, those of the known spaces, are
// compared. Without any a link from Studio still opens a space, so nothing
// here is an error.
func Credentials(region string, online bool, accounts []string) Check {
	return Check{ID: "credentials", Title: "Credentials", Look: func(ctx context.Context) ([]Finding, error) {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithLogger(logging.Nop{}))
		if err != nil {
			return []Finding{configFinding(err)}, nil
		}
		s := sourceOf(cfg)
		if !online {
			if s.machineRole {
				return one(Info, "No AWS credentials are set up on this computer. Links from Studio need none.", ""), nil
			}
			return fine("New sessions are asked for with %s.", s), nil
		}
		return []Finding{s.identity(ctx, cfg, accounts)}, nil
	}}
}

func configFinding(err error) Finding {
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return Finding{Severity: Warning, Sentence: fmt.Sprintf("There is no AWS profile named %s on this computer.", printable.Quoted(missing.Profile)),
			Hint: "Correct AWS_PROFILE, or choose one of those that `aws configure list-profiles` lists."}
	}
	// Its text may quote the file, and that may hold keys.
	return Finding{Severity: Warning, Sentence: "The AWS configuration of this computer cannot be used.", Hint: "Check it with `aws configure list`."}
}

// source is where credentials come from.
type source struct {
	words       string // in the middle of a sentence
	machineRole bool   // nothing is configured
	signIn      string // what renews them, a whole sentence
}

func (s source) String() string { return s.words }

func sourceOf(cfg aws.Config) source {
	var sources []aws.CredentialSource
	if cached, ok := cfg.Credentials.(*aws.CredentialsCache); ok {
		sources = cached.ProviderSources()
	}
	profile := ""
	for _, from := range cfg.ConfigSources {
		if shared, ok := from.(config.SharedConfig); ok {
			profile = shared.Profile
		}
	}
	has := func(any ...aws.CredentialSource) bool {
		return slices.ContainsFunc(sources, func(s aws.CredentialSource) bool { return slices.Contains(any, s) })
	}
	named := "the AWS profile " + printable.Quoted(profile)
	switch {
	case slices.Equal(sources, []aws.CredentialSource{aws.CredentialSourceIMDS}):
		return source{words: "this machine's instance role", machineRole: true, signIn: "Give the machine a role, or set up a profile."}
	case has(aws.CredentialSourceEnvVars):
		return source{words: "the AWS credentials in the environment variables", signIn: "Set fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them to use a profile."}
	case has(aws.CredentialSourceEnvVarsSTSWebIDToken):
		return source{words: "the web identity in the environment variables", signIn: "Renew the file that AWS_WEB_IDENTITY_TOKEN_FILE names."}
	case has(aws.CredentialSourceHTTP):
		return source{words: "the credentials of this container", signIn: "Look at the role of the container."}
	case has(aws.CredentialSourceProfileSSO, aws.CredentialSourceSSO, aws.CredentialSourceProfileSSOLegacy, aws.CredentialSourceSSOLegacy):
		return source{words: named + " (IAM Identity Center)", signIn: "Run `spacehatch signin --profile " + printable.Text(profile, 128) + "`."}
	case has(aws.CredentialSourceProfileProcess, aws.CredentialSourceProcess):
		return source{words: named + " (credential_process)", signIn: "Run its credential_process in a terminal to see why."}
	case profile != "":
		return source{words: named, signIn: "Renew the credentials of the profile " + printable.Quoted(profile) + "."}
	}
	return source{words: "the AWS credentials of this computer", signIn: "Sign in to AWS again."}
}

// identity uses the credentials and tells whose they are.
func (s source) identity(ctx context.Context, cfg aws.Config, accounts []string) Finding {
	bounded := ctx
	if s.machineRole {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, machineRoleTimeout)
		defer cancel()
	}
	if _, err := cfg.Credentials.Retrieve(bounded); err != nil {
		if s.machineRole {
			return Finding{Severity: Info, Sentence: "No AWS credentials are set up on this computer. Links from Studio need none."}
		}
		return s.failed(err)
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return s.failed(err)
	}
	account := printable.Text(aws.ToString(caller.Account), 32)
	f := Finding{Severity: OK, Sentence: fmt.Sprintf("%s%s: %s in the account %s.",
		strings.ToUpper(s.words[:1]), s.words[1:], printable.Text(aws.ToString(caller.Arn), 300), account)}
	if len(accounts) > 0 && !slices.Contains(accounts, account) {
		f.Severity = Warning
		f.Sentence += " None of the spaces that you opened before is in that account."
		f.Hint = "Choose another profile with AWS_PROFILE, or open spaces by their links from Studio."
	}
	return f
}

// plainCode is the form of AWS's error codes.
var plainCode = regexp.MustCompile(`^[A-Za-z.]{1,64}$`)

// failed tells why credentials are of no use. The error's own text is not
// shown: answers to bad signatures quote the request.
func (s source) failed(err error) Finding {
	f := Finding{Severity: Warning, Hint: s.signIn}
	code := ""
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		code = answer.ErrorCode()
	}
	_, noToken := errors.AsType[*ssocreds.InvalidTokenError](err)
	switch {
	case slices.Contains([]string{"ExpiredToken", "ExpiredTokenException", "UnauthorizedException", "InvalidGrantException"}, code), noToken:
		f.Sentence = fmt.Sprintf("The sign-in of %s has expired.", s)
	case slices.Contains([]string{"InvalidClientTokenId", "UnrecognizedClientException"}, code):
		f.Sentence = fmt.Sprintf("AWS does not know the access key of %s.", s)
	case code == "SignatureDoesNotMatch" || code == "InvalidSignatureException":
		f.Sentence = fmt.Sprintf("The secret key of %s does not fit, or this computer's clock is wrong.", s)
	case plainCode.MatchString(code):
		f.Sentence = fmt.Sprintf("AWS refused %s (%s).", s, code)
	case errors.Is(err, fs.ErrNotExist):
		f.Sentence = fmt.Sprintf("Nobody has signed in to %s on this computer yet.", s)
	default:
		f.Sentence = fmt.Sprintf("Nothing could be learned of %s: neither they nor AWS gave a usable answer.", s)
	}
	return f
}
