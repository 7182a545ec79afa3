//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// turn is one thing that a person asks for in the settings, and how they see
// that it is there.
type turn struct {
	wish view.Wish
	seen func(view.Preferences) bool
}

// inTurn asks for one thing after the other, and closes the window after the
// last.
func inTurn(turns ...turn) func(view.Screen) (*view.Wish, bool) {
	at := -1
	return func(s view.Screen) (*view.Wish, bool) {
		if s.Preferences == nil || at >= 0 && !turns[at].seen(*s.Preferences) {
			return nil, false
		}
		if at++; at == len(turns) {
			return nil, true
		}
		return &turns[at].wish, false
	}
}

func fieldIn(p view.Preferences, key string) view.Field {
	for _, f := range append(slices.Clone(p.Fields), p.OfSpace...) {
		if f.Key == key {
			return f
		}
	}
	return view.Field{}
}

func sets(key, value string) turn {
	return turn{view.Wish{Do: view.SetField, Key: key, Value: value}, func(p view.Preferences) bool {
		f := fieldIn(p, key)
		return f.Saved && f.Value == value && f.Problem == nil
	}}
}

func isRefused(key, value string) turn {
	return turn{view.Wish{Do: view.SetField, Key: key, Value: value}, func(p view.Preferences) bool {
		f := fieldIn(p, key)
		return f.Problem != nil && f.Value == value && !f.Saved && !f.Setting
	}}
}

func uninstallIs(stage view.Stage) func(view.Preferences) bool {
	return func(p view.Preferences) bool { return p.Uninstall != nil && p.Uninstall.Stage == stage }
}

// changesEverything goes through the window once.
func changesEverything() func(view.Screen) (*view.Wish, bool) {
	return inTurn(
		sets("log_level", "debug"),
		isRefused("folder", "work"),
		sets("folder", "/home/sagemaker-user/work"),
		turn{view.Wish{Do: view.ResetField, Key: "folder"}, func(p view.Preferences) bool {
			f := fieldIn(p, "folder")
			return f.Saved && !f.Chosen && f.Value == ""
		}},
		isRefused("ssh_options", "Compression no\nProxyCommand touch pwned"),
		sets("ssh_options", "Compression no\nServerAliveInterval 30"),
		sets("tray", "false"),
		sets("start_at_login", "true"),
		turn{view.Wish{Do: view.PickSpace, Key: "other.hatch"}, func(p view.Preferences) bool {
			return p.Space == "other.hatch" && fieldIn(p, "forward_agent other.hatch").Value == "false"
		}},
		turn{view.Wish{Do: view.PickSpace, Key: alias}, func(p view.Preferences) bool { return p.Space == alias }},
		sets("forward_agent "+alias, "true"),
		sets("folder "+alias, "/home/sagemaker-user/a b"),
		turn{view.Wish{Do: view.Forget, Key: "trust 111122223333 us-east-1 d-abc"}, func(p view.Preferences) bool { return len(p.Trusted) == 1 }},
		sets("intercept:vscode", "true"),
		// A wish that makes no sense is none.
		turn{view.Wish{Do: view.SetField, Key: "intercept:https", Value: "true"}, func(view.Preferences) bool { return true }},
		turn{view.Wish{Do: view.SetField, Key: "colour", Value: "red"}, func(view.Preferences) bool { return true }},
		turn{view.Wish{Do: view.TakeAway}, func(view.Preferences) bool { return true }},
		turn{view.Wish{Do: view.AskUninstall}, uninstallIs(view.Choosing)},
		turn{view.Wish{Do: view.SetField, Key: "log_level", Value: "error"}, func(view.Preferences) bool { return true }},
		turn{view.Wish{Do: view.KeepAll}, func(p view.Preferences) bool { return p.Uninstall == nil }},
	)
}

