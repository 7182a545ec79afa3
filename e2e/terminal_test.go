//go:build linux

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// terminal is a command that runs at a terminal, with somebody who reads and
// types.
type terminal struct {
	cmd  *exec.Cmd
	tty  *os.File
	said stage.Buffer
	read chan struct{} // closed when the terminal is
	at   int           // what was understood so far
}

// atTerminal starts cmd at a terminal of its own.
func atTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{cmd: cmd, tty: tty, read: make(chan struct{})}
	go func() {
		defer close(term.read)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			_, _ = term.said.Write(buf[:n])
			if err != nil {
				return // EIO: the last process at the terminal is gone
			}
		}
	}()
	t.Cleanup(func() {
		_ = tty.Close() // ends the reader where the command still runs
		<-term.read
	})
	return term
}

// expect waits until the pattern was said, after whatever was expected before.
func (term *terminal) expect(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(t, func() bool {
		found := re.FindStringIndex(term.said.String()[term.at:])
		if found != nil {
			term.at += found[1]
		}
		return found != nil
	}, func() string { return "nobody said " + pattern + " in:\n" + term.said.String() })
}

// enter types a line.
func (term *terminal) enter(t *testing.T, line string) {
	t.Helper()
	if _, err := term.tty.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

// end waits for the command and returns its exit code and all that was said.
func (term *terminal) end(t *testing.T) (int, string) {
	t.Helper()
	err := term.cmd.Wait()
	if err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatal(err)
		}
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			t.Fatalf("%v: %v\n%s", term.cmd.Args, err, term.said.String())
		}
		return exit.ExitCode(), term.said.String()
	}
	return 0, term.said.String()
}

// answer gives the same answer to every further question until the command
// ends, and returns what end does.
func (term *terminal) answer(t *testing.T, question, line string) (int, string) {
	t.Helper()
	re := regexp.MustCompile(question)
	ended := false
	for !ended {
		asked := false
		eventually(t, func() bool {
			// Looked at first: what was said before the end counts too.
			select {
			case <-term.read:
				ended = true
			default:
			}
			if found := re.FindStringIndex(term.said.String()[term.at:]); found != nil {
				term.at += found[1]
				asked = true
			}
			return asked || ended
		}, func() string { return "neither a question nor an end in:\n" + term.said.String() })
		if asked && !ended {
			term.enter(t, line)
		}
	}
	return term.end(t)
}
