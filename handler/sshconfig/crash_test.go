package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	crashVariable = "SPACEHATCH_TEST_CRASH"
	undoVariable  = "SPACEHATCH_TEST_UNDO"
	crashBefore   = "# mine\nHost work\n    User me\n"
)

func crashSettings(dir string) Settings {
	return Settings{SSHDir: dir, Program: "/opt/spacehatch", ControlMaster: true, Hosts: []Host{{Alias: "my-space.hatch"}}}
}

// applyFor is the main of the process that is killed.
func applyFor(dir string) error {
	// strace follows the first thread only, and counts its system calls.
	runtime.LockOSThread()
	if os.Getenv(undoVariable) != "" {
		return Undo(context.Background(), dir)
	}
	p, err := NewPlan(context.Background(), crashSettings(dir))
	if err != nil {
		return err
	}
	return p.Apply(context.Background())
}

// TestKilledAtAnySystemCall kills the process at each system call that it makes
// while it changes files, and expects the user's config to be the old or the new
// one, ssh to be able to read it, and a second attempt to get through.
func TestKilledAtAnySystemCall(t *testing.T) {
	needSSH(t)
	for _, undo := range []bool{false, true} {
		seen := map[bool]int{}
		for _, at := range fileCalls(t, undo) {
			s, want := crashCase(t, undo)
			err := underStrace(t, s, undo, "-o", "/dev/null", "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", at.name, at.count))
			killed := err != nil // now and then the runtime makes a call less, and the last one does not come
			user := place(s.SSHDir).userConfig()
			got := read(t, user)
			if got != want.before && got != want.after {
				t.Fatalf("killed at %s %d the config is %q", at.name, at.count, got)
			}
			if killed {
				seen[got == want.after]++
			}
			effectiveFor(t, user, "work")
			if undo {
				err = Undo(t.Context(), s.SSHDir)
			} else {
				err = plan(t, s).Apply(t.Context())
			}
			if err != nil {
				t.Fatalf("killed at %s %d, a second attempt fails: %v", at.name, at.count, err)
			}
			if got := read(t, user); got != want.after {
				t.Fatalf("after a second attempt the config is %q", got)
			}
		}
		if seen[false] < 3 || seen[true] < 1 {
			t.Errorf("undo %v: %d saw the old file, %d the new: the test looks at nothing", undo, seen[false], seen[true])
		}
	}
}

type beforeAfter struct{ before, after string }

func crashCase(t *testing.T, undo bool) (Settings, beforeAfter) {
	t.Helper()
	s := crashSettings(home(t).SSHDir)
	s.write(t, crashBefore)
	want := beforeAfter{crashBefore, string(ourLines(place(s.SSHDir).include(), "\n")) + crashBefore}
	if undo {
		apply(t, s)
		want.before, want.after = want.after, want.before
	}
	return s, want
}

const watchedCalls = "mkdirat,openat,write,fsync,fchmod,renameat,unlinkat"

func underStrace(t *testing.T, s Settings, undo bool, options ...string) error {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace here; TestFailureAtAnyStep remains")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), strace, append(append([]string{"-qq", "-e", "trace=" + watchedCalls}, options...), self)...)
	// Who is killed takes nothing away.
	cmd.Env = append(os.Environ(), crashVariable+"="+s.SSHDir, "TMPDIR="+t.TempDir())
	if undo {
		cmd.Env = append(cmd.Env, undoVariable+"=1")
	}
	return cmd.Run()
}

// A call is the count-th system call of its name.
type call struct {
	name  string
	count int
}

