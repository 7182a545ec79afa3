package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The keys of a policy beyond those of settings.toml, which it may hold as
// well. A key that is neither makes the policy unusable, and with it the
// program: what an administrator forbids is not overlooked.
const (
	KeyAllowedAccounts = "allowed_accounts" // list of AWS account ids
	KeyAllowedDomains  = "allowed_domains"  // list of domain ids
	KeyAllowedRegions  = "allowed_regions"  // list of AWS regions
	KeyAgentForwarding = "agent_forwarding" // true or false
	KeyInterception    = "interception"     // "allowed", "forbidden" or "forced"
)

// The values of interception.
const (
	InterceptionAllowed   = "allowed"
	InterceptionForbidden = "forbidden"
	InterceptionForced    = "forced"
)

// Restrictions are what only an administrator decides. The zero value restricts
// nothing.
type Restrictions struct {
	// Accounts, Domains and Regions are the only ones that a space may be in;
	// empty is any.
	Accounts, Domains, Regions []string
	// NoAgentForwarding: the user may not let a space use the keys of the SSH
	// agent.
	NoAgentForwarding bool
	// Interception says whether links of IDEs may come here first, or must;
	// empty is [InterceptionAllowed].
	Interception string
}

const maxAllowed = 1000 // entries of a list of a policy

// policyKeys are those beyond settings.toml.
func policyKeys() []Key {
	list := func(name, about, example string, field func(*Settings) *[]string, valid func(string) bool) Key {
		return Key{
			Name: name, About: about, Allowed: `a list such as ["` + example + `"]`, Example: example, Blank: "any", Parse: many,
			put: putList(field, maxAllowed, func(text string) (string, error) {
				if !valid(text) {
					return "", fmt.Errorf("%s cannot be one", printable.Quoted(text))
				}
				return text, nil
			}),
			get: func(s Settings) any { return *field(&s) },
		}
	}
	plain := func(text, extra string) bool {
		return text != "" && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789"+extra) == ""
	}
	return []Key{
		list(KeyAllowedAccounts, "The AWS accounts whose spaces may be opened.", "111122223333",
			func(s *Settings) *[]string { return &s.Restrictions.Accounts },
			func(text string) bool { return len(text) == 12 && strings.Trim(text, "0123456789") == "" }),
		list(KeyAllowedDomains, "The domains whose spaces may be opened.", "d-abcdef123456",
			func(s *Settings) *[]string { return &s.Restrictions.Domains },
			func(text string) bool { return plain(text, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") }),
		list(KeyAllowedRegions, "The AWS regions whose spaces may be opened.", "us-east-1",
			func(s *Settings) *[]string { return &s.Restrictions.Regions },
			func(text string) bool { return plain(text, "-") }),
		{
			Name: KeyAgentForwarding, About: "Whether a space may be let use the keys in the SSH agent.",
			Allowed: "true or false", Example: "false", Values: []string{"true", "false"}, Parse: Bool,
			put: func(s *Settings, value any) error {
				on, ok := value.(bool)
				if !ok {
					return errUnfit
				}
				s.Restrictions.NoAgentForwarding = !on
				return nil
			},
			get: func(s Settings) any { return !s.Restrictions.NoAgentForwarding },
		},
		{
			Name: KeyInterception, About: "Whether links of IDEs may come to Spacehatch first, or must.",
			Allowed: `"allowed", "forbidden" or "forced"`, Example: "forbidden", Values: interceptions(), Parse: one,
			put: putText(func(s *Settings) *string { return &s.Restrictions.Interception }, func(text string) bool { return slices.Contains(interceptions(), text) }),
			get: func(s Settings) any { return cmp.Or(s.Restrictions.Interception, InterceptionAllowed) },
		},
	}
}

func interceptions() []string {
	return []string{InterceptionAllowed, InterceptionForbidden, InterceptionForced}
}

// findForPolicy finds a key that a policy may hold.
func findForPolicy(name string) (Key, bool) {
	if k, ok := Find(name); ok {
		return k, true
	}
	keys := policyKeys()
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// Policy is what an administrator has decided for everybody on this machine.
// The zero value decides nothing.
type Policy struct {
	// Place is where it stands: a file, or a key of the registry. Empty is
	// nowhere.
	Place string
	layer layer
}

// PolicyFile reads a policy from a file in the manner of settings.toml. One
// that does not exist decides nothing; one that cannot be used is a Problem of
// code [Invalid].
func PolicyFile(path string) (Policy, error) {
	data, err := read(path)
	if err != nil || data == nil {
		return Policy{}, err
	}
	doc, err := parse(path, data)
	if err != nil {
		return Policy{}, err
	}
	p := Policy{Place: path, layer: layer{origin: Administrator}}
	for _, st := range doc.statements {
		p.add(st.key, st.value, fmt.Sprintf("line %d, %s", st.line, printable.Quoted(st.key)))
	}
	return p, p.check()
}

// policyOf makes a policy of values that the system keeps as such.
func policyOf(place string, values map[string]any) (Policy, error) {
	p := Policy{Place: place, layer: layer{origin: Administrator}}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		p.add(key, values[key], printable.Quoted(key))
	}
	return p, p.check()
}

func (p *Policy) add(key string, value any, where string) {
	p.layer.says = append(p.layer.says, said{key, value, nil, func(reason error) error {
		if errors.Is(reason, errUnknownKey) {
			reason = errors.New("this version knows no such key")
		}
		return problem.New(Invalid, fmt.Sprintf("Your administrator's policy in %s cannot be used: %s: %s.", p.Place, where, reason),
			"Nothing is opened until your administrator has corrected it.", nil)
	}})
}

// check finds what does not fit before anything relies on it.
func (p *Policy) check() error {
	s := Defaults()
	return p.layer.into(&s, findForPolicy, func(string) {})
}

// Interception returns what it says about interception.
func (p Policy) Interception() string {
	s := Defaults()
	_ = p.layer.into(&s, findForPolicy, func(string) {}) // it was checked
	return cmp.Or(s.Restrictions.Interception, InterceptionAllowed)
}

// Decision is one thing that a policy decides.
type Decision struct {
	Key   string
	Value any
}

// Decisions returns what it decides, in its own order.
func (p Policy) Decisions() []Decision {
	s := Defaults()
	var all []Decision
	_ = p.layer.into(&s, findForPolicy, func(key string) { all = append(all, Decision{Key: key}) }) // it was checked
	for i := range all {
		k, _ := findForPolicy(all[i].Key)
		all[i].Value = k.get(s)
	}
	return all
}
