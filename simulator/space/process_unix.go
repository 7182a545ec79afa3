//go:build unix

package space

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminals: a client can have a terminal here.
const terminals = true

// shell is the user's shell in a space.
func shell() string {
	if bash, err := exec.LookPath("bash"); err == nil {
		return bash
	}
	return "/bin/sh"
}

// shellCommand runs command in the shell, a login shell where it is empty.
func shellCommand(command string) *exec.Cmd {
	if command == "" {
		cmd := exec.Command(shell())
		cmd.Args = []string{"-" + shell()}
		return cmd
	}
	return exec.Command(shell(), "-c", command)
}

// launch starts cmd as the leader of a session, with a terminal where one was
// asked for.
func launch(cmd *exec.Cmd, term *terminal) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if term != nil {
		return launchInTerminal(cmd, term)
	}
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

func launchInTerminal(cmd *exec.Cmd, term *terminal) (*process, error) {
	blocking, theirs, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer func() { _ = theirs.Close() }()
	ours, err := interruptible(blocking)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	_ = resize(ours, term)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
	cmd.Env = append(cmd.Env, "TERM="+term.name, "SSH_TTY="+theirs.Name())
	cmd.SysProcAttr.Setctty = true
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	return &process{cmd: cmd, pty: ours, stdin: ours, stdout: ours}, nil
}

// interruptible gives f a file whose Close ends a Read that waits, which a
// file in blocking mode, as pty.Open leaves it, does not. It closes f.
func interruptible(f *os.File) (*os.File, error) {
	defer func() { _ = f.Close() }()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// resize tells the terminal its size. It does not take the bare descriptor,
// which another goroutine may be closing.
func resize(f *os.File, t *terminal) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	size := &unix.Winsize{Row: uint16(t.rows), Col: uint16(t.columns), Xpixel: uint16(t.width), Ypixel: uint16(t.height)}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) }); err != nil {
		return err
	}
	return set
}

// lastOutput is how long a terminal is read on after its program has ended,
// where a background process still holds it. What the program wrote itself is
// read at once.
const lastOutput = 200 * time.Millisecond

// finishTerminal waits for copied, which ends when every process has closed
// the terminal, at most lastOutput.
func finishTerminal(ours *os.File, copied func()) {
	deadline := time.AfterFunc(lastOutput, func() { _ = ours.Close() })
	defer deadline.Stop()
	copied()
}

// signals are RFC 4254's names (part 6.10).
var signals = map[string]syscall.Signal{
	"ABRT": syscall.SIGABRT, "ALRM": syscall.SIGALRM, "FPE": syscall.SIGFPE, "HUP": syscall.SIGHUP,
	"ILL": syscall.SIGILL, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "PIPE": syscall.SIGPIPE,
	"QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

// signal sends a signal to the program and its process group.
func signal(cmd *exec.Cmd, name string) error {
	sig, ok := signals[name]
	if !ok {
		return fmt.Errorf("unknown signal %q", name)
	}
	return syscall.Kill(-cmd.Process.Pid, sig)
}

// killedBy returns the name of the signal that ended the program.
func killedBy(err error) (name string, ok bool) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return "", false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return "", false
	}
	for name, sig := range signals {
		if sig == status.Signal() {
			return name, true
		}
	}
	return "KILL", true
}

// hangUp ends a program whose client is gone, with its process group: first as
// a lost terminal would, then for good.
func hangUp(cmd *exec.Cmd) {
	hangUpGroup(cmd)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}

// hangUpGroup tells the program's process group that the terminal is gone.
func hangUpGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP)
}

// leftovers remembers programs that ended and left their process group behind.
type leftovers struct {
	mu     sync.Mutex
	groups []int
}

// add remembers cmd's group if anybody is left in it.
func (l *leftovers) add(cmd *exec.Cmd) {
	if !orphaned(cmd.Process.Pid) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups = append(l.groups, cmd.Process.Pid)
}

// kill ends the remembered groups.
func (l *leftovers) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, group := range l.groups {
		if orphaned(group) {
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
	}
	l.groups = nil
}

// orphaned reports whether the group exists without its leader. The kernel
// gives the leader's number to nobody as long as the group exists, so a group
// that has a leader again is not ours.
func orphaned(group int) bool {
	return syscall.Kill(-group, 0) == nil && errors.Is(syscall.Kill(group, 0), syscall.ESRCH)
}
