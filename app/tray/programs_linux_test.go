package tray

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// workshop is a PATH of programs that write down how they were called.
type workshop struct {
	t     *testing.T
	path  string
	said  string        // a pipe with a line for each call
	lines *bufio.Reader // its other end
	Programs
}

func newWorkshop(t *testing.T, env map[string]string, programs ...string) *workshop {
	t.Helper()
	w := &workshop{t: t, path: t.TempDir(), said: filepath.Join(t.TempDir(), "said")}
	t.Setenv("PATH", w.path)
	t.Setenv("HOME", t.TempDir())
	if err := syscall.Mkfifo(w.said, 0o600); err != nil {
		t.Fatal(err)
	}
	// Reading and writing: neither end waits for the other.
	pipe, err := os.OpenFile(w.said, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	w.lines = bufio.NewReader(pipe)
	for _, name := range programs {
		w.program(name, "")
	}
	w.Programs = Programs{
		Spacehatch: filepath.Join(w.path, "spacehatch"),
		Detached:   func() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} },
		Scratch:    t.TempDir(),
		Studio:     func() (string, error) { return "https://studio.example/", nil },
		Lookup:     func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	return w
}

// program makes a program that writes its name, its arguments and its input to
// the pipe, and then does what more says.
func (w *workshop) program(name, more string) {
	w.t.Helper()
	script := "#!/bin/sh\nread -r input\n{ printf '%s' '" + name + "'; printf ' <%s>' \"$@\" \"$input\"; echo; } > '" + w.said + "'\n" + more + "\n"
	if err := os.WriteFile(filepath.Join(w.path, name), []byte(script), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// act does the action and returns the calls that it leads to, as many as said.
func (w *workshop) act(a Action, calls int) (string, error) {
	w.t.Helper()
	err := w.Act(w.t.Context(), a)
	var all []string
	for range calls {
		all = append(all, w.hear())
	}
	return strings.Join(all, "; "), err
}

// hear returns the next line of the pipe.
func (w *workshop) hear() string {
	w.t.Helper()
	line, err := w.lines.ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestPrograms(t *testing.T) {
	const alias = "research.hatch"
	for name, c := range map[string]struct {
		env      map[string]string
		programs []string
		action   Action
		calls    int
		want     string
	}{
		"open in IDE":         {action: Action{OpenIDE, alias}, calls: 1, want: "spacehatch <connect> <--> <research.hatch> <>"},
		"connect":             {action: Action{Connect, alias}, calls: 1, want: "spacehatch <connect> <--> <research.hatch> <>"},
		"disconnect":          {action: Action{Disconnect, alias}, calls: 1, want: "spacehatch <close> <--> <research.hatch> <>"},
		"reconnect":           {action: Action{Reconnect, alias}, calls: 2, want: "spacehatch <close> <--> <research.hatch> <>; spacehatch <connect> <--> <research.hatch> <>"},
		"close all":           {action: Action{Do: CloseQuit}, calls: 1, want: "spacehatch <close> <--all> <>"},
		"studio":              {action: Action{Do: Studio}, calls: 1, want: "spacehatch <browse> <https://studio.example/>"},
		"spaces":              {action: Action{Do: Spaces}, calls: 1, want: "spacehatch <spaces> <--window> <>"},
		"settings":            {action: Action{Do: Settings}, calls: 1, want: "spacehatch <settings> <--window> <>"},
		"diagnostics":         {action: Action{Do: Diagnostics}, calls: 1, want: "spacehatch <doctor> <--window> <>"},
		"details":             {action: Action{Details, alias}, calls: 1, want: "spacehatch <status> <--window> <--> <research.hatch> <>"},
		"copy":                {programs: []string{"xclip", "xsel", "wl-copy"}, action: Action{CopySSH, alias}, calls: 1, want: "xclip <-selection> <clipboard> <ssh research.hatch>"},
		"copy on Wayland":     {env: map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, programs: []string{"xclip", "wl-copy"}, action: Action{CopySSH, alias}, calls: 1, want: "wl-copy <ssh research.hatch>"},
		"copy by xsel":        {programs: []string{"xsel"}, action: Action{CopySSH, alias}, calls: 1, want: "xsel <--clipboard> <--input> <ssh research.hatch>"},
		"terminal":            {programs: []string{"xterm", "konsole"}, action: Action{Terminal, alias}, calls: 1, want: "konsole <-e> <ssh> <research.hatch> <>"},
		"gnome-terminal":      {programs: []string{"xterm", "gnome-terminal"}, action: Action{Terminal, alias}, calls: 1, want: "gnome-terminal <--> <ssh> <research.hatch> <>"},
		"the terminal wished": {env: map[string]string{"TERMINAL": "kitty"}, programs: []string{"x-terminal-emulator", "kitty"}, action: Action{Terminal, alias}, calls: 1, want: "kitty <ssh> <research.hatch> <>"},
		"a strange terminal":  {env: map[string]string{"TERMINAL": "myterm"}, programs: []string{"xterm", "myterm"}, action: Action{Terminal, alias}, calls: 1, want: "myterm <-e> <ssh> <research.hatch> <>"},
		"a wish in vain":      {env: map[string]string{"TERMINAL": "gone"}, programs: []string{"xterm"}, action: Action{Terminal, alias}, calls: 1, want: "xterm <-e> <ssh> <research.hatch> <>"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t, c.env, append(c.programs, "spacehatch")...)
			if got, err := w.act(c.action, c.calls); err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestProgramsThatAreMissing(t *testing.T) {
	w := newWorkshop(t, nil)
	check := func(do Do, want string) {
		t.Helper()
		_, err := w.act(Action{do, "research.hatch"}, 0)
		p := problem.From(err)
		if p == nil || p.Code != problem.NotSupported || !strings.Contains(p.Sentence+p.Hint, want) {
			t.Errorf("%s: %v", do, err)
		}
	}
	check(Terminal, "ssh research.hatch")
	check(CopySSH, "ssh research.hatch")
	if _, err := w.act(Action{Connect, "research.hatch"}, 0); err == nil {
		t.Error("a program that is not there was started")
	}
	w.program("spacehatch", "exit 1")
	check(Studio, "https://studio.example/")
	if _, err := w.act(Action{Do: "dance"}, 0); err == nil {
		t.Error("anything goes")
	}
}

func TestWhatACommandSaysIsTold(t *testing.T) {
	w := newWorkshop(t, nil)
	w.program("spacehatch", "printf 'spacehatch: The space is gone.\\n  Look in Studio.\\033[2J\\n' >&2; exit 1")
	_, err := w.act(Action{Connect, "research.hatch"}, 1)
	if p := problem.From(err); p == nil || p.Sentence != "The space is gone. Look in Studio.?[2J" {
		t.Errorf("got %v", err)
	}
	w.program("spacehatch", "exit 7")
	if _, err = w.act(Action{Connect, "research.hatch"}, 1); problem.From(err).Sentence != "The command ended without a word." {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(w.Scratch); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestACommandOutlivesTheTray(t *testing.T) {
	w := newWorkshop(t, nil)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	w.program("spacehatch", "echo begun >&2; read -r x < '"+gate+"'; echo more >&2; echo outlived > '"+w.said+"'")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Act(ctx, Action{Connect, "research.hatch"}) }()
	if got := w.hear(); !strings.HasPrefix(got, "spacehatch <connect>") {
		t.Fatal(got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if got := w.hear(); got != "outlived" {
		t.Error(got)
	}
}