// knowsTwo remembers two spaces and two domains.
func (d *desk) knowsTwo(t *testing.T) session.Space {
	t.Helper()
	other := mySpace(t)
	other.ARN, other.Name = strings.Replace(other.ARN, other.Name, "other", 1), "other"
	if _, err := d.store().Remember(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for _, domain := range []string{"d-abc", "d-def"} {
		if err := d.store().Trust(t.Context(), session.Consent{Account: "111122223333", Domain: domain, Region: "us-east-1"}); err != nil {
			t.Fatal(err)
		}
	}
	return d.knows(t)
}

func TestSettingsInAWindow(t *testing.T) {
	d := newDesk(t)
	space := d.knowsTwo(t)
	if got := d.run(t, "", "ssh-config", "apply", "--yes"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	for name, text := range map[string]string{
		"config/mimeapps.list":           "[Default Applications]\nx-scheme-handler/vscode=code.desktop\n",
		"data/applications/code.desktop": "[Desktop Entry]\nType=Application\nName=An IDE\nExec=true %U\nMimeType=x-scheme-handler/vscode;\n",
	} {
		file := filepath.Join(d.home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shown := d.person(t, "changes everything")
	if got := d.run(t, "", "settings", "--window"); got.code != exitOK || got.errors != "" {
		t.Fatalf("%v", got)
	}
	first := shown()[0].Preferences
	if first == nil || len(first.Spaces) != 2 || first.Space != alias || first.About.Name != space.Name || len(first.Trusted) != 2 {
		t.Errorf("the first screen is %+v", first)
	}
	if f := fieldIn(*first, "log_level"); f.Kind != view.Pick || len(f.Options) != 4 || f.Chosen || f.Locked {
		t.Errorf("%+v", f)
	}
	if f := fieldIn(*first, "intercept:vscode"); f.Kind != view.Switch || f.Value != "false" || f.Other != "An IDE" {
		t.Errorf("%+v", f)
	}
	if got := d.run(t, "", "settings", "get", "intercept"); got.out != "vscode\n" {
		t.Errorf("%v", got)
	}
	r, err := settings.Resolve(filepath.Join(d.home, "config", "spacehatch", "settings.toml"), func(string) (string, bool) { return "", false }, settings.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if r.LogLevel != "debug" || r.Folder != "" || r.Tray || !slices.Equal(r.SSHOptions, []string{"Compression no", "ServerAliveInterval 30"}) {
		t.Errorf("the settings are %+v", r.Settings)
	}
	choices, err := d.store().Choices()
	if want := (session.Choices{Folder: "/home/sagemaker-user/a b", ForwardAgent: true}); err != nil || len(choices) != 1 || choices[space.ARN] != want {
		t.Errorf("the choices are %+v, %v", choices, err)
	}
	if login, err := filepath.Glob(filepath.Join(d.home, "config", "autostart", "*.desktop")); err != nil || len(login) != 1 {
		t.Errorf("at login starts %v, %v", login, err)
	}
	cmd := exec.Command("ssh", "-G", alias)
	cmd.Env = d.env
	out, err := cmd.Output()
	for _, line := range []string{"\nforwardagent yes\n", "\ncompression no\n", "\nserveraliveinterval 30\n"} {
		if !strings.Contains(string(out), line) {
			t.Errorf("ssh does not see %q, %v", line, err)
		}
	}
}

func TestABrokenFileInAWindow(t *testing.T) {
	d := newDesk(t)
	file := filepath.Join(d.home, "config", "spacehatch", "settings.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("colour = \"red\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := d.person(t, "looks, then closes")
	if got := d.run(t, "", "settings", "--window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	p := shown()[0].Preferences
	if p.Problem == nil || !strings.Contains(p.Problem.Sentence, "Line 1") || p.File != file || p.Folder != filepath.Dir(file) || len(p.Fields) != 0 {
		t.Errorf("%+v", p)
	}
}

// What the environment says cannot be changed in the window, and is named.
func TestTheEnvironmentLocksAField(t *testing.T) {
	d := newDesk(t)
	d.env = append(d.env, settings.VariableEditor+"=cursor", settings.VariableLog+"=error")
	shown := d.person(t, "looks, then closes")
	if got := d.run(t, "", "settings", "--window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	for key, variable := range map[string]string{"editor": settings.VariableEditor, "log_level": settings.VariableLog, "folder": ""} {
		if f := fieldIn(*shown()[0].Preferences, key); f.Locked != (variable != "") || f.By != variable || f.Chosen {
			t.Errorf("%s: %+v", key, f)
		}
	}
}

// What an administrator has decided cannot be changed in the window either.
func TestAnAdministratorLocksAField(t *testing.T) {
	d := newDesk(t)
	d.knows(t)
	file := filepath.Join(d.home, "policy.toml")
	if err := os.WriteFile(file, []byte("log_level = \"error\"\nagent_forwarding = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, variablePolicy+"="+file)
	shown := d.person(t, "looks, then closes")
	if got := d.run(t, "", "settings", "--window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	p := *shown()[0].Preferences
	for key, locked := range map[string]bool{"log_level": true, "forward_agent " + alias: true, "folder " + alias: false, "tray": false} {
		if f := fieldIn(p, key); f.Locked != locked || f.By != "" || f.Key == "" {
			t.Errorf("%s: %+v", key, f)
		}
	}
}

// What is needed to try again is not told to be gone.
func TestAnUninstallThatFailsInAWindow(t *testing.T) {
	d := newDesk(t)
	d.knows(t)
	if err := os.Mkdir(filepath.Join(d.home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.home, ".ssh", "config"), "# >>> spacehatch >>> Added by Spacehatch.\nHost other\n")
	shown := d.person(t, "uninstalls")
	if got := d.run(t, "", "settings", "--window"); got.code != exitOK || got.errors != "" {
		t.Fatalf("%v", got)
	}
	screens := shown()
	states := map[string]view.ItemState{}
	for _, part := range screens[len(screens)-1].Preferences.Uninstall.Parts {
		states[part.ID] = part.State
	}
	if states["ssh-config"] != view.Unapplied || states["files"] != view.Declined || states["scheme"] != view.Applied {
		t.Errorf("%v", states)
	}
	if _, err := os.Stat(filepath.Join(d.state, "spaces.json")); err != nil {
		t.Error(err)
	}
}

func TestUninstallInAWindow(t *testing.T) {
	for _, person := range []string{"uninstalls", "uninstalls and leaves", "uninstalls and keeps the settings"} {
		t.Run(person, func(t *testing.T) {
			d := newDesk(t)
			d.knowsTwo(t)
			for _, args := range [][]string{{"setup", "--yes"}, {"settings", "set", "log_level", "error"}, {"autostart", "enable"}} {
				if got := d.run(t, "", args...); got.code != exitOK {
					t.Fatalf("%v", got)
				}
			}
			shown := d.person(t, person)
			if got := d.run(t, "", "settings", "--window"); got.code != exitOK || got.errors != "" {
				t.Fatalf("%v", got)
			}
			screens := shown()
			last := screens[len(screens)-1].Preferences
			if person == "uninstalls" {
				if u := last.Uninstall; u == nil || u.Stage != view.Made || u.Program == "" || slices.ContainsFunc(u.Parts, func(p view.Part) bool { return p.State != view.Applied }) {
					t.Errorf("the last screen is %+v", last.Uninstall)
				}
			}
			var left []string
			err := filepath.WalkDir(d.home, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					left = append(left, strings.TrimPrefix(path, d.home+"/"))
				}
				return err
			})
			want := "[]"
			if strings.Contains(person, "keeps") {
				want = "[config/spacehatch/settings.toml]"
			}
			if err != nil || fmt.Sprint(left) != want {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if _, err := os.Stat(d.runtime); err == nil {
				t.Error("the runtime folder is left behind")
			}
		})
	}
}

func TestSettingsWithoutADisplay(t *testing.T) {
	got := newDesk(t).run(t, "", "settings", "--window")
	if got.code != exitFailed || !strings.Contains(got.errors, "No window could be opened.") || !strings.Contains(got.errors, "spacehatch settings") {
		t.Errorf("%v", got)
	}
	if got := newDesk(t).run(t, "", "settings", "--window", "--json"); got.code != exitUsage {
		t.Errorf("%v", got)
	}
}
