package installer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var autostartEntry = []string{".config", "autostart", "spacehatch.desktop"}

func TestAutostart(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, home){
		"nothing there":   func(*testing.T, home) {},
		"others there":    func(t *testing.T, h home) { h.write(t, other, ".config", "autostart", "other.desktop") },
		"one of our name": func(t *testing.T, h home) { h.write(t, other, autostartEntry...) },
		"a linked one of our name": func(t *testing.T, h home) {
			h.write(t, other, "dotfiles", "x.desktop")
			h.write(t, "", ".config", "autostart", "x")
			if err := os.Symlink("../../dotfiles/x.desktop", h.path(autostartEntry...)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "with blank & ü")
			prepare(t, h)
			before, statusBefore := h.snapshot(t), h.atLogin(t)
			if statusBefore.Ours || statusBefore.Place != h.path(autostartEntry...) {
				t.Errorf("at first: %+v", statusBefore)
			}
			if changes := h.disable(t); len(changes) != 0 {
				t.Errorf("there was nothing of ours, changed %v", changes)
			}
			h.unchanged(t, "nothing of ours", before)

			changes := h.enable(t)
			if len(changes) != 1 || changes[0].Path != statusBefore.Place {
				t.Errorf("changed %v", changes)
			}
			want := AutostartStatus{Enabled: true, Ours: true, Place: statusBefore.Place, Program: h.program}
			if st := h.atLogin(t); st != want {
				t.Errorf("enabled: %+v", st)
			}
			if again := h.enable(t); len(again) != 0 {
				t.Errorf("a second time it changed %v", again)
			}
			if changes := h.disable(t); len(changes) != 1 {
				t.Errorf("taken back: %v", changes)
			}
			h.unchanged(t, "disabled", before)
			if st := h.atLogin(t); st != statusBefore {
				t.Errorf("status %+v, was %+v", st, statusBefore)
			}
		})
	}
}

// TestAutostartEntryStartsTheTray has the system's own tools read the entry.
func TestAutostartEntryStartsTheTray(t *testing.T) {
	need(t, "desktop-file-validate", "gio")
	h := newHome(t, "with blank & $dollar \"quote\" ü")
	h.enable(t)
	entry := h.path(autostartEntry...)
	if out, err := exec.Command("desktop-file-validate", entry).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("desktop-file-validate: %v %s", err, out)
	}
	lines := h.starts(t)
	if out, err := exec.Command("gio", "launch", entry).CombinedOutput(); err != nil {
		t.Fatalf("gio launch: %v %s", err, out)
	}
	if got, err := lines.ReadString('\n'); err != nil || got != "tray|\n" {
		t.Errorf("the program got %q, %v", got, err)
	}
}

func TestAutostartSwitchedOffByTheDesktop(t *testing.T) {
	for _, key := range []string{"Hidden=true", "X-GNOME-Autostart-enabled=false"} {
		h := newHome(t, "bin")
		before := h.snapshot(t)
		h.enable(t)
		h.write(t, h.read(t, autostartEntry...)+key+"\n", autostartEntry...)
		if st := h.atLogin(t); st.Enabled || !st.Ours || st.Program != h.program {
			t.Errorf("%s: %+v", key, st)
		}
		h.enable(t)
		if st := h.atLogin(t); !st.Enabled {
			t.Errorf("%s, switched on again: %+v", key, st)
		}
		h.write(t, h.read(t, autostartEntry...)+key+"\n", autostartEntry...)
		h.disable(t)
		h.unchanged(t, key, before)
	}
}

func TestAutostartOfAProgramThatMoved(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	h.enable(t)
	if err := os.Remove(h.program); err != nil {
		t.Fatal(err)
	}
	if st := h.atLogin(t); !st.Enabled || !strings.Contains(st.Warning, h.program) {
		t.Errorf("%+v", st)
	}
	h.program = filepath.Join(filepath.Dir(h.program), "spacehatch-2")
	if err := os.WriteFile(h.program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if changes := h.enable(t); len(changes) != 1 || changes[0].Action != Changed {
		t.Errorf("changed %v", changes)
	}
	if st := h.atLogin(t); st.Program != h.program || st.Warning != "" {
		t.Errorf("%+v", st)
	}
	h.disable(t)
	h.unchanged(t, "disabled", before)
}

func TestAutostartReplacedBySomebody(t *testing.T) {
	h := newHome(t, "bin")
	h.enable(t)
	h.write(t, other, autostartEntry...)
	if changes := h.disable(t); len(changes) != 0 {
		t.Errorf("took away what is not ours: %v", changes)
	}
	if got := h.read(t, autostartEntry...); got != other {
		t.Errorf("it holds %q", got)
	}
}

func TestAutostartRemovedBySomebody(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	h.enable(t)
	if err := os.Remove(h.path(autostartEntry...)); err != nil {
		t.Fatal(err)
	}
	if st := h.atLogin(t); st.Enabled || st.Ours {
		t.Errorf("%+v", st)
	}
	if changes := h.disable(t); len(changes) != 0 {
		t.Errorf("changed %v", changes)
	}
	h.unchanged(t, "disabled", before)
}

func TestAutostartWithoutARecord(t *testing.T) {
	h := newHome(t, "bin")
	h.enable(t)
	if err := os.RemoveAll(h.path(".local")); err != nil {
		t.Fatal(err)
	}
	h.disable(t)
	if _, err := os.Stat(h.path(autostartEntry...)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestAutostartRefusals(t *testing.T) {
	h := newHome(t, "bin")
	before := h.snapshot(t)
	for _, program := range []string{"spacehatch", "", h.program + "-not-there", h.dir, "/a\nb", "/100%"} {
		if _, err := h.autostart(t).Enable(t.Context(), program); !errors.Is(err, &problem.Problem{Code: Failed}) {
			t.Errorf("%q: %v", program, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.autostart(t).Enable(cancelled, h.program); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	h.unchanged(t, "refused", before)
	if _, err := NewAutostart("state"); err == nil {
		t.Error("a relative state folder was accepted")
	}
}

// TestPartsLeaveInAnyOrder: they share folders and a record, and whichever
// comes or goes first, the last one leaves nothing.
func TestPartsLeaveInAnyOrder(t *testing.T) {
	type step func(home, *testing.T)
	in := func(h home, t *testing.T) { h.install(t) }
	out := func(h home, t *testing.T) { h.uninstall(t) }
	on := func(h home, t *testing.T) { h.enable(t) }
	off := func(h home, t *testing.T) { h.disable(t) }
	for name, steps := range map[string][]step{
		"one in the other":         {in, on, off, out},
		"one after the other":      {in, on, out, off},
		"the other way round":      {on, in, off, out},
		"and so":                   {on, in, out, off},
		"again and again":          {on, in, off, on, out, in, off, out, on, off},
		"without a second part":    {on, off, on, off},
		"twice off, and never on":  {in, off, out, off, out},
		"in again with others off": {in, on, out, in, off, out},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "bin")
			before := h.snapshot(t)
			for _, do := range steps {
				do(h, t)
			}
			h.unchanged(t, name, before)
		})
	}
}
