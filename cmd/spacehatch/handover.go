package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// handover is what `spacehatch open` gives its tunnel process first, through a
// pipe: no argument, environment or file holds the secrets. The process answers
// with a registry.Status when the tunnel is open or has failed.
type handover struct {
	Space     session.Space  `json:"space"`
	ID        string         `json:"session"`
	StreamURL string         `json:"stream_url"`
	Token     string         `json:"token"`
	Expires   time.Time      `json:"expires"`
	Origin    session.Origin `json:"origin"`
}

// release is what follows when the person has agreed: only then is the tunnel
// announced, under the name that its space has by now. The process answers
// with another status. Where the pipe ends without it, the tunnel ends.
type release struct {
	Alias string `json:"alias"`
}

// tunnelHandedOver holds a tunnel that was handed over. After its second answer
// it has no stream of its parent's.
func (p *program) tunnelHandedOver(ctx context.Context) error {
	var h handover
	if err := ipc.Receive(p.in, &h); err != nil {
		return err
	}
	q, err := p.parts()
	if err != nil {
		return err
	}
	c := carrier{program: p, parts: q, space: h.Space, down: copyAll, session: session.Session{
		ID: h.ID, StreamURL: secret.New(h.StreamURL), Token: secret.New(h.Token), Expires: h.Expires, Origin: h.Origin,
	}}
	err = c.carryHandedOver(ctx)
	_ = ipc.Send(p.out, registry.Ended(h.Space.Alias, err)) // who waits for an answer gets this one
	return err
}

func (c *carrier) carryHandedOver(ctx context.Context) (err error) {
	c.entry = registry.NewEntry(c.space.Alias, c.space.ARN, string(c.session.Origin), false)
	defer func() { c.entry.End(err) }()
	t, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.finish(ctx, t)) }()
	if err := ipc.Send(c.out, c.entry.Status()); err != nil {
		return err
	}
	timer := time.NewTimer(c.waitForSSH)
	defer timer.Stop()
	released := make(chan release, 1)
	go func() { // ends with the pipe, at the latest when this process does
		defer close(released)
		var r release
		if ipc.Receive(c.in, &r) == nil {
			released <- r
		}
	}()
	select {
	case r, ok := <-released:
		if !ok {
			return nil // the person said no, or whoever asked is gone
		}
		c.entry.Rename(r.Alias)
	case <-timer.C:
		return nil // nobody answered
	case <-t.Done():
		return c.words(t.Err())
	case <-ctx.Done():
		return nil
	}
	if err := c.announce(); err != nil {
		return err
	}
	if err := ipc.Send(c.out, c.entry.Status()); err != nil {
		return err
	}
	detachStreams()
	ssh, err := c.await(ctx, t, timer.C)
	if ssh == nil {
		return err
	}
	return c.pump(ctx, t, ssh)
}

// processes starts tunnels as processes of their own. It implements
// handler.Tunnels.
type processes struct{ program string }

// Start implements handler.Tunnels.
func (t processes) Start(_ context.Context, space session.Space, s session.Session) (handler.Tunnel, error) {
	// Not exec.CommandContext: the tunnel outlives this process.
	cmd := exec.Command(t.program, "tunnel", "--handed-over", "--", space.Alias)
	cmd.Dir = string(os.PathSeparator)
	cmd.SysProcAttr = detached()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the tunnel process: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the tunnel process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the tunnel process: %w", err)
	}
	process := &tunnelProcess{
		cmd: cmd, stdin: stdin, answers: make(chan answer, 2), ended: make(chan struct{}),
	}
	go process.watch(stdout) // ends with the second answer, and then with the process
	hand := handover{space, s.ID, s.StreamURL.Reveal(), s.Token.Reveal(), s.Expires, s.Origin}
	if err := ipc.Send(stdin, hand); err != nil {
		return nil, errors.Join(fmt.Errorf("hand the session over to the tunnel process: %w", err), cmd.Process.Kill())
	}
	return process, nil
}

// answer is one of the two that a tunnel process gives.
type answer struct {
	status registry.Status
	err    error
}

// tunnelProcess implements handler.Tunnel.
type tunnelProcess struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan answer
	ended   chan struct{}
}

// watch passes the answers on and buries the process.
func (t *tunnelProcess) watch(stdout io.Reader) {
	for range cap(t.answers) {
		var a answer
		a.err = ipc.Receive(stdout, &a.status)
		t.answers <- a
	}
	_ = t.cmd.Wait() // its exit code says nothing that the answers did not
	close(t.ended)
}

// next waits for the next answer.
func (t *tunnelProcess) next(ctx context.Context) error {
	select {
	case a := <-t.answers:
		if a.err != nil {
			return problem.New(problem.TunnelRefused, "The tunnel process ended without a word.",
				"Look at the log, or try again with SPACEHATCH_LOG=debug.", a.err)
		}
		return a.status.Problem.AsError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready implements handler.Tunnel.
func (t *tunnelProcess) Ready(ctx context.Context) error { return t.next(ctx) }

// Release implements handler.Tunnel.
func (t *tunnelProcess) Release(ctx context.Context, alias string) error {
	err := ipc.Send(t.stdin, release{alias})
	if err == nil {
		err = errors.Join(t.next(ctx), t.stdin.Close())
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	return problem.New(problem.TunnelRefused, "The tunnel was closed before you answered; it waits 100 seconds.",
		"Click Open in VS Code in Studio again.", err)
}

// Stop implements handler.Tunnel.
func (t *tunnelProcess) Stop(ctx context.Context) error {
	if err := askToEnd(t.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the tunnel process: %w", err)
	}
	_ = t.stdin.Close() // it may be closed
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return t.cmd.Process.Kill()
}
