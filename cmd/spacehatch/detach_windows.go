package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// detached starts a process without our console.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP,
	}
}

// detachStreams lets go of the pipes to whoever started us.
func detachStreams() {
	_ = os.Stdin.Close()
	_ = os.Stdout.Close()
}

// askToEnd has no gentle way on Windows: the gateway sees the socket close.
func askToEnd(p *os.Process) error { return p.Kill() }
