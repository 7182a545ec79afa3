package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// queueBefore is how much waits between ssh and a tunnel of this profile, in
// bytes, at each of the places where something can wait: whatever is typed waits
// behind it. What flows faster may wait in larger pieces for as long.
func queueBefore(profile tunnel.Profile) int {
	if profile == tunnel.ProfileSafe {
		return 4 << 10
	}
	return 32 << 10
}

// described lets the registry look into a tunnel.
type described struct {
	*tunnel.Tunnel
	guard *guard
}

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
	s.RateIn, s.RateOut = int64(stats.RateIn), int64(stats.RateOut)
	s.RTT = float64(stats.RTT.Microseconds()) / 1000
	s.Unacknowledged, s.Window, s.Retransmissions = stats.Unacknowledged, stats.Window, stats.Retransmissions
	s.Reconnects = int(stats.Reconnects)
	if last := d.guard.meter.Last(); !last.IsZero() {
		s.LastActive = last.Truncate(time.Second)
	}
	if !stats.LastLoss.IsZero() {
		s.LastLoss = &registry.Loss{At: stats.LastLoss.Truncate(time.Second), Reason: stats.LastReconnectReason}
	}
}

// Measure implements registry.Tunnel.
func (d described) Measure(ctx context.Context) (gateway, agent time.Duration) {
	// Why an answer is missing is told by the tunnel's state.
	trips, _ := d.Ping(ctx)
	return trips.Gateway, trips.Agent
}

// stream is what an ssh reads and writes.
type stream struct {
	io.Reader
	io.Writer
	io.Closer
}

// carryAlone makes this process one that carries bytes, which is waiting for the
// most part: a second processor would only be woken to find nothing to do. That
// takes a third off the processor time and makes a full flow faster. A full flow
// makes no garbage, so that a collector that comes early costs nothing there.
func (p *program) carryAlone() {
	if _, ok := p.in.(*os.File); ok { // this is not one of many in a test
		runtime.GOMAXPROCS(1)
		debug.SetGCPercent(20)
	}
}

// ownStream is this process's own standard input and output as ssh's. From now
// on they are for nobody else. queue is how much of the input may wait, in bytes.
func (p *program) ownStream(queue int) *stream {
	p.carryAlone()
	s := &stream{p.in, p.out, io.NopCloser(nil)}
	if in, ok := p.in.(*os.File); ok {
		// The SDK gives standard input to a credential_process, by that name.
		if nothing, err := os.Open(os.DevNull); err == nil {
			os.Stdin = nothing
		}
		shorten(in, queue)
		s.Reader = polled(in)
	}
	if out, ok := p.out.(*os.File); ok {
		s.Writer = polled(out)
	}
	return s
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
	// down copies what the space sends to ssh.
	down func(ssh io.Writer, space io.Reader) error

	entry *registry.Entry
	guard *guard
	aws   *session.Manager // nil: Session Manager by the SDK's own settings
}

// carry opens the session's tunnel, announces it, and moves bytes between it
// and ssh until either side ends. Without an ssh it waits for one.
func (c *carrier) carry(ctx context.Context, ssh *stream) (err error) {
	c.entry = registry.NewEntry(c.space.Alias, c.space.ARN, string(c.session.Origin), ssh != nil)
	defer func() { c.entry.End(err) }()
	// Before it is open, so that an early ssh waits for it.
	if err := c.announce(); err != nil {
		if ssh == nil {
			return err // nobody could ever attach
		}
		c.log.Warn("this tunnel will not be listed", "error", err)
	}
	t, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.finish(ctx, t)) }()
	if ssh == nil {
		timer := time.NewTimer(c.waitForSSH)
		defer timer.Stop()
		if ssh, err = c.await(ctx, t, timer.C); ssh == nil {
			return err
		}
	}
	return c.pump(ctx, t, ssh)
}

// announce makes the tunnel known to the other programs of this user.
func (c *carrier) announce() error {
	runtime, err := paths.MakeRuntime()
	if err != nil {
		return err
	}
	return c.entry.Announce(runtime)
}

// open opens the tunnel. Whoever gave the session: nothing is dialled that the
// policy has not seen.
func (c *carrier) open(ctx context.Context) (*tunnel.Tunnel, error) {
	if err := c.policy.Check(handler.Link{Space: c.space, Session: c.session}); err != nil {
		return nil, err
	}
	c.log.Debug("opening the tunnel", "alias", c.space.Alias, "session", c.session.ID, "origin", string(c.session.Origin))
	t, err := tunnel.Open(ctx, tunnel.Options{
		StreamURL:     c.session.StreamURL,
		Token:         c.session.Token,
		InsecurePlain: true, // the policy lets ws:// pass for listed hosts only
		Profile:       tunnel.Profile(c.settings.TunnelProfile),
		EarlyResponse: true, // the sessions here are for SSH
		Notice:        func(text string) { fmt.Fprintln(c.err, text) },
		Changed:       c.entry.Changed,
		Refresh:       c.refresh,
		Sign:          c.sign,
		Log:           c.log.With("alias", c.space.Alias),

		PingInterval: c.bounds.PingInterval, DeadAfter: c.bounds.DeadAfter, ReconnectLimit: c.bounds.ReconnectLimit,
	})
	if err != nil {
		c.terminate(ctx)
		return nil, c.words(err)
	}
	c.guard = c.newGuard()
	c.entry.Bind(described{t, c.guard})
	return t, nil
}

// await waits for the ssh that takes the tunnel; without one it returns why, or
// nil where the tunnel was asked to end.
func (c *carrier) await(ctx context.Context, t *tunnel.Tunnel, late <-chan time.Time) (*stream, error) {
	defer newRest(letGo).stop()
	select {
	case conn := <-c.entry.Attached():
		return &stream{conn, conn, conn}, nil
	case <-late:
		return nil, c.words(problem.New(problem.Cancelled, "No ssh came for the tunnel in time, so it was closed.",
			"Open the space again from Studio.", nil))
	case <-t.Done():
		return nil, c.words(t.Err())
	case <-c.entry.Closing():
	case <-ctx.Done():
	}
	return nil, nil
}

// pump moves bytes both ways until the tunnel or the ssh ends.
func (c *carrier) pump(ctx context.Context, t *tunnel.Tunnel, ssh *stream) error {
	defer func() { _ = ssh.Close() }()
	guarded, end := c.guard.watch(ctx, ssh)
	defer end()
	quiet := newRest(letGo)
	defer quiet.stop()
	up := make(chan error, 1)
	go func() { // ends when ssh closes its side, or with the process
		_, err := io.Copy(t, quiet.reader(guarded))
		up <- err
	}()
	down := make(chan error, 1)
	go func() { // ends when the tunnel is closed
		down <- c.down(quiet.writer(ssh), t)
	}()
	select {
	case err := <-down:
		// The far end is done, for t.Err; or ssh no longer reads, and has its
		// own reason.
		if err != nil {
			c.log.Debug("bytes to ssh ended", "error", err)
		}
		return c.words(t.Err())
	case err := <-up:
		// The data channel has no half-close: an ssh that stops writing is
		// an ssh that ends.
		if err != nil {
			c.log.Debug("bytes from ssh ended", "error", err)
		}
		return c.words(t.Err())
	case <-c.entry.Closing():
		return nil
	case <-ctx.Done():
		return nil
	}
}
