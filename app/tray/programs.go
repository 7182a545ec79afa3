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
	// Desktop is that of spacehatch-desktop, empty where there is none.
	Desktop string
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
		return p.spacehatch(ctx, "connect", "--", a.Alias)
	case Reconnect:
		if err := p.spacehatch(ctx, "close", "--", a.Alias); err != nil {
			return err
		}
		return p.spacehatch(ctx, "connect", "--", a.Alias)
	case Disconnect:
		return p.spacehatch(ctx, "close", "--", a.Alias)
	case CloseQuit:
		return p.spacehatch(ctx, "close", "--all")
	case Terminal:
		return p.terminal(a.Alias)
	case CopySSH:
		return p.copy(ctx, "ssh "+a.Alias)
	case Studio:
		address, err := p.Studio()
		if err != nil {
			return err
		}
		return p.browse(ctx, address)
	case Release:
		return p.browse(ctx, p.Releases)
	case Details:
		return p.desktop(ctx, "details", "--", a.Alias)
	case Settings, Diagnostics:
		return p.desktop(ctx, string(a.Do))
	default:
		return fmt.Errorf("there is no action %q", a.Do)
	}
}

// spacehatch runs a command of ours to its end.
func (p Programs) spacehatch(ctx context.Context, args ...string) error {
	return p.told(ctx, p.Spacehatch, args...)
}

// desktop shows a window and waits until it is closed.
func (p Programs) desktop(ctx context.Context, args ...string) error {
	if p.Desktop == "" {
		return problem.New(problem.NotSupported, "Spacehatch's windows are not installed.",
			"Install the package spacehatch-desktop, or use the command line: `spacehatch --help`.", nil)
	}
	return p.told(ctx, p.Desktop, args...)
}

// told runs a program of ours: where it fails, what it said is for a person.
func (p Programs) told(ctx context.Context, program string, args ...string) error {
	said, err := p.run(ctx, "", program, args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		said = strings.Join(strings.Fields(said), " ")
		for _, name := range []string{"spacehatch: ", "spacehatch-desktop: "} {
			said = strings.TrimPrefix(said, name)
		}
		if said == "" {
			said = "The command ended without a word."
		}
		return problem.New(problem.Internal, printable.Text(said, 500), "", exit)
	}
	return err
}

// start starts a program and leaves it to itself.
func (p Programs) start(cmd *exec.Cmd) error {
	cmd.Dir = string(os.PathSeparator)
	if home, err := os.UserHomeDir(); err == nil {
		cmd.Dir = home
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = p.Detached()
	}
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
	cmd.Dir = string(os.PathSeparator)
	if home, err := os.UserHomeDir(); err == nil {
		cmd.Dir = home
	}
	cmd.SysProcAttr = p.Detached()
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
