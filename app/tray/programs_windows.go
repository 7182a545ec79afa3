package tray

import (
	"context"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// terminal opens a terminal with an ssh in it: a console of its own, which
// Windows shows in the terminal that the person has chosen.
func (p Programs) terminal(alias string) error {
	cmd := exec.Command("ssh.exe", alias)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_CONSOLE}
	return p.start(cmd)
}

// copy puts text on the clipboard.
func (p Programs) copy(ctx context.Context, text string) error {
	_, err := p.run(ctx, text, "clip.exe")
	return err
}
