//go:build unix

package sshconfig

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const nobody = 65534

// asUser lets a test go on as an ordinary user: permissions hold nobody back who
// is root. As root it starts the test once more as another user, reports what
// came of it, and returns false.
func asUser(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	dir, err := os.MkdirTemp("", "spacehatch-user-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self := filepath.Join(dir, "test")
	copyProgram(t, self)
	// A file that the user sees and that belongs to somebody else.
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, []byte("Host work\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(foreign, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	return false
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPermissionsAsAUser(t *testing.T) {
	needSSH(t)
	if !asUser(t) {
		return
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, says string
		make       func(t *testing.T, s Settings)
	}{
		{"unreadable", "cannot be read", func(t *testing.T, s Settings) {
			must(t, os.Chmod(s.write(t, "Host work\n"), 0o200))
		}},
		{"world-writable", "by every user", func(t *testing.T, s Settings) {
			must(t, os.Chmod(s.write(t, "Host work\n"), 0o666))
		}},
		{"included file that ssh refuses", "permissions that OpenSSH refuses", func(t *testing.T, s Settings) {
			extra := filepath.Join(s.SSHDir, "extra")
			s.write(t, "Include "+extra+"\n")
			must(t, os.WriteFile(extra, []byte("Host work\n"), 0o600))
			must(t, os.Chmod(extra, 0o666))
		}},
		{"folder that cannot be written to", "cannot be written", func(t *testing.T, s Settings) {
			s.write(t, "Host work\n")
			must(t, os.Chmod(s.SSHDir, 0o500))
			t.Cleanup(func() { must(t, os.Chmod(s.SSHDir, 0o700)) })
		}},
		{"folder that cannot be searched", "cannot be looked at", func(t *testing.T, s Settings) {
			s.write(t, "Host work\n")
			must(t, os.Chmod(s.SSHDir, 0o600))
			t.Cleanup(func() { must(t, os.Chmod(s.SSHDir, 0o700)) })
		}},
		{"target's folder that cannot be written to", "cannot be written to", func(t *testing.T, s Settings) {
			target := filepath.Join(filepath.Dir(s.SSHDir), "dotfiles", "config")
			must(t, os.MkdirAll(filepath.Dir(target), 0o700))
			must(t, os.Mkdir(s.SSHDir, 0o700))
			must(t, os.WriteFile(target, []byte("Host work\n"), 0o600))
			must(t, os.Symlink(target, place(s.SSHDir).userConfig()))
			must(t, os.Chmod(filepath.Dir(target), 0o500))
			t.Cleanup(func() { must(t, os.Chmod(filepath.Dir(target), 0o700)) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := home(t)
			c.make(t, s)
			p, err := NewPlan(t.Context(), s)
			if err == nil {
				err = p.Apply(t.Context())
			}
			wantProblem(t, err, problem.SSHConfigUnsafe, c.says)
			must(t, os.Chmod(s.SSHDir, 0o700))
			must(t, os.Chmod(place(s.SSHDir).userConfig(), 0o600))
			if got := read(t, place(s.SSHDir).userConfig()); !strings.HasSuffix(got, "Host work\n") && !strings.HasPrefix(got, "Include ") {
				t.Errorf("the config is %q", got)
			}
			if _, err := os.Lstat(place(s.SSHDir).folder()); err == nil {
				t.Error("our folder was left behind")
			}
		})
	}
}

// TestForeignOwner: a config that root laid there, as site tools do.
func TestForeignOwner(t *testing.T) {
	needSSH(t)
	if !asUser(t) {
		return
	}
	foreign := filepath.Join(os.TempDir(), "foreign")
	info, err := os.Stat(foreign)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) {
		t.Skip("needs root to make a file that is somebody else's")
	}
	s := home(t)
	if err := os.Mkdir(s.SSHDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(foreign, place(s.SSHDir).userConfig()); err != nil {
		t.Fatal(err)
	}
	_, err = NewPlan(t.Context(), s)
	wantProblem(t, err, problem.SSHConfigUnsafe, "belongs to another user")
	if p := problem.From(err); !strings.Contains(p.Hint, "Include spacehatch/config") {
		t.Errorf("the hint does not say what to do: %q", p.Hint)
	}
}

// TestOurConfigIsMended: with another mode than ours ssh would refuse it, and
// every connection of the user's with it.
func TestOurConfigIsMended(t *testing.T) {
	needSSH(t)
	if !asUser(t) {
		return
	}
	s := home(t)
	apply(t, s)
	own := place(s.SSHDir).config()
	if err := os.Chmod(own, 0o666); err != nil {
		t.Fatal(err)
	}
	apply(t, s)
	if info, err := os.Stat(own); err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("%v, %v", info, err)
	}
}

// TestGroupIsKept needs a second group.
func TestGroupIsKept(t *testing.T) {
	needSSH(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a file to another group")
	}
	s := home(t)
	user := s.write(t, "Host work\n")
	if err := os.Chown(user, -1, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(user, 0o640); err != nil {
		t.Fatal(err)
	}
	apply(t, s)
	for range 2 {
		info, err := os.Stat(user)
		if err != nil || info.Mode().Perm() != 0o640 || info.Sys().(*syscall.Stat_t).Gid != nobody {
			t.Errorf("%v, %v", info, err)
		}
		if err := Undo(t.Context(), s.SSHDir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPipeIsNotOpened(t *testing.T) {
	s := home(t)
	if err := os.Mkdir(s.SSHDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(place(s.SSHDir).userConfig(), 0o600); err != nil {
		t.Skip(err)
	}
	_, err := NewPlan(t.Context(), s)
	wantProblem(t, err, problem.SSHConfigUnsafe, "not a regular file")
}
