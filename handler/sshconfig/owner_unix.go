//go:build unix

package sshconfig

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// checkOwner refuses what belongs to somebody else, what anybody may write to,
// and a group that a new file could not be given.
func checkOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if int(st.Uid) != os.Geteuid() {
		return unsafe(path, fmt.Sprintf("belongs to another user (number %d)", st.Uid), "", nil)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return unsafe(path, "can be written to by every user, so OpenSSH refuses it",
			"Run chmod go-w "+printable.Quoted(path)+" and try again.", nil)
	}
	groups, err := os.Getgroups()
	if info.Mode().IsRegular() && os.Geteuid() != 0 && int(st.Gid) != os.Getegid() &&
		(err != nil || !slices.Contains(groups, int(st.Gid))) {
		return unsafe(path, fmt.Sprintf("belongs to a group (number %d) that you are not in", st.Gid), "", nil)
	}
	return nil
}

// posixModes: permissions are bits, and OpenSSH looks at them.
const posixModes = true

func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// keepGroup gives the file at path the group that the one before it had.
func keepGroup(path string, before fs.FileInfo) error {
	was, ok := before.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Gid == was.Gid {
		return nil
	}
	return os.Chown(path, -1, int(was.Gid))
}
