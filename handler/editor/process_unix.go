//go:build unix

package editor

import (
	"os/exec"
	"syscall"
)

// detach gives the process a session of its own: no terminal of ours reaches
// it, and its end is not tied to ours.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// ownGroup makes a cancelled command take its children with it: the command
// of an IDE is a script that starts the program.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
