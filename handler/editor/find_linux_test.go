package editor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// fakeMachine puts programs at the paths given; ~ is the home folder.
func fakeMachine(t *testing.T, path string, programs ...string) machine {
	t.Helper()
	root, home := t.TempDir(), t.TempDir()
	place := func(p string) string {
		if rest, ok := strings.CutPrefix(p, "~"); ok {
			return filepath.Join(home, rest)
		}
		return filepath.Join(root, p)
	}
	for _, p := range programs {
		mode := os.FileMode(0o755)
		p, plain := strings.CutSuffix(p, "#")
		if plain {
			mode = 0o644
		}
		full := place(p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	var dirs []string
	for dir := range strings.SplitSeq(path, ":") {
		if strings.HasPrefix(dir, "/") || strings.HasPrefix(dir, "~") {
			dir = place(dir)
		}
		dirs = append(dirs, dir)
	}
	env := map[string]string{"PATH": strings.Join(dirs, ":"), "HOME": home}
	return machine{root: root, getenv: func(k string) string { return env[k] }}
}

func TestFindLinux(t *testing.T) {
	for name, c := range map[string]struct {
		path     string
		programs []string
		ide      string
		want     string // relative to the root or ~; empty: not found
		settings string
	}{
		"PATH first":          {"/a:/b", []string{"/b/code", "/usr/bin/code"}, "code", "/b/code", ".config/Code/User/settings.json"},
		"package":             {"/a", []string{"/usr/share/code/bin/code"}, "code", "/usr/share/code/bin/code", ".config/Code/User/settings.json"},
		"opt":                 {"", []string{"/opt/visual-studio-code/bin/code"}, "code", "/opt/visual-studio-code/bin/code", ".config/Code/User/settings.json"},
		"snap":                {"", []string{"/snap/bin/codium"}, "codium", "/snap/bin/codium", ".config/VSCodium/User/settings.json"},
		"home":                {"", []string{"~/.local/bin/cursor"}, "cursor", "~/.local/bin/cursor", ".config/Cursor/User/settings.json"},
		"flatpak":             {"", []string{"/var/lib/flatpak/exports/bin/com.visualstudio.code"}, "code", "/var/lib/flatpak/exports/bin/com.visualstudio.code", ".var/app/com.visualstudio.code/config/Code/User/settings.json"},
		"flatpak of the user": {"", []string{"~/.local/share/flatpak/exports/bin/com.vscodium.codium"}, "codium", "~/.local/share/flatpak/exports/bin/com.vscodium.codium", ".var/app/com.vscodium.codium/config/VSCodium/User/settings.json"},
		"insiders are others": {"/a", []string{"/a/code-insiders"}, "code", "", ""},
		"not executable":      {"/a", []string{"/a/code#"}, "code", "", ""},
		"a remote terminal's": {"/s/bin/remote-cli:/b", []string{"/s/bin/remote-cli/code", "/b/code"}, "code", "/b/code", ".config/Code/User/settings.json"},
		"relative PATH":       {"bin:.", nil, "code", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := fakeMachine(t, c.path, c.programs...)
			got, err := m.find(t.Context(), c.ide)
			if c.want == "" {
				if !errors.Is(err, &problem.Problem{Code: problem.NoEditor}) {
					t.Errorf("found %s, %v", got.Path, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(m.root, c.want)
			if rest, ok := strings.CutPrefix(c.want, "~"); ok {
				want = filepath.Join(m.getenv("HOME"), rest)
			}
			if got.Path != want || !slices.Equal(got.query, []string{want}) {
				t.Errorf("found %s, asks %s, want %s", got.Path, got.query, want)
			}
			if settings := filepath.Join(m.getenv("HOME"), c.settings); got.Settings != settings {
				t.Errorf("settings %s, want %s", got.Settings, settings)
			}
		})
	}
}

func TestInstalledLinux(t *testing.T) {
	m := fakeMachine(t, "/a", "/a/kiro", "/a/code", "/usr/share/code/bin/code", "/opt/Positron/bin/positron")
	all, err := m.installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Editor.Name)
	}
	if !slices.Equal(names, []string{"code", "kiro", "positron"}) {
		t.Errorf("installed: %v", names)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.installed(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFindOnThisMachine(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "c"))
	if err := os.WriteFile(filepath.Join(dir, "windsurf"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := Find(t.Context(), "windsurf")
	if err != nil || got.Path != filepath.Join(dir, "windsurf") || got.Settings != filepath.Join(home, "c", "Windsurf", "User", "settings.json") {
		t.Errorf("got %+v, %v", got, err)
	}
	all, err := Installed(t.Context())
	if err != nil || !slices.ContainsFunc(all, func(i Installation) bool { return i.Editor.Name == "windsurf" }) {
		t.Errorf("installed: %+v, %v", all, err)
	}
	if _, err := Find(t.Context(), "emacs\n"); !errors.Is(err, &problem.Problem{Code: problem.NoEditor}) || strings.Contains(err.Error(), "\n") {
		t.Errorf("unknown: %v", err)
	}
}
