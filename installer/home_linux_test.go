package installer

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// home is a user's home folder of its own, with the real tools at work in it.
type home struct {
	dir     string
	program string
	scheme  Scheme
	pipe    string // the program writes its arguments there, one line a start
}

// newHome makes one whose program stands in a folder of that name.
func newHome(t *testing.T, folder string) home {
	t.Helper()
	dir, outside := t.TempDir(), t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, ".local", "share"))
	t.Setenv("XDG_RUNTIME_DIR", outside)
	t.Setenv("XDG_CONFIG_DIRS", filepath.Join(outside, "etc"))
	t.Setenv("XDG_DATA_DIRS", filepath.Join(outside, "share"))
	for _, v := range []string{"XDG_CURRENT_DESKTOP", "DESKTOP_SESSION", "KDE_FULL_SESSION", "GNOME_DESKTOP_SESSION_ID", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} {
		t.Setenv(v, "")
	}
	h := home{dir: dir, program: filepath.Join(outside, folder, "spacehatch"), pipe: filepath.Join(outside, "pipe")}
	if err := os.MkdirAll(filepath.Dir(h.program), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nprintf '%s|' \"$@\" >'" + h.pipe + "'\necho >'" + h.pipe + "'\n"
	if err := os.WriteFile(h.program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(h.pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := NewScheme(filepath.Join(dir, ".local", "state", "spacehatch"))
	if err != nil {
		t.Fatal(err)
	}
	h.scheme = s
	return h
}

func (h home) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

func (h home) write(t *testing.T, content string, elements ...string) {
	t.Helper()
	path := h.path(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

func (h home) read(t *testing.T, elements ...string) string {
	t.Helper()
	data, err := os.ReadFile(h.path(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// snapshot lists everything in the home folder: path, mode, content.
func (h home) snapshot(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case d.Type() == fs.ModeSymlink:
			content, err = os.Readlink(path)
		case d.Type().IsRegular():
			var data []byte
			data, err = os.ReadFile(path)
			content = string(data)
		}
		all = append(all, fmt.Sprintf("%s %v %q", strings.TrimPrefix(path, h.dir), info.Mode(), content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// starts returns the lines that the program writes when it is started.
func (h home) starts(t *testing.T) *bufio.Reader {
	t.Helper()
	pipe, err := os.OpenFile(h.pipe, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	if err := pipe.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(pipe)
}

func (h home) install(t *testing.T) []Change {
	t.Helper()
	changes, err := h.scheme.Install(t.Context(), h.program)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) uninstall(t *testing.T) []Change {
	t.Helper()
	changes, err := h.scheme.Uninstall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) status(t *testing.T) Status {
	t.Helper()
	st, err := h.scheme.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (Debian: xdg-utils, desktop-file-utils, libglib2.0-bin)", tool)
		}
	}
}

func (h home) autostart(t *testing.T) Autostart {
	t.Helper()
	a, err := NewAutostart(h.scheme.state)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (h home) enable(t *testing.T) []Change {
	t.Helper()
	changes, err := h.autostart(t).Enable(t.Context(), h.program)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) disable(t *testing.T) []Change {
	t.Helper()
	changes, err := h.autostart(t).Disable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (h home) atLogin(t *testing.T) AutostartStatus {
	t.Helper()
	st, err := h.autostart(t).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// unchanged compares the home folder with how it was.
func (h home) unchanged(t *testing.T, when string, before []string) {
	t.Helper()
	if now := h.snapshot(t); !slices.Equal(now, before) {
		t.Errorf("%s: a trace is left:\n%s\nbefore:\n%s", when, strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
}
