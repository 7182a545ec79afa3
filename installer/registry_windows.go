package installer

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// branch is a key of the registry with all below it.
type branch struct {
	Values map[string]registryValue `json:"values,omitempty"`
	Keys   map[string]*branch       `json:"keys,omitempty"`
}

// registryValue is a value as it can be put back: one of the fields, by Kind.
type registryValue struct {
	Kind   uint32   `json:"kind"`
	Text   string   `json:"text,omitempty"`
	Texts  []string `json:"texts,omitempty"`
	Number uint64   `json:"number,omitempty"`
	Bytes  []byte   `json:"bytes,omitempty"`
}

func text(s string) registryValue { return registryValue{Kind: registry.SZ, Text: s} }

// maxDepth and maxEntries bound a branch that somebody else has made.
const (
	maxDepth   = 16
	maxEntries = 1000
)

// errStrange says that a branch cannot be put back as it is.
var errStrange = errors.New("it holds what cannot be put back")

// readBranch returns the branch at path, nil where there is none.
func readBranch(root registry.Key, path string) (*branch, error) {
	left := maxEntries
	return readBelow(root, path, maxDepth, &left)
}

func readBelow(root registry.Key, path string, depth int, left *int) (*branch, error) {
	key, err := registry.OpenKey(root, path, registry.QUERY_VALUE|registry.ENUMERATE_SUB_KEYS)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = key.Close() }()
	values, err := key.ReadValueNames(-1)
	if err != nil {
		return nil, err
	}
	keys, err := key.ReadSubKeyNames(-1)
	if err != nil {
		return nil, err
	}
	if *left -= len(values) + len(keys); depth == 0 || *left < 0 {
		return nil, errStrange
	}
	b := &branch{Values: map[string]registryValue{}, Keys: map[string]*branch{}}
	for _, name := range values {
		if b.Values[name], err = readValue(key, name); err != nil {
			return nil, err
		}
	}
	for _, name := range keys {
		below, err := readBelow(root, path+`\`+name, depth-1, left)
		if err != nil {
			return nil, err
		}
		if below != nil { // it went meanwhile
			b.Keys[name] = below
		}
	}
	return b, nil
}

func readValue(key registry.Key, name string) (v registryValue, err error) {
	if _, v.Kind, err = key.GetValue(name, nil); err != nil {
		return v, err
	}
	switch v.Kind {
	case registry.SZ, registry.EXPAND_SZ:
		v.Text, _, err = key.GetStringValue(name)
	case registry.MULTI_SZ:
		v.Texts, _, err = key.GetStringsValue(name)
	case registry.DWORD, registry.QWORD:
		v.Number, _, err = key.GetIntegerValue(name)
	case registry.BINARY:
		v.Bytes, _, err = key.GetBinaryValue(name)
	default:
		err = errStrange
	}
	return v, err
}

// writeBranch makes the branch at path be b; a nil b is none.
func writeBranch(root registry.Key, path string, b *branch) error {
	if err := deleteBranch(root, path); err != nil || b == nil {
		return err
	}
	key, _, err := registry.CreateKey(root, path, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer func() { _ = key.Close() }()
	for _, name := range slices.Sorted(maps.Keys(b.Values)) {
		if err := writeValue(key, name, b.Values[name]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Keys)) {
		if err := writeBranch(root, path+`\`+name, b.Keys[name]); err != nil {
			return err
		}
	}
	return nil
}

func writeValue(key registry.Key, name string, v registryValue) error {
	switch v.Kind {
	case registry.SZ:
		return key.SetStringValue(name, v.Text)
	case registry.EXPAND_SZ:
		return key.SetExpandStringValue(name, v.Text)
	case registry.MULTI_SZ:
		return key.SetStringsValue(name, v.Texts)
	case registry.DWORD:
		return key.SetDWordValue(name, uint32(v.Number))
	case registry.QWORD:
		return key.SetQWordValue(name, v.Number)
	case registry.BINARY:
		return key.SetBinaryValue(name, v.Bytes)
	}
	return fmt.Errorf("value %q: %w", name, errStrange)
}

func deleteBranch(root registry.Key, path string) error {
	key, err := registry.OpenKey(root, path, registry.ENUMERATE_SUB_KEYS)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	below, err := key.ReadSubKeyNames(-1)
	if err = errors.Join(err, key.Close()); err != nil {
		return err
	}
	for _, name := range below {
		if err := deleteBranch(root, path+`\`+name); err != nil {
			return err
		}
	}
	return registry.DeleteKey(root, path)
}

// equal: no branch differs from an empty one.
func (b *branch) equal(o *branch) bool {
	if b == nil || o == nil {
		return b == o
	}
	return maps.EqualFunc(b.Values, o.Values, func(v, w registryValue) bool { return reflect.DeepEqual(v, w) }) &&
		maps.EqualFunc(b.Keys, o.Keys, (*branch).equal)
}

// text returns the text of a value of the key at the end of the names, empty
// where there is none.
func (b *branch) text(value string, names ...string) string {
	for _, name := range names {
		if b == nil {
			return ""
		}
		b = b.Keys[name]
	}
	if b == nil {
		return ""
	}
	return b.Values[value].Text
}

// branchChange describes going from old to now, or nothing where they are alike.
func branchChange(place, what string, old, now *branch) []Change {
	switch {
	case old.equal(now):
		return nil
	case old == nil:
		return []Change{{Created, place, what}}
	case now == nil:
		return []Change{{Removed, place, what}}
	}
	return []Change{{Changed, place, what}}
}

var changeNotify = windows.NewLazySystemDLL("shell32.dll").NewProc("SHChangeNotify")

// tellShell has the shell, and the programs that listen to it, look at the
// associations anew: SHCNE_ASSOCCHANGED, SHCNF_IDLIST of the Windows SDK.
func tellShell() {
	const assocChanged = 0x08000000
	if changeNotify.Find() == nil {
		_, _, _ = changeNotify.Call(assocChanged, 0, uintptr(unsafe.Pointer(nil)), 0)
	}
}
