package desktop

import (
	"syscall"

	"golang.org/x/sys/windows"
)

const executableSuffix = ".exe"

// detached makes a window outlive the console and the process that opened it.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