// fileCalls are the system calls with which the process changes files, from the
// first in the SSH folder to a few after the last. The kill comes before the
// call is made, so every state in between is seen.
func fileCalls(t *testing.T, undo bool) []call {
	t.Helper()
	s, want := crashCase(t, undo)
	log := filepath.Join(t.TempDir(), "log")
	err := underStrace(t, s, undo, "-s", "4096", "-o", log)
	if err != nil {
		t.Skipf("strace cannot work here: %v", err)
	}
	if got := read(t, place(s.SSHDir).userConfig()); got != want.after {
		t.Fatalf("not killed, the config is %q", got)
	}
	var calls []call
	end := 0
	counts := map[string]int{}
	for line := range strings.Lines(read(t, log)) {
		name, rest, ok := strings.Cut(line, "(")
		if !ok {
			continue
		}
		counts[name]++
		if name == "openat" && !strings.Contains(rest, "O_CREAT") {
			continue
		}
		inFolder := strings.Contains(rest, s.SSHDir)
		if len(calls) > 0 || inFolder {
			calls = append(calls, call{name, counts[name]})
		}
		if inFolder {
			end = len(calls)
		}
	}
	if end == 0 {
		t.Fatalf("no call changes anything:\n%s", read(t, log))
	}
	return calls[:min(end+2, len(calls))]
}

// failing fails at the nth operation, before or after it has happened.
type failing struct {
	disk
	left  int
	after bool
}

var errInjected = errors.New("injected")

func (f *failing) at(op func() error) error {
	f.left--
	if f.left != 0 {
		return op()
	}
	if f.after {
		if err := op(); err != nil {
			return err
		}
	}
	return errInjected
}

func (f *failing) Mkdir(path string, mode fs.FileMode) error {
	return f.at(func() error { return f.disk.Mkdir(path, mode) })
}

func (f *failing) Write(path string, data []byte, mode fs.FileMode, like fs.FileInfo) error {
	return f.at(func() error { return f.disk.Write(path, data, mode, like) })
}

func (f *failing) Remove(path string) error {
	return f.at(func() error { return f.disk.Remove(path) })
}

// TestFailureAtAnyStep: an error at any step, whether or not the step happened,
// leaves the folder exactly as it was.
func TestFailureAtAnyStep(t *testing.T) {
	needSSH(t)
	for _, existing := range []bool{true, false} {
		for _, undo := range []bool{false, true} {
			for _, after := range []bool{false, true} {
				for n := 1; ; n++ {
					s := home(t)
					if existing {
						s.write(t, crashBefore)
					}
					var p *Plan
					if undo {
						apply(t, s)
						var err error
						if p, err = NewUndo(t.Context(), s.SSHDir); err != nil {
							t.Fatal(err)
						}
					} else {
						p = plan(t, s)
					}
					if n > len(p.steps) {
						if n < 4 {
							t.Errorf("only %d steps", n-1)
						}
						break
					}
					before := snapshot(t, s.SSHDir)
					p.files = &failing{left: n, after: after}
					err := p.Apply(t.Context())
					wantProblem(t, err, problem.SSHConfigUnsafe, "")
					if !errors.Is(err, errInjected) {
						t.Fatalf("error %v", err)
					}
					if got := snapshot(t, s.SSHDir); got != before {
						t.Errorf("existing %v, undo %v, step %d (after: %v): not as before:\n%s\nwas:\n%s", existing, undo, n, after, got, before)
					}
				}
			}
		}
	}
}

func TestCancelledPutsBack(t *testing.T) {
	needSSH(t)
	s := home(t)
	s.write(t, crashBefore)
	before := snapshot(t, s.SSHDir)
	p := plan(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Apply(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := snapshot(t, s.SSHDir); got != before {
		t.Errorf("not as before:\n%s", got)
	}
}

func TestChangedMeanwhile(t *testing.T) {
	needSSH(t)
	s := home(t)
	user := s.write(t, crashBefore)
	p := plan(t, s)
	edited := crashBefore + strings.Repeat("# more\n", 2)
	s.write(t, edited)
	err := p.Apply(t.Context())
	wantProblem(t, err, problem.SSHConfigUnsafe, "meantime")
	if !errors.Is(err, ErrChanged) {
		t.Errorf("error %v does not say that the file changed", err)
	}
	if got := read(t, user); got != edited {
		t.Errorf("the config is %q", got)
	}
	if _, err := os.Stat(place(s.SSHDir).folder()); err == nil {
		t.Error("our folder was made")
	}
}
