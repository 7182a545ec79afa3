package paths

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMakeAndRemoveLeaveNoTrace(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".local", "state", program)
	exists := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	round := func(between func()) {
		t.Helper()
		for range 2 { // the second call must not forget what the first one made
			if err := Make(dir); err != nil {
				t.Fatal(err)
			}
		}
		between()
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
		if exists(dir) {
			t.Error("the folder is still there")
		}
	}
	round(func() {})
	if exists(filepath.Join(home, ".local")) || !exists(home) {
		t.Error("the folders that were made are still there, or too much is gone")
	}

	round(func() {
		if err := os.WriteFile(filepath.Join(home, ".local", "other"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if !exists(filepath.Join(home, ".local", "other")) || exists(filepath.Join(home, ".local", "state")) {
		t.Error("a folder that somebody else uses is gone, or the one that nobody uses is not")
	}

	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	round(func() {})
	if !exists(filepath.Dir(dir)) {
		t.Error("an empty folder of the user's is gone")
	}
	if err := Remove(dir); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

func TestRemoveBelievesOnlyWhatIsAbove(t *testing.T) {
	home := t.TempDir()
	dir, victim := filepath.Join(home, "a", "b"), filepath.Join(home, "victim")
	if err := Make(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(victim, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, parentsName), []byte(victim+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error("a folder elsewhere is gone")
	}
}
