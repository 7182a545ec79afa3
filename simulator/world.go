package simulator

import (
	"slices"

	"github.com/spacehatch/spacehatch/simulator/api"
)

// The world that every simulator starts with. Account and names are those of
// AWS's documentation, so that nobody takes them for real ones.
const (
	region  = "us-east-1"
	account = "111122223333"

	studioDomain  = "d-simulated0001"
	unifiedDomain = "d-unified000001"

	unifiedID      = "dzd_simulated01"
	unifiedProject = "simulatedproject"

	hyperPodCluster   = "arn:aws:eks:us-east-1:111122223333:cluster/simulated"
	hyperPodNamespace = "default"
	hyperPodWorkspace = "ws1"

	jupyterLab = "JupyterLab"
	codeEditor = "CodeEditor"
)

// awsProfiles are profiles to sign in to, by the page of IAM Identity Center that
// the simulator has; one also wants the code [api.MFACode].
const awsProfiles = `# Profiles of the simulator; the environment's credentials come before them.
[sso-session simulated]
sso_start_url = https://simulated.awsapps.com/start
sso_region = ` + region + `
sso_registration_scopes = sso:account:access

[profile simulated]
sso_session = simulated
sso_account_id = ` + account + `
sso_role_name = DataScientist
region = ` + region + `

[profile simulated-mfa]
source_profile = simulated
role_arn = arn:aws:iam::` + account + `:role/` + api.RoleWithMFA + `
mfa_serial = arn:aws:iam::` + account + `:mfa/` + api.SignInUser + `
region = ` + region + `
`

func domains() []api.Domain {
	return []api.Domain{
		{ID: studioDomain, Name: "simulated-studio", AuthMode: "IAM"},
		{ID: unifiedDomain, Name: "simulated-unified", AuthMode: "SSO",
			UnifiedStudio: &api.UnifiedStudio{DomainID: unifiedID, DomainAccount: account, DomainRegion: region,
				ProjectID: unifiedProject, EnvironmentID: "simulatedenv"}},
	}
}

func profiles() []api.UserProfile {
	return []api.UserProfile{
		{Domain: studioDomain, Name: "alice"},
		{Domain: studioDomain, Name: "bob"},
		{Domain: unifiedDomain, Name: "carol-example-com", SingleSignOnUser: "carol@example.com"},
	}
}

func spaces() []api.Space {
	return []api.Space{
		{Domain: studioDomain, Name: "my-space", Owner: "alice", AppType: jupyterLab, InstanceType: "ml.t3.large", RemoteAccess: true, Running: true},
		{Domain: studioDomain, Name: "notebooks", Owner: "alice", AppType: codeEditor, InstanceType: "ml.m5.large", RemoteAccess: true, Running: true},
		{Domain: studioDomain, Name: "MySpace2", Owner: "bob", AppType: jupyterLab, InstanceType: "ml.t3.large", RemoteAccess: true, Running: true},
		// Opening these two takes more than StartSession.
		{Domain: studioDomain, Name: "stopped", Owner: "alice", AppType: jupyterLab, InstanceType: "ml.t3.medium"},
		{Domain: studioDomain, Name: "closed", Owner: "alice", AppType: codeEditor, InstanceType: "ml.t3.large", Running: true},
		{Domain: unifiedDomain, Name: "MyProject", Owner: "carol-example-com", AppType: codeEditor, InstanceType: "ml.t3.large", RemoteAccess: true, Running: true},
	}
}

// The machines of Systems Manager, named as AWS's documentation names them.
const (
	instanceID = "i-0123456789abcdef0"  // an EC2 instance
	hybridID   = "mi-0123456789abcdef0" // a machine elsewhere
	offlineID  = "i-0fedcba9876543210"  // one whose agent is not connected

	instanceUser = "ec2-user"
)

func targets() []api.Target {
	return []api.Target{{ID: instanceID, Online: true}, {ID: hybridID, Online: true}, {ID: offlineID}}
}

// place is something that has an "Open in VS Code" button.
type place struct {
	kind    string // as in the path of its link: sagemaker, smus, workspace
	name    string
	domain  string // empty for HyperPod
	owner   string
	appType string
	arn     string // for HyperPod the cluster's, "/<namespace>/<workspace>" added
}

const (
	kindSageMaker = "sagemaker"
	kindUnified   = "smus"
	kindHyperPod  = "workspace"
)

// places lists all buttons in the order of the page.
func places(spaces []api.Space) []place {
	var all []place
	for _, s := range spaces {
		kind := kindSageMaker
		if s.Domain == unifiedDomain {
			kind = kindUnified
		}
		all = append(all, place{kind: kind, name: s.Name, domain: s.Domain, owner: s.Owner, appType: s.AppType,
			arn: api.ARN(region, account, "space/"+s.Domain+"/"+s.Name)})
	}
	return append(all, place{kind: kindHyperPod, name: hyperPodWorkspace,
		arn: hyperPodCluster + "/" + hyperPodNamespace + "/" + hyperPodWorkspace})
}

// find returns the first place that fits; what is empty fits every place, but
// not everything may be empty. Names are case-sensitive.
func find(all []place, name, domain, kind string) (place, bool) {
	if name == "" && kind == "" {
		return place{}, false
	}
	i := slices.IndexFunc(all, func(p place) bool {
		return (name == "" || p.name == name) && (domain == "" || p.domain == domain) && (kind == "" || p.kind == kind)
	})
	if i < 0 {
		return place{}, false
	}
	return all[i], true
}

// assumedRole makes the credentials of a role's session in the account.
func assumedRole(role, session string) api.Identity {
	return api.AssumedRole(account, role, session, 0)
}
