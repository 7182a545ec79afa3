package tunnel

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	// batchLimit is how many bytes are written to the socket in one go, about.
	batchLimit = 64 << 10
	// lastWords bounds how long is read from a socket that cannot be written
	// to any more. Where it was cut there is nothing to wait for.
	lastWords = 250 * time.Millisecond
)

// serve speaks over one socket until it is lost or the channel has ended. It
// returns why; the channel knows whether it has ended.
func (t *Tunnel) serve(parent context.Context, s socket) error {
	ctx, cancel := context.WithCancelCause(parent)
	var running sync.WaitGroup
	running.Go(func() {
		<-ctx.Done()
		s.close()
		t.mu.Lock()
		t.drained.Broadcast()
		t.mu.Unlock()
	})
	running.Go(func() { cancel(t.receiveAll(ctx, s)) })
	err := t.sendAll(ctx, s)
	if err != nil && ctx.Err() == nil && !fellSilent(err) {
		awaitLastWords(ctx)
	}
	cancel(err)
	running.Wait()
	return context.Cause(ctx)
}

// awaitLastWords gives the receiver of a socket that takes nothing any more the
// time to read what has come before: a close frame that says why, and messages
// that the agent would have to repeat one by one.
func awaitLastWords(ctx context.Context) {
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// receiveAll takes in what comes, as far as the reader follows. What comes at
// once is taken in at once, and then the others are woken.
func (t *Tunnel) receiveAll(ctx context.Context, s socket) error {
	more := gather{conn: s.system()}
	waiting := func(last arrival) {
		hurry := t.settle()
		more.wait(time.Now(), last, hurry)
	}
	for {
		f, err := s.receive(waiting)
		if err != nil {
			return err
		}
		if t.receive(f) {
			t.settle()
			if err := t.awaitRoom(ctx); err != nil {
				return err
			}
		}
	}
}

// awaitRoom waits while the reader is too far behind.
func (t *Tunnel) awaitRoom(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.ch.choke(time.Now()) && !t.ch.ended && ctx.Err() == nil {
		t.drained.Wait()
	}
	t.poke()
	return context.Cause(ctx)
}

// receive takes in one frame, and reports whether the reader is too far behind
// for another.
func (t *Tunnel) receive(f frame) (choked bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frames++
	switch f.kind {
	case ws.OpBinary:
		if err := t.ch.receive(now, f.payload); err != nil {
			t.o.Log.Debug("a message was dropped", "reason", err)
		}
	case ws.OpPing:
		t.pong = append(t.pong[:0], f.payload...)
		t.pongDue = true
	case ws.OpPong:
		t.heardPong(now, f.payload)
	}
	return t.ch.choke(now)
}

// settle wakes whoever cares for what was received, and reports whether more
// must not wait: acknowledgements that the sender stands still for.
func (t *Tunnel) settle() (hurry bool) {
	t.mu.Lock()
	notices := t.ch.notices
	t.ch.notices = nil
	t.changed(time.Now())
	hurry = t.ch.hurried()
	t.mu.Unlock()
	t.poke()
	for _, text := range notices {
		t.o.Notice(text)
	}
	return hurry
}

// sendAll sends what there is to send, and pings, until the channel has ended
// or the context is done.
func (t *Tunnel) sendAll(ctx context.Context, s socket) error {
	timer := time.NewTimer(t.o.PingInterval)
	defer timer.Stop()
	var batch []byte
	var doubt doubt
	nextPing := time.Now().Add(t.o.PingInterval)
	for {
		now := time.Now()
		t.mu.Lock()
		since := t.ch.waitsSince()
		if doubt.look(now, t.o.wall(now), t.frames, since) {
			t.o.Log.Debug("the socket has to show that it lives", "or", doubt.reason)
			nextPing = now
		}
		t.ch.tick(now)
		batch = t.fill(now, batch[:0])
		ended, stalled, at := t.ch.ended, t.ch.stalled, t.ch.deadline()
		t.changed(now)
		look := t.witness.deadline()
		t.mu.Unlock()

		if !now.Before(nextPing) {
			batch = appendFrame(batch, ws.OpPing, randomMask(), []byte("keepalive"))
			nextPing = now.Add(t.o.PingInterval)
		}
		if ended {
			batch = appendFrame(batch, ws.OpClose, randomMask(), ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
		}
		if len(batch) > 0 {
			if err := s.send(batch); err != nil {
				return err
			}
		}
		switch {
		case ended:
			return nil
		case stalled:
			return errStalled
		case doubt.given() != nil:
			return doubt.given()
		case len(batch) >= batchLimit:
			continue
		}
		if at.IsZero() || nextPing.Before(at) {
			at = nextPing
		}
		if soon := doubt.deadline(since); !soon.IsZero() && soon.Before(at) {
			at = soon
		}
		if !look.IsZero() && look.Before(at) {
			at = look
		}
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.wake:
		case <-timer.C:
		}
	}
}

// fill appends to batch what there is to send now, each message as a frame.
// It is called with the lock held.
func (t *Tunnel) fill(now time.Time, batch []byte) []byte {
	if t.pongDue {
		t.pongDue = false
		batch = appendFrame(batch, ws.OpPong, randomMask(), t.pong)
	}
	if p := t.pinging; p != nil && !p.sent {
		p.sent = true
		batch = appendFrame(batch, ws.OpPing, randomMask(), []byte(p.payload))
	}
	for len(batch) < batchLimit {
		start := len(batch)
		var ok bool
		if batch, ok = t.ch.next(now, openFrame(batch)); !ok {
			return batch[:start]
		}
		batch = sealFrame(batch, start, ws.OpBinary, randomMask())
	}
	return batch
}

// randomMask returns a mask for a frame (RFC 6455, 5.3).
func randomMask() (mask [4]byte) {
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	return mask
}
