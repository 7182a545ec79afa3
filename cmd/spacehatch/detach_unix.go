//go:build unix

package main

import (
	"os"
	"syscall"
)

// detached gives a process a session of its own, so that neither Ctrl-C nor
// the end of our terminal reaches it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// detachStreams lets go of the standard streams of whoever started us.
func detachStreams() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { _ = null.Close() }()
	for fd := range 3 {
		_ = dup2(int(null.Fd()), fd)
	}
}

// askToEnd lets the process clean up.
func askToEnd(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
