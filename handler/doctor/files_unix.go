//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// permissionBits are those that mean something on this system.
const permissionBits fs.FileMode = 0o777

// socketType is what a socket of ours is in a listing.
const socketType = fs.ModeSocket

func owned(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Getuid()
}

// mayWrite returns why the user may make nothing in a folder.
func mayWrite(path string) error { return unix.Access(path, unix.W_OK|unix.X_OK) }

// freeSpace returns how many bytes the user can still write at path.
func freeSpace(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil //nolint:unconvert // its type differs from system to system
}
