// Package tunnel opens a Session Manager data channel and makes a stream of
// bytes of it, for OpenSSH's standard input and output. It outlives the loss
// of the web socket: what was on its way is sent again on the next one.
//
// It must not know links, spaces, the AWS SDK, credentials or the SSH config,
// and it checks no policy: it dials what it is given. docs/protocol.md tells
// what goes over the wire and what is done at each point.
package tunnel

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// cancelLimit bounds what Open does at the end of its context so that no session
// stays open at AWS.
const cancelLimit = time.Second

// Tunnel is an open data channel: an io.ReadWriteCloser that may be read by
// one goroutine and written by another.
//
// The protocol cannot express the end of one direction alone, so there is no
// CloseWrite: when the local program has no more to say, go on reading until
// the other side ends, or Close.
type Tunnel struct {
	o        Options
	texts    redactor
	clientID wire.UUID
	cancel   context.CancelFunc
	wake     chan struct{} // there may be something to send
	opened   chan struct{} // the handshake is complete, or all is over
	done     chan struct{}

	mu       sync.Mutex
	readable *sync.Cond // bytes have come
	writable *sync.Cond // there is room for bytes
	drained  *sync.Cond // the reader has made room, or the socket is gone
	ch       *channel
	pong     []byte // the payload of the ping to answer
	pongDue  bool
	frames   int64 // that ever came, of any kind
	pinging  *ping // nil: none

	pings chan struct{} // holds one while a measurement runs
	// wantsRoom: the writer waits until what it hands over can go at once.
	wantsRoom bool

	state      State
	since      time.Time
	reconnects int64
	lastLoss   time.Time
	lastReason string
	rateIn     rate
	rateOut    rate
	witness    *witness
}

// Open dials the stream URL, sends the token and completes the handshake with
// the agent. ctx bounds the opening only (an agent that is there is told within a
// second that nobody wants it any more); the tunnel lives until [Tunnel.Close]
// or until one of its sides ends it. The error is a *problem.Problem:
// Unreachable (network, proxy, certificate), TunnelRefused (by AWS or the
// agent), NotSupported (no session for SSH), Cancelled (by ctx).
func Open(ctx context.Context, o Options) (*Tunnel, error) {
	o = o.withDefaults()
	// A machine that only speaks ws:// needs no authorities.
	if plain := o.InsecurePlain && strings.HasPrefix(o.StreamURL.Reveal(), "ws:"); o.RootCAs == nil && !plain {
		roots, err := RootCAs()
		if err != nil {
			return nil, err
		}
		o.RootCAs = roots
	}
	t := newTunnel(o)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.cancel = cancel
	go t.run(running)
	select {
	case <-t.opened:
	case <-ctx.Done():
		t.leave(min(cancelLimit, o.CloseTimeout))
		return nil, openingEnded(ctx.Err())
	}
	t.mu.Lock()
	failed, err := t.ch.phase == shaking, t.ch.err
	t.mu.Unlock()
	if failed {
		<-t.done
		return nil, problem.From(err)
	}
	return t, nil
}

func newTunnel(o Options) *Tunnel {
	t := &Tunnel{
		o:        o,
		clientID: randomID(),
		wake:     make(chan struct{}, 1),
		opened:   make(chan struct{}),
		done:     make(chan struct{}),
		pings:    make(chan struct{}, 1),
		state:    StateConnecting,
		since:    time.Now(),
	}
	t.texts.add(o.StreamURL, o.Token)
	t.readable = sync.NewCond(&t.mu)
	t.writable = sync.NewCond(&t.mu)
	t.drained = sync.NewCond(&t.mu)
	t.ch = newChannel(o, randomID, t.texts.clean)
	t.witness = newWitness(o)
	return t
}

// randomID returns an identifier. It is no secret; the generator is the
// runtime's, which is seeded by the system.
func randomID() wire.UUID { return wire.RandomUUID(rand.Uint64(), rand.Uint64()) }

func openingEnded(err error) *problem.Problem {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Unreachable, "The data channel could not be opened in time.",
			"Check the network, then connect again.", err)
	}
	return problem.New(problem.Cancelled, "The connection was cancelled.", "", err)
}

// Read returns bytes from the agent. It waits for the first one; what came
// before anybody read, such as an SSH banner, is kept. After the end it
// returns what is left and then io.EOF, or the Problem that ended the tunnel.
func (t *Tunnel) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		n := t.ch.take(p)
		if n > 0 {
			if t.ch.choked {
				t.drained.Broadcast()
			}
			return n, nil
		}
		if t.ch.ended || t.ch.terminating {
			return 0, t.readError()
		}
		t.readable.Wait()
	}
}

// Write sends bytes to the agent. It waits until the tunnel has taken all of
// them, which the window and pauses may delay; taken is not delivered. After
// the end it returns the Problem that ended the tunnel, or io.ErrClosedPipe.
func (t *Tunnel) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	done := 0
	for {
		if t.ch.ended || t.ch.terminating {
			return done, t.writeError()
		}
		if n := t.ch.give(p[done:]); n > 0 {
			done += n
			t.poke()
		}
		if done == len(p) {
			return done, nil
		}
		t.writable.Wait()
	}
}

// readAtOnce is how many bytes ReadFrom takes at once, at most.
const readAtOnce = 32 << 10

