package doctor

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// permissionBits are those that mean something on this system: Windows keeps
// the user's own folders to the user by access lists.
const permissionBits fs.FileMode = 0

// socketType is what a socket of ours is in a listing: a file with the name of
// a pipe.
const socketType fs.FileMode = 0

func owned(fs.FileInfo) bool { return true }

// mayWrite returns nil: who may write where is said by lists that are read
// whole only by the system itself.
func mayWrite(string) error { return nil }

// freeSpace returns how many bytes the user can still write at path.
func freeSpace(path string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	return free, windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
}
