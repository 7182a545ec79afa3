package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Settings of an IDE that nobody may write, as on a system that is described in
// a file, or that only the IDE can read, are no reason to keep a person from a
// space.
func TestAnIDEIsStartedWhateverItsSettingsAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"broken":    {`{"editor.fontSize": 14,, "x": }`, 0o600, "is not valid JSON"},
		"read-only": {"{}", 0o400, "are read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := newStudio(t), newDesk(t)
			d.at(s)
			d.ide(t)
			code := filepath.Join(d.home, "bin", "code")
			started := filepath.Join(d.home, "started")
			script := "#!/bin/sh\ncase $1 in\n--version) echo 1.98.2;;\n--list-extensions) echo ms-vscode-remote.remote-ssh@0.120.0;;\n" +
				"*) echo \"$@\" >" + started + ";;\nesac\n"
			if err := os.WriteFile(code, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(d.home, "config", "Code", "User", "settings.json")
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			got := d.run(t, s.link(t, "space=my-space"), "open", "--yes", "-")
			if got.code != exitOK || !strings.Contains(got.out+got.errors, c.says) {
				t.Errorf("%v", got)
			}
			if words, err := os.ReadFile(started); err != nil || !strings.HasPrefix(string(words), "--remote ssh-remote+my-space.hatch ") {
				t.Errorf("the IDE got %q, %v", words, err)
			}
			if left, err := os.ReadFile(file); err != nil || string(left) != c.text {
				t.Errorf("the settings are %q, %v", left, err)
			}
		})
	}
}
