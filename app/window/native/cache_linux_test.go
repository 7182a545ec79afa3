package native

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUseCache(t *testing.T) {
	for name, test := range map[string]struct {
		before, state string
		kept          bool
	}{
		"after a connection":                    {"", t.TempDir(), true},
		"before the first":                      {"", filepath.Join(t.TempDir(), "missing"), false},
		"somebody has a cache folder elsewhere": {"/var/cache/alice", t.TempDir(), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			t.Setenv(variableCache, test.before)
			if test.before == "" {
				_ = os.Unsetenv(variableCache)
			}
			folder := filepath.Join(test.state, "cache")
			leave, remove := UseCache(folder)
			used, err := os.UserCacheDir()
			if err != nil || (used == folder) != test.kept {
				t.Errorf("the caches are in %s, %v", used, err)
			}
			for _, made := range []string{"fyne/missing-id-7", "mesa"} {
				if err := os.MkdirAll(filepath.Join(used, made), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			leave()
			if now, was := os.LookupEnv(variableCache); now != test.before || was != (test.before != "") {
				t.Errorf("the variable is %q", now)
			}
			remove()
			if _, err := os.Stat(filepath.Join(used, "fyne")); err == nil {
				t.Error("the toolkit's folder stays")
			}
			if _, err := os.Stat(filepath.Join(used, "mesa")); (err == nil) != test.kept {
				t.Errorf("what is of use: %v", err)
			}
			if _, err := os.Stat(test.state); (err == nil) != test.kept {
				t.Errorf("the state folder: %v", err)
			}
		})
	}
}
