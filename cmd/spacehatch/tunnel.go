package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func (p *program) tunnelCommand() *cobra.Command {
	var handedOver bool
	c := &cobra.Command{
		Use:   "tunnel HOST",
		Short: "Hold a tunnel open until an ssh takes it",
		Long: "Opens a tunnel to the space and waits 100 seconds for `ssh` to take it through\n" +
			"`spacehatch proxy`; then it lives as long as that ssh. HOST is an alias\n" +
			"(my-space.hatch) or the ARN of a space.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if handedOver {
				return p.tunnelHandedOver(cmd.Context())
			}
			return p.tunnelByHand(cmd.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&handedOver, "handed-over", false, "take space and session from standard input, report on standard output")
	if err := c.Flags().MarkHidden("handed-over"); err != nil {
		panic(err) // a flag defined in the line above
	}
	return c
}

func (p *program) tunnelByHand(ctx context.Context, host string) error {
	q, space, err := p.find(ctx, host)
	if err != nil {
		return err
	}
	s, err := p.sources(q).Session(ctx, space)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.err, "Opening the tunnel; `ssh %s` takes it.\n", space.Alias)
	return (&carrier{program: p, parts: q, space: space, session: s, down: copyAll}).run(ctx)
}

// handover is what `spacehatch open` gives its tunnel process, through a pipe:
// no argument, environment or file holds the secrets.
type handover struct {
	Space     session.Space `json:"space"`
	ID        string        `json:"session"`
	StreamURL string        `json:"stream_url"`
	Token     string        `json:"token"`
	Expires   time.Time     `json:"expires"`
}

// tunnelHandedOver reads a handover and reports one registry.Status, when the
// tunnel is open or has failed. After that it has no stream of its parent's.
func (p *program) tunnelHandedOver(ctx context.Context) error {
	var h handover
	if err := ipc.Receive(p.in, &h); err != nil {
		return err
	}
	s := session.Session{
		ID: h.ID, StreamURL: secret.New(h.StreamURL), Token: secret.New(h.Token), Expires: h.Expires,
	}
	q, err := p.parts()
	if err != nil {
		return err
	}
	reported := false
	report := func(status registry.Status) {
		if !reported {
			reported = true
			_ = ipc.Send(p.out, status) // a parent that is gone needs no report
			detachStreams()
		}
	}
	c := carrier{program: p, parts: q, space: h.Space, session: s, opened: report, down: copyAll}
	err = c.run(ctx)
	report(registry.Ended(h.Space.Alias, err))
	return err
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
	process := &tunnelProcess{cmd: cmd, report: make(chan result, 1)}
	sendErr := ipc.Send(stdin, handover{space, s.ID, s.StreamURL.Reveal(), s.Token.Reveal(), s.Expires})
	if err := errors.Join(sendErr, stdin.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("hand the session over to the tunnel process: %w", err), cmd.Process.Kill(), cmd.Wait())
	}
	go process.await(stdout) // ends with the report, or with the process
	return process, nil
}

type result struct {
	status registry.Status
	err    error
}

// tunnelProcess implements handler.Tunnel.
type tunnelProcess struct {
	cmd    *exec.Cmd
	report chan result
}

func (t *tunnelProcess) await(stdout io.ReadCloser) {
	var r result
	r.err = ipc.Receive(stdout, &r.status)
	_ = stdout.Close()
	t.report <- r
}

// Ready implements handler.Tunnel.
func (t *tunnelProcess) Ready(ctx context.Context) error {
	select {
	case r := <-t.report:
		t.report <- r // Ready may be asked again
		if r.err != nil {
			return problem.New(problem.TunnelRefused, "The tunnel process ended without a word.",
				"Look at the log, or try again with SPACEHATCH_LOG=debug.", r.err)
		}
		return r.status.Problem.AsError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop implements handler.Tunnel.
func (t *tunnelProcess) Stop(ctx context.Context) error {
	if err := askToEnd(t.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the tunnel process: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = t.cmd.Wait() // its exit code says nothing that the report did not
	}()
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return t.cmd.Process.Kill()
}
