//go:build unix

package main

import (
	"os"
	"syscall"
)

// polled makes reads and writes of a pipe or socket wait without a thread: one
// that hangs in the system keeps all else of this process waiting, for up to
// 10 ms, since it has but one at a time. The other end of a pipe does not notice.
// What others may share, as a terminal, stays as it is.
func polled(file *os.File) *os.File {
	info, err := file.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return file
	}
	fd := file.Fd()
	if syscall.SetNonblock(int(fd), true) != nil {
		return file
	}
	return os.NewFile(fd, file.Name())
}
