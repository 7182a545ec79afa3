package tunnel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// aliveAfter is how long a socket on which nothing came from the agent must have
// lived to count as one that worked: an idle session is silent.
const aliveAfter = 10 * time.Second

// run owns the tunnel: one socket after the other until the end.
func (t *Tunnel) run(ctx context.Context) {
	defer close(t.done)
	defer t.cancel()
	r := &route{stream: t.o.StreamURL, token: t.o.Token, workedAt: time.Now()}
	for first := true; ; first = false {
		s, err := t.reach(ctx, r)
		if err != nil {
			t.finish(ctx, err)
			return
		}
		heard := t.attach(first)
		began := time.Now()
		err = t.serve(ctx, s)
		if t.detach(err) || ctx.Err() != nil {
			t.finish(ctx, nil)
			return
		}
		if err := t.judge(ctx, r, err, t.heardSince(heard) || time.Since(began) >= aliveAfter); err != nil {
			t.finish(ctx, err)
			return
		}
	}
}

// attach tells the channel of a new socket and returns how many messages of the
// agent's had come before.
func (t *Tunnel) attach(first bool) (heard int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !first {
		t.reconnects++
	}
	now := time.Now()
	t.ch.connected(now)
	t.changed(now)
	return t.ch.heard
}

// heardSince reports whether messages of the agent's have come since attach: what
// the gateway itself says to any socket does not show that the session lives.
func (t *Tunnel) heardSince(heard int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.heard > heard
}

// detach tells the channel that its socket is gone, and reports whether it
// needs no other.
func (t *Tunnel) detach(lost error) (over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ch.disconnected()
	t.pongDue = false
	if t.pinging != nil {
		t.pinging.sent = false
	}
	over = t.ch.ended || t.ch.terminating
	if !over {
		t.lastLoss, t.lastReason = time.Now(), t.describe(lost)
		t.o.Log.Info("the data channel's socket was lost", "reason", t.lastReason)
	}
	t.changed(time.Now())
	return over
}

// finish ends the channel, if it has not ended by itself. An error that comes
// from the context is our own doing and no error.
func (t *Tunnel) finish(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || t.ch.terminating {
		err = nil
	}
	t.ch.end(err)
	t.changed(time.Now())
}

// describe says why a socket was lost, for the statistics and the log.
func (t *Tunnel) describe(lost error) string {
	if c, ok := errors.AsType[*closeError](lost); ok {
		text := fmt.Sprintf("closed by AWS with code %d", c.code)
		if reason := t.texts.clean(c.reason); reason != "" {
			text += ": " + reason
		}
		return text
	}
	if isTimeout(lost) {
		return "silent for " + t.o.DeadAfter.String()
	}
	return t.texts.clean(lost.Error())
}

// judge takes in the loss of a socket: one that worked makes the way free for
// the next, one that was closed before the agent was heard counts as a refusal,
// for a token that is no good is not answered in words. One that was cut without
// a close frame counts as one only when that has repeated itself: a network that
// fails again and again does the same.
func (t *Tunnel) judge(ctx context.Context, r *route, lost error, worked bool) error {
	r.last = lost
	if worked {
		r.workedAt = time.Now()
		r.attempts, r.cuts, r.refusals, r.refreshes, r.busy = 0, 0, 0, 0, false
		return nil
	}
	if fellSilent(lost) {
		return nil
	}
	if closed, ok := errors.AsType[*closeError](lost); !ok {
		if r.cuts++; r.cuts < cutTries {
			return nil
		}
	} else if closed.passing() {
		return nil
	}
	return t.refused(ctx, r, problem.New(problem.TunnelRefused,
		"AWS closed the data channel as soon as it was opened: the session has been used already, or its minute is over.",
		"Open the space again from Studio.", errors.New(t.describe(lost))))
}
