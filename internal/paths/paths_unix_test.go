//go:build unix

package paths

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRuntimeIsOwnerOnly(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", home)
	t.Setenv("TMPDIR", home)
	dir, err := Runtime()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("asking for the folder has made it")
	}
	if made, err := MakeRuntime(); err != nil || made != dir {
		t.Fatalf("made %s, %v", made, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() (string, error){Runtime, MakeRuntime} {
		if _, err := f(); err == nil {
			t.Error("a folder that others can read is accepted")
		}
	}
}

func TestRuntimeRefusesALink(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", home)
	t.Setenv("TMPDIR", home)
	dir, err := MakeRuntime()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeRuntime(); err == nil {
		t.Error("a link in place of the folder is accepted")
	}
}

func TestSSHIgnoresHOME(t *testing.T) {
	before, err := SSH()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	after, err := SSH()
	if err != nil {
		t.Fatal(err)
	}
	if before != after || filepath.Base(after) != ".ssh" {
		t.Errorf("SSH() = %q, then %q with another $HOME", before, after)
	}
}
