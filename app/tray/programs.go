package tray

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Programs acts by starting programs, each by itself: what was started goes on
// when the tray ends. It implements [Actor].
type Programs struct {
	// Spacehatch is the absolute path of the command line.
	Spacehatch string
	// Detached makes a process one that our end does not reach.
	Detached func() *syscall.SysProcAttr
	// Scratch is an owner-only folder for what programs have to say.
	Scratch string
	// Studio returns the address of Studio.
	Studio func() (string, error)
	// Releases is the address of the page with the newest release.
	Releases string
	// Lookup is the environment.
	Lookup func(string) (string, bool)
}

// maxSaid is how much is read of what a program said, in bytes.
const maxSaid = 4 << 10

// Act implements [Actor].
func (p Programs) Act(ctx context.Context, a Action) error {
	switch a.Do {
	case OpenIDE, Connect:
		return p.Command(ctx, "connect", "--", a.Alias)
	case Reconnect:
		if err := p.Command(ctx, "close", "--", a.Alias); err != nil {
			return err
		}
		return p.Command(ctx, "connect", "--", a.Alias)
	case Disconnect:
		return p.Command(ctx, "close", "--", a.Alias)
	case Stop:
		return p.Command(ctx, "stop", "--yes", "--", a.Alias)
	case CloseQuit:
		return p.Command(ctx, "close", "--all")
	case Terminal:
		return p.terminal(a.Alias)
	case CopySSH:
		return p.copy(ctx, "ssh "+a.Alias)
	case Studio:
		address, err := p.Studio()
		if err != nil {
			return err
		}
		return p.Browse(ctx, address)
	case Release:
		return p.Browse(ctx, p.Releases)
	case Details:
		return p.Command(ctx, "status", "--window", "--", a.Alias)
	case Spaces:
		return p.Command(ctx, "spaces", "--window")
	case Settings:
		return p.Command(ctx, "settings", "--window")
	case Diagnostics:
		return p.Command(ctx, "doctor", "--window")
	default:
		return fmt.Errorf("there is no action %q", a.Do)
	}
}

// Command runs a command of ours to its end, or until ctx has ended; the command
// itself goes on then. Its error is for a person.
func (p Programs) Command(ctx context.Context, args ...string) error {
	said, err := p.run(ctx, "", p.Spacehatch, args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		said = strings.TrimPrefix(strings.Join(strings.Fields(said), " "), "spacehatch: ")
		if said == "" {
			said = "The command ended without a word."
		}
		return problem.New(problem.Internal, printable.Text(said, 500), "", exit)
	}
	return err
}

// Browse shows an address in the browser, which goes on after the end of ctx.
// The address is no argument of ours; it is one of the browser's.
func (p Programs) Browse(ctx context.Context, address string) error {
	_, err := p.run(ctx, address, p.Spacehatch, "browse")
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return noProgram("No browser could be started.", "Open "+address+" in yours.")
	}
	return err
}

// apart has a program run in the person's home folder, out of the reach of our
// end; who has said how it is to be a process of its own is right.
func (p Programs) apart(cmd *exec.Cmd) {
	cmd.Dir = string(os.PathSeparator)
	if home, err := os.UserHomeDir(); err == nil {
		cmd.Dir = home
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = p.Detached()
	}
}

// start starts a program and leaves it to itself.
func (p Programs) start(cmd *exec.Cmd) error {
	p.apart(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	go func() { _ = cmd.Wait() }() // ends with the program, or with us
	return nil
}

// run starts a program, gives it input and waits for its end, or for ctx; the
// program itself goes on then. It returns the beginning of what the program
// wrote on standard error.
func (p Programs) run(ctx context.Context, input, name string, args ...string) (said string, err error) {
	// A file and no pipe: a program that has something to say after our end
	// must not die of it. And one whose child keeps the stream has ended all
	// the same.
	file, err := os.CreateTemp(p.Scratch, "tray-*.said")
	if err != nil {
		return "", fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // where the system does not let go of open files
	defer func() { _ = file.Close() }()
	_ = os.Remove(file.Name())
	cmd := exec.Command(name, args...)
	p.apart(cmd)
	cmd.Stderr = file
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the program, or with us
	select {
	case err = <-ended:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	text := make([]byte, maxSaid)
	n, readErr := file.ReadAt(text, 0)
	if readErr != nil && !errors.Is(readErr, io.EOF) {
		n = 0
	}
	return string(text[:n]), err
}

// noProgram says that none of the programs that could do something is there.
func noProgram(sentence, hint string) error {
	return problem.New(problem.NotSupported, sentence, hint, nil)
}
