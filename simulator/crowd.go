package simulator

import (
	"fmt"

	"github.com/spacehatch/spacehatch/simulator/api"
)

// crowdDomains is how many domains the crowd lives in, profilesPerDomain how
// many people there are in each.
const (
	crowdDomains      = 20
	profilesPerDomain = 10
)

// crowdOf is what there is beside the spaces of the page.
type crowdOf struct {
	domains  []api.Domain
	profiles []api.UserProfile
	spaces   []api.Space
}

// crowd makes n more spaces, as a large account has them: every third one runs,
// every second domain has its users from single sign-on, under profile names
// that do not tell who they are.
func crowd(n int) crowdOf {
	var c crowdOf
	for d := range min(n, crowdDomains) {
		domain := api.Domain{ID: fmt.Sprintf("d-crowd%07d", d+1), Name: fmt.Sprintf("team-%02d", d+1), AuthMode: "IAM"}
		if d%2 == 1 {
			domain.AuthMode = "SSO"
		}
		c.domains = append(c.domains, domain)
		for u := range profilesPerDomain {
			profile := api.UserProfile{Domain: domain.ID, Name: fmt.Sprintf("user-%02d", u+1)}
			if domain.AuthMode == "SSO" {
				profile.Name = fmt.Sprintf("p-%06x", (d*profilesPerDomain+u)*7919+4096)
				profile.SingleSignOnUser = fmt.Sprintf("user%02d@example.com", u+1)
			}
			c.profiles = append(c.profiles, profile)
		}
	}
	instances := []string{"ml.t3.medium", "ml.t3.large", "ml.m5.xlarge", "ml.g5.2xlarge"}
	for i := range n {
		d := i % crowdDomains
		owner := c.profiles[d*profilesPerDomain+i/crowdDomains%profilesPerDomain]
		space := api.Space{Domain: owner.Domain, Name: fmt.Sprintf("space-%05d", i+1), Owner: owner.Name, AppType: jupyterLab,
			InstanceType: instances[i%len(instances)], RemoteAccess: i%4 != 0, Running: i%3 == 0}
		if i%5 == 0 {
			space.AppType = codeEditor
		}
		c.spaces = append(c.spaces, space)
	}
	return c
}
