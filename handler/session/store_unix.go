//go:build unix

package session

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownedAlone returns why info's file is not safe, or nil: another owner, or a
// permission bit of forbidden.
func ownedAlone(info fs.FileInfo, forbidden fs.FileMode) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("it belongs to user %d", st.Uid)
	}
	if perm := info.Mode().Perm(); perm&forbidden != 0 {
		return fmt.Errorf("its mode is %o", perm)
	}
	return nil
}
