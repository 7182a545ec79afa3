package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTheIconsAreAsDrawn(t *testing.T) {
	files, err := draw()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "icons")
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what `go run ./iconmaker` draws (%v)", name, err)
		}
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) != len(files) {
		t.Errorf("%d files, want %d (%v)", len(there), len(files), err)
	}
}
