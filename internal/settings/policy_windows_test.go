package settings

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/windows/registry"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// decide writes a policy as a group policy does; it is gone after the test.
func decide(t *testing.T, write func(registry.Key) error) {
	t.Helper()
	key, existed, err := registry.CreateKey(registry.LOCAL_MACHINE, policyKey, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	if existed {
		t.Fatal("this machine has a policy")
	}
	defer func() { _ = key.Close() }()
	t.Cleanup(func() {
		if err := registry.DeleteKey(registry.LOCAL_MACHINE, policyKey); err != nil {
			t.Error(err)
		}
	})
	if err := write(key); err != nil {
		t.Fatal(err)
	}
}

func TestRegistryPolicy(t *testing.T) {
	if p, err := SystemPolicy(); err != nil || p.Place != "" {
		t.Errorf("without a policy: %+v, %v", p, err)
	}
	decide(t, func(key registry.Key) error {
		return errors.Join(
			key.SetStringsValue(KeyAllowedRegions, []string{"us-east-1", "eu-west-1"}),
			key.SetStringsValue(KeyAllowedAccounts, []string{"111122223333"}),
			key.SetDWordValue(KeyAgentForwarding, 0),
			key.SetDWordValue(KeyUpdateCheck, 1),
			key.SetStringValue(KeyInterception, InterceptionForbidden),
		)
	})
	p, err := SystemPolicy()
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, d := range p.Decisions() {
		said = append(said, d.Key+"="+Text(d.Value))
	}
	want := "agent_forwarding=false allowed_accounts=111122223333 allowed_regions=us-east-1, eu-west-1 interception=forbidden update_check=true"
	if got := strings.Join(said, " "); got != want || p.Place != `HKEY_LOCAL_MACHINE\`+policyKey {
		t.Errorf("%s decides %s, want %s", p.Place, got, want)
	}
}

func TestRegistryPolicyThatCannotBeUsed(t *testing.T) {
	for name, write := range map[string]func(registry.Key) error{
		"unknown":       func(key registry.Key) error { return key.SetStringValue("allowed_accountss", "111122223333") },
		"kind":          func(key registry.Key) error { return key.SetBinaryValue(KeyAllowedRegions, []byte{1}) },
		"not a list":    func(key registry.Key) error { return key.SetDWordValue(KeyAllowedRegions, 1) },
		"value":         func(key registry.Key) error { return key.SetStringsValue(KeyAllowedAccounts, []string{"12"}) },
		"a nameless":    func(key registry.Key) error { return key.SetStringValue("", "x") },
		"text for bool": func(key registry.Key) error { return key.SetStringValue(KeyAgentForwarding, "no") },
	} {
		t.Run(name, func(t *testing.T) {
			decide(t, write)
			if p, err := SystemPolicy(); !errors.Is(err, &problem.Problem{Code: Invalid}) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}
