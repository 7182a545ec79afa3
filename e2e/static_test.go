//go:build linux

package e2e

import (
	"bytes"
	"debug/elf"
	"os"
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

// Of AWS's client the program holds the calls that it makes. All four hundred
// of them would double its size, and come in as soon as the client itself stands
// in an interface: see handler/spaces/calls.go.
func TestTheProgramHoldsTheCallsThatItMakes(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(spacehatch())
	if err != nil {
		t.Fatal(err)
	}
	for call, wanted := range map[string]bool{"SageMaker.ListSpaces": true, "SageMaker.StartSession": true, "SageMaker.CreateTrainingJob": false, "SageMaker.ListModels": false} {
		if bytes.Contains(program, []byte(call)) != wanted {
			t.Errorf("%s is in the program: %v, want %v", call, !wanted, wanted)
		}
	}
}
