package editor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Known() {
		for _, key := range []string{"name " + e.Name, "scheme " + e.Scheme, "title " + e.Title, "folder " + e.folder, "windows " + e.windows.folder, "bundle " + e.darwin} {
			if seen[key] || strings.HasSuffix(key, " ") {
				t.Errorf("%s: %q is empty or there twice", e.Name, key)
			}
			seen[key] = true
		}
		if publisher, name, ok := strings.Cut(e.Extension.ID, "."); !ok || publisher == "" || name == "" {
			t.Errorf("%s: extension %q", e.Name, e.Extension.ID)
		}
		if len(e.linux.folders) == 0 || e.section == "" || e.windows.executable == "" {
			t.Errorf("%s: a place is missing", e.Name)
		}
		for _, v := range []string{e.MinVersion, e.Extension.MinVersion} {
			if _, ok := parseVersion(v); v != "" && !ok {
				t.Errorf("%s: minimum %q", e.Name, v)
			}
		}
	}
	want := []string{"code", "code-insiders", "codium", "cursor", "windsurf", "kiro", "positron"}
	var got []string
	for _, e := range Known() {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("known: %v", got)
	}
}

func TestChoose(t *testing.T) {
	install := func(names ...string) []Installation {
		var all []Installation
		for _, n := range names {
			e, ok := byName(n)
			if !ok {
				t.Fatal(n)
			}
			all = append(all, Installation{Editor: e})
		}
		return all
	}
	for name, c := range map[string]struct {
		scheme, preferred string
		installed         []Installation
		want              string
	}{
		"the link's IDE":               {"cursor", "code", install("code", "cursor", "kiro"), "cursor"},
		"in any case":                  {"CURSOR", "", install("code", "cursor"), "cursor"},
		"not installed: the user's":    {"cursor", "kiro", install("code", "kiro"), "kiro"},
		"our own scheme: the user's":   {"spacehatch", "kiro", install("code", "kiro"), "kiro"},
		"no wish: the first installed": {"spacehatch", "", install("codium", "kiro"), "codium"},
		"the wish is not installed":    {"", "code", install("kiro"), "kiro"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Choose(c.scheme, c.preferred, c.installed)
			if err != nil || got.Editor.Name != c.want {
				t.Errorf("got %s, %v", got.Editor.Name, err)
			}
		})
	}

	_, err := Choose("vscode", "", nil)
	p := problem.From(err)
	if p.Code != problem.NoEditor || !strings.Contains(p.Sentence, "Windsurf") || p.Hint == "" {
		t.Errorf("nothing installed: %v, %s", err, p.Hint)
	}
	if _, err := Choose("vscode", "emacs", install("code")); !errors.Is(err, &problem.Problem{Code: problem.NoEditor}) {
		t.Errorf("unknown name: %v", err)
	}
}

func TestCommand(t *testing.T) {
	i := Installation{Path: "/usr/bin/code"}
	for _, c := range []struct {
		folder string
		want   []string
	}{
		{"", []string{"--remote", "ssh-remote+my-space.hatch", "/home/sagemaker-user"}},
		{"/home/sagemaker-user/a b; rm", []string{"--remote", "ssh-remote+my-space.hatch", "/home/sagemaker-user/a b; rm"}},
		{"/x/../y/", []string{"--remote", "ssh-remote+my-space.hatch", "/y"}},
		{"/", []string{"--remote", "ssh-remote+my-space.hatch", "/"}},
		{"/x/v1.2 ü?", []string{"--folder-uri", "vscode-remote://ssh-remote+my-space.hatch/x/v1.2%20%C3%BC%3F"}},
	} {
		got, err := i.Command("my-space.hatch", c.folder)
		if err != nil || !slices.Equal(got, append([]string{i.Path}, c.want...)) {
			t.Errorf("%q: %q, %v", c.folder, got, err)
		}
	}
	for _, alias := range []string{"", "-x", ".x", "a b", "A.hatch", "a/b", "a;b", "a\nb", strings.Repeat("a", 254)} {
		if _, err := i.Command(alias, ""); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
			t.Errorf("alias %q: %v", alias, err)
		}
	}
	for _, folder := range []string{"x", "~", "-x", "/a\nb", "/a\x00b", "/a\x7fb", "/\xff", "C:\\x", "/" + strings.Repeat("a", 4096)} {
		if _, err := i.Command("a.hatch", folder); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
			t.Errorf("folder %q: %v", folder, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{
		"PATH=/bin", "ELECTRON_RUN_AS_NODE=1", "ELECTRON_OZONE_PLATFORM_HINT=auto", "VSCODE_IPC_HOOK_CLI=/x", "Vscode_Pid=1",
		"CHROME_DESKTOP=code.desktop", "GIO_LAUNCHED_DESKTOP_FILE_PID=3", "SPACEHATCH_TRUSTED_HOSTS=h",
		"SPACEHATCH_LOG=debug", "SPACEHATCH_OTHER=x", "HOME=/h", "NOT_VSCODE_X=1",
	})
	want := []string{"PATH=/bin", "ELECTRON_OZONE_PLATFORM_HINT=auto", "SPACEHATCH_TRUSTED_HOSTS=h", "SPACEHATCH_LOG=debug", "HOME=/h", "NOT_VSCODE_X=1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version, least string
		want           bool
	}{
		{"1.90.0", "1.90.0", false}, {"1.89.9", "1.90.0", true}, {"1.100.0", "1.90.0", false},
		{"1.90", "1.90.0", false}, {"2.6.17", "2.6.18", true}, {"0.74.0", "0.74.0", false},
		{"1.98.0-insider", "1.90.0", false}, {"0.113.2024072315", "0.74.0", false}, {"nonsense", "1.0.0", false},
		{"0.9", "1.0.0", true}, {"1.90.0.1", "1.90.0", false},
	} {
		if got := older(c.version, c.least); got != c.want {
			t.Errorf("older(%s, %s) = %v", c.version, c.least, got)
		}
	}
}
