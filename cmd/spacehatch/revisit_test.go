//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
)

// ide puts a VS Code without its extension on the desk. It returns what it was
// told to install.
func (d *desk) ide(t *testing.T) (installs func() string) {
	t.Helper()
	bin := filepath.Join(d.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(bin, "installed")
	script := "#!/bin/sh\ncase $1 in\n--version) echo 1.98.2;;\n--list-extensions) cat " + log + " 2>/dev/null || true;;\n" +
		"--install-extension) echo ms-vscode-remote.remote-ssh@0.120.0 >> " + log + ";;\nesac\n"
	if err := os.WriteFile(filepath.Join(bin, "code"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "PATH="+bin+":"+withoutIDEs(t))
	return func() string {
		text, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
}

// item is an item of that kind in the first set-up that was shown.
func item(screens []view.Screen, kind view.ItemKind) (view.Item, bool) {
	for _, s := range screens {
		setup := s.Setup
		if s.Connection != nil && s.Connection.Question != nil {
			setup = s.Connection.Question.Setup
		}
		if setup == nil {
			continue
		}
		if i := slices.IndexFunc(setup.Items, func(i view.Item) bool { return i.Kind == kind }); i >= 0 {
			return setup.Items[i], true
		}
		return view.Item{}, false
	}
	return view.Item{}, false
}

// What was declined is not asked about again on the way of a link, and the
// set-up, which a person opens from the settings, offers it again.
func TestADeclinedItemIsAskedOnceAndFoundAgain(t *testing.T) {
	s, d := newStudio(t), newDesk(t)
	d.at(s)
	installs := d.ide(t)
	optional := []view.ItemKind{view.Extension, view.Links, view.Login}

	shown := d.person(t, "nothing")
	setUp := func() []view.Screen {
		t.Helper()
		before := 0
		if _, err := os.Stat(filepath.Join(filepath.Dir(d.home), "screens")); err == nil {
			before = len(shown())
		}
		if got := d.run(t, "", "setup", "--window"); got.code != exitOK {
			t.Fatalf("%v", got)
		}
		return shown()[before:]
	}
	first := setUp()
	for _, kind := range optional {
		if i, ok := item(first, kind); !ok || i.State != view.Proposed || i.Chosen != (kind != view.Login) {
			t.Errorf("%s: %+v", kind, i)
		}
	}

	d.person(t, "yes")
	before := len(shown())
	if got := d.run(t, s.link(t, "space=my-space"), "open", "-"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	for _, screen := range shown()[before:] {
		for _, kind := range optional {
			if i, ok := item([]view.Screen{screen}, kind); ok {
				t.Errorf("it is asked about again: %+v", i)
			}
			if c := screen.Connection; c != nil && c.Question != nil && c.Question.Change != nil && c.Question.Change.Kind == kind {
				t.Errorf("it is asked about again: %+v", c.Question.Change)
			}
		}
	}
	if installs() != "" {
		t.Error("an extension that was declined was installed")
	}

	d.person(t, "everything")
	again := setUp()
	for _, kind := range optional {
		if i, ok := item(again, kind); !ok || i.State != view.Proposed || i.Chosen {
			t.Errorf("%s is not offered again, or ticked: %+v", kind, i)
		}
	}
	last := again[len(again)-1].Setup
	for _, i := range last.Items {
		if i.State != view.Applied && i.State != view.Present && i.State != view.Off {
			t.Errorf("%s is %s: %+v", i.Kind, i.State, i.Problem)
		}
	}
	if !strings.Contains(installs(), "remote-ssh") {
		t.Error("the extension was not installed")
	}
	for _, kind := range []view.ItemKind{view.Links, view.Login} {
		if i, ok := item(setUp(), kind); !ok || i.State != view.Present {
			t.Errorf("%s: %+v", kind, i)
		}
	}
}
