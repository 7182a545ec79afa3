//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/space"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// alias is what the simulator's first space is called here.
const alias = "my-space.hatch"

// studio is a Studio in the test's own process.
type studio struct{ *simulator.Simulator }

// newStudio starts one whose spaces have the embedded SSH server, if no change
// says otherwise.
func newStudio(t *testing.T, changes ...func(*simulator.Config)) studio {
	t.Helper()
	config := simulator.Defaults()
	config.SSHD, config.AgentPace = space.Embedded, 0
	for _, change := range changes {
		change(&config)
	}
	s, err := simulator.Start(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return studio{s}
}

// link returns a fresh link, as the page's button gives it.
func (s studio) link(t *testing.T, query string) string {
	t.Helper()
	answer, err := http.Get(s.Info().Page + "api/link?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", answer.Status, text, err)
	}
	return string(text)
}

// at makes the desk's programs trust the studio; they have no credentials.
func (d *desk) at(s studio) {
	for name, value := range s.Info().Env {
		switch name {
		case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN":
		default:
			d.env = append(d.env, name+"="+value)
		}
	}
}

// signedIn is at, with credentials.
func (d *desk) signedIn(s studio) {
	for name, value := range s.Info().Env {
		d.env = append(d.env, name+"="+value)
	}
}

func mySpace(t *testing.T) session.Space {
	t.Helper()
	s, err := session.ParseARN("arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/my-space")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *desk) store() *session.Store { return session.OpenStore(d.state, d.runtime) }

// knows makes my-space a space that was opened before.
func (d *desk) knows(t *testing.T) session.Space {
	t.Helper()
	s, err := d.store().Remember(t.Context(), mySpace(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Alias != alias {
		t.Fatalf("the alias is %s", s.Alias)
	}
	return s
}

// tunnels are the announced tunnels.
func (d *desk) tunnels(t *testing.T) []registry.Status {
	t.Helper()
	all, err := registry.List(t.Context(), d.runtime)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// awaitTunnel waits for one tunnel, in the state.
func (d *desk) awaitTunnel(t *testing.T, state registry.State) registry.Status {
	t.Helper()
	var all []registry.Status
	eventually(t, func() bool {
		all = d.tunnels(t)
		return len(all) == 1 && all[0].State == state
	}, func() string { return fmt.Sprintf("no tunnel becomes %s: %+v", state, all) })
	return all[0]
}

// noSocket waits until no tunnel is announced: nothing that a sweep would
// still have to remove.
func (d *desk) noSocket(t *testing.T) {
	t.Helper()
	var left []string
	eventually(t, func() bool {
		left = d.sockets(t)
		return len(left) == 0
	}, func() string { return "sockets are left: " + strings.Join(left, ", ") })
}

func (d *desk) sockets(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(d.runtime)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".sock") {
			found = append(found, e.Name())
		}
	}
	return found
}

// running is a program that a test talks with.
type running struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *os.File // the reading end of its standard output
	errors buffer
	read   []byte // of out so far
}

// buffer is written by a process while the test reads it.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts the program; it is killed with the test at the latest.
func (d *desk) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{cmd: d.command(args...)}
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	var theirs *os.File
	if r.out, theirs, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	r.cmd.Stdout, r.cmd.Stderr = theirs, &r.errors
	if err := errors.Join(r.cmd.Start(), theirs.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		_ = r.out.Close()
	})
	return r
}

// expect reads standard output until it holds text.
func (r *running) expect(t *testing.T, text string) {
	t.Helper()
	chunk := make([]byte, 4096)
	for !strings.Contains(string(r.read), text) {
		n, err := r.out.Read(chunk)
		r.read = append(r.read, chunk[:n]...)
		if err != nil {
			t.Fatalf("%v instead of %q after %q; stderr: %s", err, text, r.read, &r.errors)
		}
	}
}

func (r *running) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (r *running) interrupt(t *testing.T) { t.Helper(); r.signal(t, os.Interrupt) }

// end waits for the program's end.
func (r *running) end(t *testing.T) ended {
	t.Helper()
	rest, err := io.ReadAll(r.out)
	if err != nil {
		t.Fatal(err)
	}
	r.read = append(r.read, rest...)
	code := codeOf(t, r.cmd.Wait())
	return ended{code, string(r.read), r.errors.String()}
}