// ReadFrom sends what r gives, until its end (nil) or an error. It takes no more
// from r than may go at once, so that nothing that is written later waits here
// behind it: what r holds back, its writer feels. Otherwise it is as [Tunnel.Write].
func (t *Tunnel) ReadFrom(r io.Reader) (n int64, err error) {
	buf := make([]byte, readAtOnce)
	for {
		room, err := t.awaitWritable()
		if err != nil {
			return n, err
		}
		got, readErr := r.Read(buf[:min(room, len(buf))])
		sent, err := t.Write(buf[:got])
		n += int64(sent)
		switch {
		case err != nil:
			return n, err
		case errors.Is(readErr, io.EOF):
			return n, nil
		case readErr != nil:
			return n, readErr
		}
	}
}

// awaitWritable waits until bytes may go, and returns how many.
func (t *Tunnel) awaitWritable() (room int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.ch.ended || t.ch.terminating {
			return 0, t.writeError()
		}
		if room := t.ch.room(); room > 0 {
			return room, nil
		}
		t.wantsRoom = true
		t.writable.Wait()
		t.wantsRoom = false
	}
}

// writeError is why nothing can be written any more. It is called with the lock
// held.
func (t *Tunnel) writeError() error {
	if t.ch.err != nil {
		return t.ch.err
	}
	return io.ErrClosedPipe
}

// WriteTo writes what comes from the agent to w, until the end (nil) or an
// error. Otherwise it is as [Tunnel.Read].
func (t *Tunnel) WriteTo(w io.Writer) (n int64, err error) {
	for {
		p, err := t.awaitReadable()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		wrote, err := w.Write(p)
		n += int64(wrote)
		t.dropRead(wrote)
		if err != nil {
			return n, err
		}
	}
}

// awaitReadable waits for bytes from the agent. They are valid until dropRead.
func (t *Tunnel) awaitReadable() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if p := t.ch.in.kept.first(); len(p) > 0 {
			return p, nil
		}
		if t.ch.ended || t.ch.terminating {
			return nil, t.readError()
		}
		t.readable.Wait()
	}
}

// dropRead forgets bytes that were read.
func (t *Tunnel) dropRead(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ch.in.kept.drop(n)
	if t.ch.choked {
		t.drained.Broadcast()
	}
}

// readError is what is read at the end. It is called with the lock held.
func (t *Tunnel) readError() error {
	if t.ch.err != nil {
		return t.ch.err
	}
	return io.EOF
}

// Close ends the session: what was written is delivered first, then the agent
// is told, then its end is awaited, all within Options.CloseTimeout. Bytes
// that nobody has read are lost. It returns when nothing of the tunnel runs
// any more; the error is always nil.
func (t *Tunnel) Close() error {
	t.leave(t.o.CloseTimeout)
	return nil
}

// leave ends the session, within a limit, and waits until nothing runs.
func (t *Tunnel) leave(limit time.Duration) {
	t.mu.Lock()
	t.ch.terminate()
	reachable := t.ch.up
	t.changed(time.Now())
	t.mu.Unlock()
	t.poke()
	if reachable {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case <-t.done:
		case <-timer.C:
		}
	}
	t.cancel()
	<-t.done
}

// Done is closed when the tunnel has ended and nothing of it runs any more.
func (t *Tunnel) Done() <-chan struct{} { return t.done }

// Err returns the Problem that ended the tunnel; nil while it runs, and where
// it ended in the normal way or by Close.
func (t *Tunnel) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.err
}

// Stats returns the tunnel's figures.
func (t *Tunnel) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	return Stats{
		State:               t.state,
		Since:               t.since,
		BytesIn:             t.ch.in.taken,
		BytesOut:            t.ch.out.taken,
		RateIn:              t.rateIn.value(now, t.ch.in.taken),
		RateOut:             t.rateOut.value(now, t.ch.out.taken),
		RTT:                 t.ch.out.trip.smoothed,
		Window:              t.ch.out.window,
		Unacknowledged:      t.ch.out.bytes,
		Retransmissions:     t.ch.out.retransmitted,
		Reconnects:          t.reconnects,
		LastLoss:            t.lastLoss,
		LastReconnectReason: t.lastReason,
	}
}

// poke has the sender look for something to send.
func (t *Tunnel) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// changed tells everybody who may care that the channel has changed. It is
// called with the lock held.
func (t *Tunnel) changed(now time.Time) {
	if state := t.ch.state(); state != t.state {
		t.o.Log.Debug("the data channel's state has changed", "from", t.state, "to", state)
		t.state, t.since = state, now
		t.o.Changed()
	}
	t.lookForAnswers()
	t.witness.look(now, t)
	t.rateIn.observe(now, t.ch.in.taken)
	t.rateOut.observe(now, t.ch.out.taken)
	if t.ch.phase != shaking || t.ch.ended {
		select {
		case <-t.opened:
		default:
			close(t.opened)
		}
	}
	ended := t.ch.ended || t.ch.terminating
	if ended || t.ch.in.kept.size > 0 {
		t.readable.Broadcast()
	}
	if ended || t.ch.out.waiting < pendingLimit && !t.wantsRoom || t.wantsRoom && t.ch.room() > 0 {
		t.writable.Broadcast()
	}
	if ended {
		t.drained.Broadcast()
	}
}
