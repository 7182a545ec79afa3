package editor

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// endsWithin waits for the process to end, at most d. Kernels before 5.4 have
// no handles; there it is not known to have ended.
func endsWithin(p *os.Process, d time.Duration) bool {
	ended := false
	deadline := time.Now().Add(d)
	_ = p.WithHandle(func(handle uintptr) {
		fds := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, max(0, int(time.Until(deadline).Milliseconds())))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			ended = err == nil && n > 0
			return
		}
	})
	return ended
}
