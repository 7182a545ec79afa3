//go:build linux

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cleanUp is how long ending everything may take.
const cleanUp = 20 * time.Second

// person is a user account made for one test. OpenSSH takes the home folder
// from the user database and ignores $HOME, so only a real account shows what
// a user would see.
type person struct {
	name     string
	uid, gid uint32
	home     string // empty at first
	runtime  string // $XDG_RUNTIME_DIR
	work     string // the test's own folder, readable for the person
	env      []string
}

// newPerson makes the account; it and all its processes go at the end.
func newPerson(t *testing.T) *person {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("This test makes a user account of its own: run it as root, or as somebody for whom `sudo -n` works.")
	}
	useradd := tool(t, "useradd", "it is in Debian's package passwd")
	userdel := tool(t, "userdel", "it is in Debian's package passwd")

	work, err := os.MkdirTemp("", "she-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(work); err != nil {
			t.Error(err)
		}
	})
	p := &person{
		name: "she-" + strings.ToLower(rand.Text()[:8]),
		home: filepath.Join(work, "home"), runtime: filepath.Join(work, "run"), work: work,
	}
	if err := os.Chmod(work, 0o755); err != nil {
		t.Fatal(err)
	}
	// --system: no entry in subuid, no mail, no ageing.
	output(t, exec.Command(useradd, "--system", "--no-create-home", "--home-dir", p.home, "--shell", "/bin/bash", "--user-group", p.name))
	t.Cleanup(func() {
		p.endProcesses(t)
		output(t, exec.Command(userdel, p.name))
	})
	account, err := user.Lookup(p.name)
	if err != nil {
		t.Fatal(err)
	}
	p.uid, p.gid = number(t, account.Uid), number(t, account.Gid)
	for _, dir := range []string{p.home, p.runtime, filepath.Join(work, "tmp")} {
		p.own(t, dir)
	}
	p.env = []string{
		"HOME=" + p.home, "USER=" + p.name, "LOGNAME=" + p.name, "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm",
		"PATH=" + built + ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"XDG_RUNTIME_DIR=" + p.runtime, "TMPDIR=" + filepath.Join(work, "tmp"),
	}
	return p
}

// own makes a folder that is the person's alone.
func (p *person) own(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, int(p.uid), int(p.gid)); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// command is a command that runs at the person's home, without a terminal.
func (p *person) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if !strings.Contains(name, "/") {
		if path, err := exec.LookPath(name); err == nil {
			name = path
		}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = p.home
	cmd.Env = slices.Clone(p.env)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: p.uid, Gid: p.gid},
		Setsid:     true, // away from the terminal of whoever runs the tests
	}
	cmd.WaitDelay = 5 * time.Second // whoever kept our pipes must not keep us
	return cmd
}

// process is one running program of the person's.
type process struct {
	pid     int
	args    string // spaces between the arguments
	environ string
}

func (p process) String() string { return fmt.Sprintf("%d %s", p.pid, p.args) }

// processes returns what runs under the person's account, dead ones that
// nobody has waited for left out.
func (p *person) processes(t *testing.T) []process {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != p.uid {
			continue // ended meanwhile, or somebody else's
		}
		args, err := os.ReadFile(filepath.Join(name, "cmdline"))
		if err != nil || len(args) == 0 {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(name, "environ"))
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, process{
			pid:     pid,
			args:    strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")),
			environ: strings.ReplaceAll(string(environ), "\x00", "\n"),
		})
	}
	return found
}

// quiet waits until nothing of the person's runs that did not run before.
func (p *person) quiet(t *testing.T, before []process) {
	t.Helper()
	known := map[int]bool{}
	for _, each := range before {
		known[each.pid] = true
	}
	var left []process
	eventually(t, func() bool {
		left = slices.DeleteFunc(p.processes(t), func(each process) bool { return known[each.pid] })
		return len(left) == 0
	}, func() string { return fmt.Sprintf("still running: %v", left) })
}

// endProcesses ends what is left, which is a fault of what was tested.
func (p *person) endProcesses(t *testing.T) {
	t.Helper()
	for _, each := range p.processes(t) {
		t.Errorf("left running: %s", each)
		if err := syscall.Kill(each.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	}
	eventually(t, func() bool { return len(p.processes(t)) == 0 }, func() string { return "killed processes still run" })
}

// eventually looks every 20 ms until true; it gives up, saying why, after a time
// that no healthy run comes near.
func eventually(t *testing.T, true func() bool, why func() string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !true(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(why())
		}
	}
}

// snapshot describes everything below dir: kind, mode, content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			text += " " + hex.EncodeToString(sum[:])
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " " + target
		}
		name, err := filepath.Rel(dir, path)
		all[name] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same reports every difference between two snapshots.
func same(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if before[name] != after[name] {
			t.Errorf("%s: %s was %q, is %q", what, name, before[name], after[name])
		}
	}
}
