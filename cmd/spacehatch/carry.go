package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// described lets the registry look into a tunnel.
type described struct{ *tunnel.Tunnel }

var states = map[tunnel.State]registry.State{
	tunnel.StateConnecting:   registry.Connecting,
	tunnel.StateWaiting:      registry.Connecting,
	tunnel.StateOpen:         registry.Connected,
	tunnel.StatePaused:       registry.Paused,
	tunnel.StateReconnecting: registry.Reconnecting,
}

func (d described) Describe(s *registry.Status) {
	stats := d.Stats()
	// That it has ended is the entry's to tell, which knows why.
	if stats.State != tunnel.StateClosed {
		s.State = states[stats.State]
	}
	s.BytesIn, s.BytesOut = stats.BytesIn, stats.BytesOut
	s.RTT = float64(stats.RTT.Microseconds()) / 1000
	s.Reconnects = int(stats.Reconnects)
}

// stream is what an ssh reads and writes.
type stream struct {
	io.Reader
	io.Writer
	io.Closer
}

// copyAll is io.Copy without the number.
func copyAll(dst io.Writer, src io.Reader) error {
	_, err := io.Copy(dst, src)
	return err
}

// carrier runs one tunnel in this process.
type carrier struct {
	*program
	*parts
	space   session.Space
	session session.Session
	ssh     *stream               // nil: wait for one to attach
	opened  func(registry.Status) // told when the tunnel is open; may be nil
	// down copies what the space sends to ssh.
	down func(ssh io.Writer, space io.Reader) error
}

// run opens the session's tunnel, announces it, and moves bytes between it and
// ssh until either side ends. Without an ssh it waits for one, at most
// waitForSSH.
func (c *carrier) run(ctx context.Context) (err error) {
	// Whoever gave the session: nothing is dialled that the policy has not seen.
	if err := c.policy.Check(handler.Link{Space: c.space, Session: c.session}); err != nil {
		return err
	}
	runtime, err := paths.MakeRuntime()
	if err != nil {
		return err
	}
	entry, announceErr := registry.Announce(runtime, c.space.Alias, c.space.ARN, c.ssh != nil)
	switch {
	case announceErr == nil:
		defer func() { entry.End(err) }()
	case c.ssh == nil:
		return announceErr // nobody could ever attach
	default:
		// An ssh that is there already can do without being listed.
		c.log.Warn("this tunnel will not be listed", "error", announceErr)
	}
	options := tunnel.Options{
		StreamURL:     c.session.StreamURL,
		Token:         c.session.Token,
		InsecurePlain: true, // the policy lets ws:// pass for listed hosts only
		Notice:        func(text string) { fmt.Fprintln(c.err, text) },
		Log:           c.log.With("alias", c.space.Alias),
	}
	if entry != nil {
		options.Changed = entry.Changed
	}
	c.log.Debug("opening the tunnel", "alias", c.space.Alias, "session", c.session.ID)
	t, err := tunnel.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	var closing <-chan struct{}
	if entry != nil {
		entry.Bind(described{t})
		closing = entry.Closing()
		if c.opened != nil {
			c.opened(entry.Status())
		}
	}
	if c.ssh == nil {
		timer := time.NewTimer(c.waitForSSH)
		defer timer.Stop()
		select {
		case conn := <-entry.Attached():
			c.ssh = &stream{conn, conn, conn}
		case <-timer.C:
			return problem.New(problem.Cancelled, "No ssh came for the tunnel in time, so it was closed.",
				"Open the space again from Studio.", nil)
		case <-closing:
			return nil
		case <-t.Done():
			return t.Err()
		case <-ctx.Done():
			return nil
		}
	}
	return c.pump(ctx, t, closing)
}

// pump moves bytes both ways until the tunnel or the ssh ends.
func (c *carrier) pump(ctx context.Context, t *tunnel.Tunnel, closing <-chan struct{}) error {
	defer func() { _ = c.ssh.Close() }()
	up := make(chan error, 1)
	go func() { // ends when ssh closes its side, or with the process
		_, err := io.Copy(t, c.ssh)
		up <- err
	}()
	down := make(chan error, 1)
	go func() { // ends when the tunnel is closed
		down <- c.down(c.ssh, t)
	}()
	select {
	case err := <-down:
		// The far end is done, for t.Err; or ssh no longer reads, and has its
		// own reason.
		if err != nil {
			c.log.Debug("bytes to ssh ended", "error", err)
		}
		return t.Err()
	case err := <-up:
		// The data channel has no half-close: an ssh that stops writing is
		// an ssh that ends.
		if err != nil {
			c.log.Debug("bytes from ssh ended", "error", err)
		}
		return t.Err()
	case <-closing:
		return nil
	case <-ctx.Done():
		return nil
	}
}
