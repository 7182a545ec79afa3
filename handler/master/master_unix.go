//go:build unix

package master

import (
	"errors"
	"os/exec"
	"syscall"
)

// Supported reports whether this system's OpenSSH can share connections.
func Supported() bool { return true }

// detach gives ssh a session of its own. Without a terminal it cannot ask for a
// password behind a window's back; an interrupt from the terminal does not reach
// it; and whoever gives up ends it together with its ProxyCommand.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
