package settings

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// TestPolicyHasTheLastWord over the file and the environment.
func TestPolicyHasTheLastWord(t *testing.T) {
	policy, err := PolicyFile(file(t, `# for everybody
trusted_hosts = ["vpce.example:443"]
update_check = false
allowed_accounts = ["111122223333", "444455556666"]
allowed_domains = ["d-abc", "dzd_Xyz"]
allowed_regions = [
  "us-east-1",
]
agent_forwarding = false
interception = "forced"
`))
	if err != nil {
		t.Fatal(err)
	}
	path := file(t, "trusted_hosts = [\"mine.example\"]\nupdate_check = true\neditor = \"code\"\n")
	r, err := Resolve(path, func(name string) (string, bool) { return "theirs.example", name == VariableTrustedHosts }, policy)
	if err != nil {
		t.Fatal(err)
	}
	want := Restrictions{
		Accounts: []string{"111122223333", "444455556666"}, Domains: []string{"d-abc", "dzd_Xyz"}, Regions: []string{"us-east-1"},
		NoAgentForwarding: true, Interception: InterceptionForced,
	}
	if !reflect.DeepEqual(r.Restrictions, want) || r.UpdateCheck || !reflect.DeepEqual(r.TrustedHosts, []string{"vpce.example:443"}) || r.Editor != "code" {
		t.Errorf("%+v", r.Settings)
	}
	for key, origin := range map[string]Origin{
		KeyTrustedHosts: Administrator, KeyUpdateCheck: Administrator, KeyEditor: File, KeyTray: Default, KeyAllowedRegions: Administrator,
	} {
		if got := r.Origin(key); got != origin {
			t.Errorf("%s comes from %s, want %s", key, got, origin)
		}
	}
	if policy.Interception() != InterceptionForced {
		t.Errorf("interception is %q", policy.Interception())
	}
	var said []string
	for _, d := range policy.Decisions() {
		said = append(said, d.Key+"="+Text(d.Value))
	}
	if got := strings.Join(said, " "); got != "trusted_hosts=vpce.example:443 update_check=false allowed_accounts=111122223333, 444455556666 "+
		"allowed_domains=d-abc, dzd_Xyz allowed_regions=us-east-1 agent_forwarding=false interception=forced" {
		t.Errorf("decisions: %s", got)
	}
}

// TestTheExample is the one that administrators copy.
func TestTheExample(t *testing.T) {
	p, err := PolicyFile("../../packaging/policies/policy.toml")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, d := range p.Decisions() {
		told[d.Key] = true
	}
	for _, k := range policyKeys() {
		if !told[k.Name] {
			t.Errorf("it does not show %s", k.Name)
		}
	}
}

func TestNoPolicy(t *testing.T) {
	policy, err := PolicyFile(file(t, "") + "-not-there")
	if err != nil || policy.Place != "" || len(policy.Decisions()) != 0 || policy.Interception() != InterceptionAllowed {
		t.Errorf("%+v, %v", policy, err)
	}
	r, err := Resolve(file(t, ""), none, policy)
	if err != nil || !reflect.DeepEqual(r.Settings, Defaults()) {
		t.Errorf("%+v, %v", r.Settings, err)
	}
}

// TestBadPolicies: none is overlooked, and each tells where it is wrong.
func TestBadPolicies(t *testing.T) {
	for text, says := range map[string]string{
		"colour = \"red\"":                              `line 1, "colour": this version knows no such key`,
		"\n# x\nallowed_accounts = [\"1\"]":             `line 3, "allowed_accounts": "1" cannot be one`,
		"allowed_accounts = 111122223333":               `"allowed_accounts": it must be a list`,
		"allowed_regions = [\"us east\"]":               `"us east" cannot be one`,
		"allowed_domains = [\"\\u001b[2J\"]":            "cannot be one",
		"agent_forwarding = \"no\"":                     `it must be true or false`,
		"interception = \"sometimes\"":                  `it must be "allowed", "forbidden" or "forced"`,
		"[allowed]\nregions = [\"x\"]":                  "knows no such key",
		"trusted_hosts = [\"*\"]":                       "trusted_hosts",
		"allowed_regions = [":                           "cannot be read as TOML",
		"allowed_regions = [\"\xff\"]":                  "UTF-8",
		"allowed_accounts = [\"" + "1\", \"1" + "\"]\n": "cannot be one",
	} {
		_, err := PolicyFile(file(t, text))
		p := problem.From(err)
		if p == nil || p.Code != Invalid || !strings.Contains(p.Sentence, says) || p.Hint == "" {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if _, err := PolicyFile(t.TempDir()); !errors.Is(err, &problem.Problem{Code: Invalid}) {
		t.Errorf("a folder: %v", err)
	}
}

// TestUsersCannotRestrict: keys of a policy are none of settings.toml.
func TestUsersCannotRestrict(t *testing.T) {
	for _, k := range policyKeys() {
		if _, err := Load(file(t, k.Name+" = true\n"), none); !errors.Is(err, &problem.Problem{Code: Invalid}) {
			t.Errorf("%s in settings.toml: %v", k.Name, err)
		}
	}
}

// TestPolicyOfValues is for systems that keep values and no file.
func TestPolicyOfValues(t *testing.T) {
	p, err := policyOf(`HKLM\x`, map[string]any{
		KeyAllowedRegions: []string{"eu-west-1"}, KeyAllowedAccounts: []any{"111122223333"}, KeyUpdateCheck: false, KeyInterception: "forbidden",
	})
	if err != nil || p.Place != `HKLM\x` || p.Interception() != InterceptionForbidden || len(p.Decisions()) != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, values := range []map[string]any{{"x": nil}, {KeyUpdateCheck: "yes"}, {KeyAllowedRegions: []any{1}}, {KeyTray: nil}} {
		if _, err := policyOf("place", values); !errors.Is(err, &problem.Problem{Code: Invalid}) {
			t.Errorf("%v: %v", values, err)
		}
	}
}

func FuzzPolicyFile(f *testing.F) {
	for _, s := range []string{"allowed_regions = [\"us-east-1\"]", "interception = \"forced\"\ntray = false", "x", "a.b = 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := PolicyFile(file(t, text))
		if err != nil {
			if !errors.Is(err, &problem.Problem{Code: Invalid}) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		r, err := Resolve(file(t, ""), none, p)
		if err != nil {
			t.Fatalf("%q was read, and then not: %v", text, err)
		}
		for _, d := range p.Decisions() {
			if r.Origin(d.Key) != Administrator {
				t.Errorf("%q: %s comes from %s", text, d.Key, r.Origin(d.Key))
			}
		}
	})
}
