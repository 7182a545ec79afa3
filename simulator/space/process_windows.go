package space

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// terminals: there are none; a client goes on without.
const terminals = false

// shell is the command interpreter.
func shell() string {
	if path := os.Getenv("COMSPEC"); path != "" {
		return path
	}
	return "cmd.exe"
}

// shellCommand runs command in the shell, which is interactive where it is
// empty.
func shellCommand(command string) *exec.Cmd {
	cmd := exec.Command(shell())
	if command != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: "/d /s /c \"" + command + "\""}
	}
	return cmd
}

func launch(cmd *exec.Cmd, _ *terminal) (*process, error) {
	p := &process{cmd: cmd}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if p.stderr, err = cmd.StderrPipe(); err != nil {
		return nil, err
	}
	return p, cmd.Start()
}

func resize(*os.File, *terminal) error { return errors.ErrUnsupported }

func finishTerminal(_ *os.File, copied func()) { copied() }

func signal(cmd *exec.Cmd, name string) error {
	if name != "KILL" && name != "TERM" {
		return errors.ErrUnsupported
	}
	return cmd.Process.Kill()
}

func killedBy(error) (name string, ok bool) { return "", false }

func hangUp(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func hangUpGroup(*exec.Cmd) {}

// leftovers is empty: Windows has no process groups in that sense.
type leftovers struct{}

func (leftovers) add(*exec.Cmd) {}

func (leftovers) kill() {}
