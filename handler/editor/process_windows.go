package editor

import (
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// detach gives the process no console and a group of its own, so that no
// Ctrl+C of ours reaches it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP,
	}
}

// ownGroup keeps a console window from flashing up.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

// endsWithin waits for the process to end, at most d.
func endsWithin(p *os.Process, d time.Duration) bool {
	ended := false
	_ = p.WithHandle(func(handle uintptr) { // without a handle it is not known to have ended
		event, err := windows.WaitForSingleObject(windows.Handle(handle), uint32(d.Milliseconds()))
		ended = err == nil && event == windows.WAIT_OBJECT_0
	})
	return ended
}
