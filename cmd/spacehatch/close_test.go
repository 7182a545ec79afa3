//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What keeps others from opening a connection keeps nobody from ending one, and
// from getting rid of the program.
func TestWhatIsBrokenKeepsNobodyFromLeaving(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for name, spoil := range map[string]func(*testing.T, *desk){
		"the list of spaces is damaged": func(t *testing.T, d *desk) {
			write(t, filepath.Join(d.state, "spaces.json"), "damaged")
		},
		"OpenSSH refuses the SSH config": func(t *testing.T, d *desk) {
			config := filepath.Join(d.home, ".ssh", "config")
			text, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			write(t, config, string(text)+"NoSuchOption yes\n")
		},
		"there is no OpenSSH any more": func(_ *testing.T, d *desk) {
			d.env = append(d.env, "PATH="+d.home)
		},
	} {
		for _, leave := range []string{"close", "uninstall"} {
			t.Run(name+", "+leave, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t)
				d.at(s)
				if got := d.run(t, s.link(t, "space=my-space"), "open", "--yes", "--editor", "none", "-"); got.code != exitOK {
					t.Fatalf("open: %v", got)
				}
				spoil(t, d)
				args, want := []string{"close", "--all"}, "Closed "+alias+".\n"
				if leave == "uninstall" {
					args, want = []string{"uninstall", "--yes"}, "Nothing of Spacehatch is left"
				}
				if got := d.run(t, "", args...); got.code != exitOK || !strings.Contains(got.out, want) {
					t.Errorf("%v", got)
				}
				d.noSocket(t)
				d.noProcess(t)
			})
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
