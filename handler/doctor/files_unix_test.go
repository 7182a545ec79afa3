//go:build unix

package doctor

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestPermissionsAreMended(t *testing.T) {
	home := t.TempDir()
	state, ssh, victim := filepath.Join(home, "state"), filepath.Join(home, "ssh"), filepath.Join(home, "victim")
	write(t, filepath.Join(state, "a"), 0o600)
	write(t, filepath.Join(state, "below", "b"), 0o644)
	write(t, filepath.Join(state, "cache", "fonts"), 0o644)
	write(t, filepath.Join(ssh, "known_hosts"), 0o644)
	write(t, victim, 0o644)
	if err := os.Symlink(victim, filepath.Join(state, "link")); err != nil {
		t.Fatal(err)
	}
	folders := []Folder{
		{Path: state, Folders: Private, Files: Private, Caches: "cache"}, {Path: ssh, Folders: Private, Files: ReadOnly},
		{Path: filepath.Join(home, "none"), Folders: Private, Files: Private},
	}
	d := Doctor{Checks: []Check{Permissions(folders)}, Limit: time.Minute}

	f := d.Look(t.Context())
	if len(f) != 1 || f[0].ID != "permissions.mode" || f[0].Severity != Warning || !strings.Contains(f[0].Sentence, filepath.Join("below", "b")+" is open") {
		t.Fatalf("%+v", f)
	}
	if err := os.Chmod(ssh, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(ssh, "config"), 0o622)
	f = d.Look(t.Context())
	if !strings.Contains(f[0].Sentence, filepath.Join(ssh, "config")+" are open") || strings.Contains(f[0].Sentence, "known_hosts") {
		t.Errorf("%+v", f)
	}
	whole(t, "permissions", f[0])
	if mode(t, ssh) != 0o755 {
		t.Error("looking has changed something")
	}
	if f = d.Mend(t.Context(), f); !f[0].Fixed {
		t.Errorf("%+v", f)
	}
	for path, want := range map[string]fs.FileMode{
		state: 0o700, ssh: 0o700, filepath.Join(state, "below", "b"): 0o600, filepath.Join(ssh, "config"): 0o600,
		filepath.Join(ssh, "known_hosts"): 0o644, victim: 0o644,
	} {
		if got := mode(t, path); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
	if f := only(t, Permissions(folders)); f.Severity != OK {
		t.Errorf("afterwards: %+v", f)
	}
}

func TestPermissionsNoticeAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file of somebody else's")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "theirs"), 0o600)
	if err := os.Chown(filepath.Join(dir, "theirs"), 4711, 4711); err != nil {
		t.Fatal(err)
	}
	d := Doctor{Checks: []Check{Permissions([]Folder{{Path: dir, Folders: Private, Files: Private}})}, Limit: time.Minute}
	f := only(t, d.Checks[0])
	if f.ID != "permissions.owner" || f.Severity != Error || f.Fixable || !strings.Contains(f.Sentence, "theirs is in") {
		t.Errorf("%+v", f)
	}
	whole(t, "owner", f)

	// What is not ours is not changed, and does not keep ours from being mended.
	for _, name := range []string{"theirs", "ours"} {
		write(t, filepath.Join(dir, name), 0o644)
	}
	found := d.Mend(t.Context(), d.Look(t.Context()))
	if len(found) != 2 || found[0].Fixed || !found[1].Fixed {
		t.Errorf("%+v", found)
	}
	if theirs, ours := mode(t, filepath.Join(dir, "theirs")), mode(t, filepath.Join(dir, "ours")); theirs != 0o644 || ours != 0o600 {
		t.Errorf("modes %o and %o", theirs, ours)
	}
}

func TestSomeNamesAFew(t *testing.T) {
	for want, paths := range map[string][]string{
		"a is": {"a"}, "a, b are": {"a", "b"}, "a, b, c and 2 more are": {"a", "b", "c", "d", "e"},
	} {
		if got := some(paths); got != want {
			t.Errorf("%v: %q", paths, got)
		}
	}
}

func TestSocketsAreSwept(t *testing.T) {
	dir, err := os.MkdirTemp("", "shd") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listen := func(name string) *net.UnixListener {
		t.Helper()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		return l
	}
	live := listen("t-live-1.sock")
	defer live.Close()
	for _, name := range []string{"t-dead-1.sock", "cm-dead", "foreign"} {
		_ = listen(name).Close()
	}
	write(t, filepath.Join(dir, "cm-file"), 0o600)
	now := time.Now()
	d := Doctor{Limit: time.Minute, Checks: []Check{Sockets([]string{dir, filepath.Join(dir, "none")}, func() time.Time { return now })}}

	if f := d.Look(t.Context())[0]; f.Severity != OK || !strings.Contains(f.Sentence, "1 socket in use") {
		t.Errorf("sockets that were made just now: %+v", f)
	}
	now = now.Add(time.Minute)
	found := d.Look(t.Context())
	if f := found[0]; f.Severity != Warning || !strings.HasPrefix(f.Sentence, "2 sockets left") || !f.Fixable {
		t.Errorf("%+v", f)
	}
	whole(t, "sockets", found[0])
	if f := d.Mend(t.Context(), found)[0]; !f.Fixed || !strings.HasSuffix(f.Sentence, "They were removed.") {
		t.Errorf("%+v", f)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "cm-file foreign t-live-1.sock" {
		t.Errorf("left: %s", got)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.lock")
	if f := only(t, Lock(path)); f.Severity != OK || present(path) {
		t.Errorf("no lock file: %+v", f)
	}
	lock := flock.New(path)
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	if f := only(t, lockBy(path, 30*time.Millisecond)); f.Severity != Error || !strings.Contains(f.Sentence, "store.lock") {
		t.Errorf("held: %+v", f)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if f := only(t, Lock(path)); f.Severity != OK {
		t.Errorf("free: %+v", f)
	}
}

func TestDiskAsksTheSystem(t *testing.T) {
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("%d bytes free, %v", free, err)
	}
	if err := mayWrite(t.TempDir()); err != nil {
		t.Error(err)
	}
	if mayWrite(filepath.Join(t.TempDir(), "none")) == nil {
		t.Error("a folder that is not there can be written to")
	}
	if f := only(t, Disk([]string{filepath.Join(t.TempDir(), "none", "below")})); f.Severity.AtLeast(Error) {
		t.Errorf("%+v", f)
	}
}
