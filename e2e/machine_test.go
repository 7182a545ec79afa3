//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// machine is this system with a layer over its files: what is installed there
// is there alone, and gone with the test. Everything in it sees the person's
// own folders as they are.
type machine struct {
	ctx   context.Context
	root  string // its top folder, seen from outside
	layer string // what differs from this system
}

// layers mounts a machine over this system, in a space of mounts of its own,
// which ends with the shell: "$1" is a folder for it, "$2" the person's.
const layers = `set -e
mount -t tmpfs -o mode=755 machine "$1"
mkdir "$1/layer" "$1/scratch" "$1/root"
mount -t overlay machine -o lowerdir=/,upperdir="$1/layer",workdir="$1/scratch" "$1/root"
for each in /proc /dev /sys; do mount --rbind "$each" "$1/root$each"; done
mkdir -p "$1/root$2"
mount --bind "$2" "$1/root$2"
echo ready
read -r _ || :
`

func newMachine(t *testing.T, p *person) *machine {
	t.Helper()
	unshare := tool(t, "unshare", "it is in Debian's package util-linux")
	dir, err := os.MkdirTemp("", "sh-machine-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(unshare, "--mount", "--propagation", "private", "sh", "-c", layers, "sh", dir, p.Work)
	in, err := cmd.StdinPipe() // its end is the end of the machine
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait(), os.Remove(dir)); err != nil {
			t.Errorf("take the machine down: %v", err)
		}
	})
	ready := make([]byte, len("ready\n"))
	if _, err := out.Read(ready); err != nil || string(ready) != "ready\n" {
		t.Fatalf("This test lays files of its own over those of this system, which root can do where mounting is allowed: %s", said.String())
	}
	inside := fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, dir)
	return &machine{ctx: limited(t), root: inside + "/root", layer: inside + "/layer"}
}

// command is one of the administrator's.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	if path, err := exec.LookPath(name); err == nil {
		name = path
	}
	cmd := exec.CommandContext(m.ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: m.root}
	return cmd
}

// as has a person's command run there.
func (m *machine) as(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr.Chroot = m.root
	return cmd
}

// administration is where package managers keep their own books.
var administration = []string{"var/lib/dpkg", "var/lib/rpm", "usr/lib/sysimage/rpm", "root/.rpmdb", "var/log", "var/cache", "var/lib/apt", "tmp", "run"}

// differences returns what is different from this system: the files that came,
// with a plus, those that are gone, with a minus, and those that changed. Books
// of package managers are not counted.
func (m *machine) differences(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(m.layer, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(m.layer, path)
		if err != nil || name == "." {
			return err
		}
		if slices.Contains(administration, name) {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		there, err := os.Lstat("/" + name)
		switch gone := info.Mode()&fs.ModeCharDevice != 0 && info.Sys().(*syscall.Stat_t).Rdev == 0; {
		case gone && err == nil:
			found = append(found, "- /"+name)
		case gone:
		case err != nil:
			if !e.IsDir() {
				found = append(found, "+ /"+name)
			}
		case info.Mode() != there.Mode():
			found = append(found, fmt.Sprintf("! /%s: %s, was %s", name, info.Mode(), there.Mode()))
		case info.Mode().IsRegular():
			now, one := os.ReadFile(path)
			was, two := os.ReadFile("/" + name)
			if err := errors.Join(one, two); err != nil {
				return err
			}
			if !bytes.Equal(now, was) {
				found = append(found, "! /"+name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// came checks that nothing differs but the files that came, and returns those.
func (m *machine) came(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, each := range m.differences(t) {
		name, ok := strings.CutPrefix(each, "+ ")
		switch {
		case ok:
			names = append(names, name)
		case slices.Contains(caches, strings.TrimPrefix(each, "! ")):
		default:
			t.Errorf("this differs: %s", each)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(caches, name) })
}

// caches are made of what is installed, by the system's own tools.
var caches = []string{"/usr/share/applications/mimeinfo.cache", "/usr/share/icons/hicolor/icon-theme.cache"}
