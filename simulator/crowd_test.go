package simulator

import (
	"testing"

	"github.com/spacehatch/spacehatch/simulator/api"
)

func TestACrowdIsALargeAccount(t *testing.T) {
	for _, n := range []int{0, 1, 19, 1000} {
		c := crowd(n)
		domains, owners, names := map[string]string{}, map[string]bool{}, map[string]bool{}
		for _, d := range c.domains {
			domains[d.ID] = d.AuthMode
		}
		for _, p := range c.profiles {
			owners[p.Domain+"/"+p.Name] = true
			if (domains[p.Domain] == "SSO") != (p.SingleSignOnUser != "") {
				t.Errorf("%+v in a domain of %s", p, domains[p.Domain])
			}
		}
		running := 0
		for _, s := range c.spaces {
			if !owners[s.Domain+"/"+s.Owner] || domains[s.Domain] == "" {
				t.Errorf("%+v is nobody's, or nowhere", s)
			}
			names[s.Name] = true
			if s.Running {
				running++
			}
		}
		if len(names) != n || len(c.domains) != min(n, crowdDomains) || n == 1000 && (running < 300 || running > 400) {
			t.Errorf("%d: %d names, %d domains, %d running", n, len(names), len(c.domains), running)
		}
	}
	// AWS's API takes them.
	c := crowd(25)
	api.New(api.Config{Region: region, Account: account, Domains: c.domains, Profiles: c.profiles, Spaces: c.spaces})
}
