package caller

import (
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// origin is where the SDK takes the credentials from, as far as a person must
// know it to mend them.
type origin struct {
	profile     string // of the shared config; empty where none is in play
	environment bool   // access keys in environment variables
	machineRole bool   // nothing is configured: only an instance's role is left
	sso         string // the profile to sign in to by IAM Identity Center
	login       string // the profile to sign in to with aws login
	process     bool   // a credential_process
	mfa         bool   // a role that wants a code
	account     string // of the profile, where its file names it
}

func originOf(cfg aws.Config, profile string) origin {
	var o origin
	for _, source := range cfg.ConfigSources {
		switch source := source.(type) {
		case config.EnvConfig:
			o.environment = profile == "" && source.Credentials.HasKeys()
		case config.SharedConfig:
			o.profile = source.Profile
			o.account = source.SSOAccountID
			if source.RoleARN != "" {
				o.account = accountOf(source.RoleARN)
			}
			// A role's source profile is the one that has to sign in.
			for link := &source; link != nil; link = link.Source {
				switch {
				case link.SSOSessionName != "" || link.SSOStartURL != "":
					o.sso = link.Profile
				case link.LoginSession != "":
					o.login = link.Profile
				case link.CredentialProcess != "":
					o.process = true
				}
				o.mfa = o.mfa || link.MFASerial != ""
			}
		}
	}
	if o.environment {
		return origin{environment: true}
	}
	if cached, ok := cfg.Credentials.(*aws.CredentialsCache); ok {
		switch sources := cached.ProviderSources(); {
		case slices.Equal(sources, []aws.CredentialSource{aws.CredentialSourceIMDS}):
			o.machineRole = true
		case slices.Contains(sources, aws.CredentialSourceHTTP), slices.Contains(sources, aws.CredentialSourceEnvVarsSTSWebIDToken):
			o.profile, o.account = "", "" // a container's: the profile has no part in it
		}
	}
	return o
}

// String names the credentials in the middle of a sentence.
func (o origin) String() string {
	switch {
	case o.environment:
		return "the AWS credentials in the environment variables"
	case o.machineRole:
		return "this machine's instance role"
	case o.profile != "":
		return "the AWS profile " + quoted(o.profile)
	}
	return "the AWS credentials of this computer"
}

// signIn says how the credentials are renewed, as a sentence without its end.
func (o origin) signIn() string {
	switch {
	case o.environment:
		return "Set fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them to use a profile"
	case o.sso != "":
		return "Run `spacehatch signin --profile " + shellWord(o.sso) + "`"
	case o.login != "":
		return "Run `aws login --profile " + shellWord(o.login) + "`"
	case o.profile != "":
		return "Renew the credentials of the profile " + quoted(o.profile)
	}
	return "Sign in to AWS again"
}

// plainWord is a profile's name that a shell takes as it is.
var plainWord = lazily(`^[a-zA-Z0-9_.-]+$`)

// lazily compiles a pattern when it is first needed: every ssh starts a process
// of ours.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

func quoted(text string) string { return printable.Quoted(text) }

// shellWord makes a profile's name fit to be copied into a terminal.
func shellWord(name string) string {
	if plainWord().MatchString(name) {
		return name
	}
	return quoted(name)
}
