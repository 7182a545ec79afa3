//go:build unix

package paths

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// homeVariables say where the home folder is.
const homeVariables = "HOME"

func databaseHome() (string, error) {
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil && u.HomeDir != "" {
		return u.HomeDir, nil
	}
	// A user from a directory service, unknown to the pure Go reader of
	// /etc/passwd: there $HOME is the best there is.
	return os.UserHomeDir()
}

func removeAll(dir string) error { return os.RemoveAll(dir) }

func checkOwnerOnly(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder: %w", dir, fs.ErrInvalid)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s belongs to user %d: %w", dir, st.Uid, fs.ErrPermission)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("%s has mode %o, want 700: %w", dir, perm, fs.ErrPermission)
	}
	return nil
}
