//go:build linux

package e2e

import (
	"debug/elf"
	"testing"
)

func TestTheProgramIsStatic(t *testing.T) {
	t.Parallel()
	f, err := elf.Open(spacehatch())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a %s segment: it needs a loader", p.Type)
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if len(libraries) > 0 {
		t.Errorf("the program needs %v", libraries)
	}
}
