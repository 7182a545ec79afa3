package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func (p *program) proxyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "proxy HOST",
		Short: "Be OpenSSH's ProxyCommand for a space",
		Long: "Connects standard input and output to the space: through the tunnel that waits\n" +
			"for it, else through a new one. HOST is an alias (my-space.hatch), the ARN of a\n" +
			"space, or the id of a machine that Session Manager reaches (i-0123456789abcdef0.hatch,\n" +
			"mi-…). Nothing but the byte stream goes to standard output.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.proxy(cmd.Context(), args[0]) },
	}
}

func (p *program) proxy(ctx context.Context, host string) error {
	q, space, err := p.find(ctx, host)
	if err != nil {
		return err
	}
	defer outliveReader()()
	ssh := p.ownStream(queueBefore(tunnel.Profile(q.settings.TunnelProfile)))
	watched := func(origin session.Origin) func(io.Writer, io.Reader) error {
		return func(ssh io.Writer, far io.Reader) error {
			return sshconfig.WatchHostKey(ssh, far, func(met sshconfig.Pin) { p.meetHostKey(ctx, q, space, origin, met) })
		}
	}
	switch err := p.proxyAttached(ctx, q, space, ssh, watched); {
	case err == nil:
		return nil
	case !errors.Is(err, registry.ErrNotFound):
		return err
	}
	if err := q.policy.CheckSpace(space); err != nil {
		return err
	}
	q.sweepMaster(ctx, space.Alias)
	asking, stop := whileNoOrphan(ctx)
	who := p.signsForSSH("the space " + printable.Quoted(space.Name))
	s, err := p.sourcesOf(q, "", who, p.inBrowser(q, p.fromSSH(space))).Session(asking, space)
	gaveUp := asking.Err() != nil
	stop() // who carries bytes is told by its streams
	if err != nil {
		if gaveUp {
			return problem.New(problem.Cancelled, "Cancelled; no session was used.", "", err)
		}
		return err
	}
	return (&carrier{program: p, parts: q, space: space, session: s, down: watched(s.Origin)}).carry(ctx, ssh)
}

// sweepMaster removes what a master has left that could not end: ssh has just
// complained of it, since it makes a connection of its own. Where that fails it
// complains again.
func (q *places) sweepMaster(ctx context.Context, alias string) {
	_ = q.masters().Sweep(ctx, alias, sshconfig.ControlSockets(q.ssh, q.runtime))
}

// proxyAttached uses the tunnel that waits for the space; registry.ErrNotFound
// where there is none.
func (p *program) proxyAttached(ctx context.Context, q *parts, space session.Space, ssh *stream,
	watched func(session.Origin) func(io.Writer, io.Reader) error,
) error {
	a, err := registry.Attach(ctx, q.runtime, space.Alias)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	quiet := newRest(letGo)
	defer quiet.stop()
	queue := queueBefore(tunnel.Profile(q.settings.TunnelProfile))
	_ = a.SetWriteBuffer(queue) // a longer one is no fault
	up := make(chan struct{})
	go func() { // ends when ssh closes its side, or with the process
		defer close(up)
		_, _ = io.CopyBuffer(a, quiet.reader(ssh), make([]byte, queue))
	}()
	down := make(chan error, 1)
	go func() { // ends when a is closed
		down <- watched(session.Origin(a.Origin))(quiet.writer(ssh), a)
	}()
	select {
	case err := <-down:
		if err != nil {
			p.log.Debug("the stream broke", "error", err)
		}
		return a.Outcome()
	case <-up:
		return nil
	case <-ctx.Done():
		return nil
	}
}

// meetHostKey asks whether the space may have this host key, and says what came
// of it. Whatever goes wrong, ssh has the last word.
func (p *program) meetHostKey(ctx context.Context, q *parts, space session.Space, origin session.Origin, met sshconfig.Pin) {
	var person handler.Person = p.asker()
	if _, asked := p.lookup(variableAsk); !asked && origin == session.FromStudio {
		person = p.beside(space) // who has just been in the browser
	}
	notice, err := handler.MeetHostKey(ctx, sshPins{q.places}, person, space.Alias, origin, met)
	switch {
	case err != nil:
		p.log.Warn("the pin stays", "alias", space.Alias, "error", err)
	case notice != "":
		fmt.Fprintln(p.err, "spacehatch: "+notice)
	}
}

// find makes the parts and finds the space that ssh calls host.
func (p *program) find(ctx context.Context, host string) (*parts, session.Space, error) {
	q, err := p.parts()
	if err != nil {
		return nil, session.Space{}, err
	}
	if id, ok := session.InstanceID(host); ok { // known or not
		space, err := p.instance(ctx, q.places, id, instanceFlags{})
		return q, space, err
	}
	space, err := q.space(ctx, host)
	return q, space, err
}

// space finds what ssh calls host: an alias in any case, or an ARN, known to
// us or not.
func (q *places) space(ctx context.Context, host string) (session.Space, error) {
	space, err := q.store.Lookup(ctx, host)
	if err == nil || !strings.HasPrefix(host, "arn:") {
		return space, err
	}
	if space, err = session.ParseARN(host); err != nil {
		return session.Space{}, err
	}
	space.Alias, err = q.store.Alias(space)
	return space, err
}
