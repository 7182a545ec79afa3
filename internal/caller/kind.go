package caller

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Configured reports whether anything names credentials: without, there is only
// the role that this machine may have.
func (c *Caller) Configured() bool { return !c.origin.machineRole }

// Kind is how the credentials come about, in a few words for parentheses, such
// as "IAM Identity Center"; empty for plain access keys. It calls nobody.
func (c *Caller) Kind() string {
	cached, ok := c.Config.Credentials.(*aws.CredentialsCache)
	if !ok {
		return ""
	}
	has := func(any ...aws.CredentialSource) bool {
		return slices.ContainsFunc(cached.ProviderSources(), func(s aws.CredentialSource) bool { return slices.Contains(any, s) })
	}
	switch {
	case has(aws.CredentialSourceEnvVarsSTSWebIDToken):
		return "web identity"
	case has(aws.CredentialSourceHTTP):
		return "container"
	case has(aws.CredentialSourceProfileSSO, aws.CredentialSourceSSO, aws.CredentialSourceProfileSSOLegacy, aws.CredentialSourceSSOLegacy):
		return "IAM Identity Center"
	case has(aws.CredentialSourceProfileProcess, aws.CredentialSourceProcess):
		return "credential_process"
	}
	return ""
}
