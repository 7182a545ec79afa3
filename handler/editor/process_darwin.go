package editor

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// endsWithin waits for the process to end, at most d.
func endsWithin(p *os.Process, d time.Duration) bool {
	kq, err := unix.Kqueue()
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(kq) }()
	var change unix.Kevent_t
	unix.SetKevent(&change, p.Pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT
	deadline := time.Now().Add(d)
	events := make([]unix.Kevent_t, 1)
	for {
		left := unix.NsecToTimespec(max(0, time.Until(deadline)).Nanoseconds())
		n, err := unix.Kevent(kq, []unix.Kevent_t{change}, events, &left)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		// ESRCH: it ended before we asked.
		return err == nil && n > 0 || errors.Is(err, unix.ESRCH)
	}
}
