package settings

import (
	"errors"

	"golang.org/x/sys/windows/registry"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// policyKey is where group policies stand; only administrators write there.
const policyKey = `SOFTWARE\Policies\Spacehatch`

// SystemPolicy reads what an administrator has decided for this machine: texts
// (REG_SZ), lists (REG_MULTI_SZ), and true and false as 1 and 0 (REG_DWORD).
func SystemPolicy() (Policy, error) {
	place := `HKEY_LOCAL_MACHINE\` + policyKey
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, policyKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return Policy{}, nil
	}
	if err != nil {
		return Policy{}, unreadablePolicy(place, err)
	}
	defer func() { _ = key.Close() }()
	names, err := key.ReadValueNames(-1)
	if err != nil {
		return Policy{}, unreadablePolicy(place, err)
	}
	values := map[string]any{}
	for _, name := range names {
		_, kind, err := key.GetValue(name, nil)
		if err != nil {
			return Policy{}, unreadablePolicy(place, err)
		}
		switch kind {
		case registry.SZ, registry.EXPAND_SZ:
			values[name], _, err = key.GetStringValue(name)
		case registry.MULTI_SZ:
			values[name], _, err = key.GetStringsValue(name)
		case registry.DWORD, registry.QWORD:
			var number uint64
			number, _, err = key.GetIntegerValue(name)
			values[name] = number != 0
		default:
			values[name] = nil
		}
		if err != nil {
			return Policy{}, unreadablePolicy(place, err)
		}
	}
	return policyOf(place, values)
}

func unreadablePolicy(place string, cause error) error {
	return problem.New(Invalid, "Your administrator's policy in "+place+" cannot be read.", "Tell your administrator.", cause)
}
