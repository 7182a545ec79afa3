//go:build unix

package desktop

import "syscall"

const executableSuffix = ""

// detached makes a window outlive the terminal and the process that opened it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
