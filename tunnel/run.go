package tunnel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const (
	// aliveAfter is how long a socket on which nothing came must have lived
	// to count as one that worked: an idle session is silent.
	aliveAfter = 10 * time.Second
	// firstTries bounds the attempts to open the first socket while AWS says
	// that it is busy.
	firstTries = 3
	// refusalLimit is how often a URL and token may be refused, and
	// refreshLimit how often fresh ones are asked for, before the tunnel ends.
	refusalLimit = 3
	refreshLimit = 3
	// The pauses between attempts; the first one follows at once.
	firstBackoff = 200 * time.Millisecond
	mostBackoff  = 5 * time.Second
)

// route is what the tunnel dials, and how that has gone since a socket worked
// last.
type route struct {
	stream, token secret.String
	workedAt      time.Time // until when a socket worked; at first the start
	reached       bool      // there has been a socket
	attempts      int
	refusals      int
	refreshes     int
	last          error // of the last attempt
}

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

// attach tells the channel of a new socket and returns how many messages had
// come before.
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

// heardSince reports whether messages have come since attach.
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
// the next, one that was closed or cut before anything came counts as a
// refusal, for a token that is no good is not answered in words.
func (t *Tunnel) judge(ctx context.Context, r *route, lost error, worked bool) error {
	r.last = lost
	if worked {
		r.workedAt = time.Now()
		r.attempts, r.refusals, r.refreshes = 0, 0, 0
		return nil
	}
	if isTimeout(lost) || errors.Is(lost, errStalled) {
		return nil
	}
	return t.refused(ctx, r, problem.New(problem.TunnelRefused,
		"AWS closed the data channel as soon as it was opened: the session has been used already, or its minute is over.",
		"Open the space again from Studio.", errors.New(t.describe(lost))))
}

// reach opens the next socket and sends the token. Its error is final.
func (t *Tunnel) reach(ctx context.Context, r *route) (socket, error) {
	for {
		if err := t.backOff(ctx, r); err != nil {
			return nil, err
		}
		r.attempts++
		s, err := t.openChannel(ctx, r)
		if err == nil {
			r.reached = true
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.last = err
		t.o.Log.Info("the data channel could not be opened", "attempt", r.attempts, "reason", t.texts.clean(err.Error()))
		failure, ok := errors.AsType[*dialFailure](err)
		switch {
		case ok && failure.refused:
			if err := t.refused(ctx, r, failure.problem); err != nil {
				return nil, err
			}
		case !r.reached && ok && (!failure.passing || r.attempts >= firstTries):
			return nil, failure.problem
		}
	}
}

// openChannel opens a socket and sends the first message.
func (t *Tunnel) openChannel(ctx context.Context, r *route) (socket, error) {
	s, err := t.o.open(ctx, r.stream)
	if err != nil {
		return nil, err
	}
	text, err := wire.OpenDataChannel{
		MessageSchemaVersion: "1.0",
		RequestID:            randomID(),
		Token:                r.token,
		ClientID:             t.clientID,
		ClientVersion:        t.o.ClientVersion,
	}.Text()
	if err == nil {
		err = s.send(appendFrame(nil, ws.OpText, randomMask(), text))
	}
	if err != nil {
		s.close()
		return nil, unreachable("AWS broke off when the data channel was opened.", "Connect again.", err)
	}
	return s, nil
}

// opening reports whether the handshake with the agent is still to come.
func (t *Tunnel) opening() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.phase == shaking
}

// backOff waits before the next attempt, longer each time, and gives up when
// there has been no working socket for too long.
func (t *Tunnel) backOff(ctx context.Context, r *route) error {
	limit := t.o.ReconnectLimit
	if t.opening() {
		limit = t.o.HandshakeTimeout
	}
	left := limit - time.Since(r.workedAt)
	if r.attempts > 0 && left <= 0 {
		return t.gaveUp(r, limit)
	}
	if r.attempts == 0 {
		return ctx.Err()
	}
	wait := min(firstBackoff<<min(r.attempts-1, 10), mostBackoff)
	// A fleet that lost its gateway at once must not come back at once.
	wait = wait*3/4 + rand.N(wait/2)
	timer := time.NewTimer(min(wait, left))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// gaveUp is the end of a tunnel that found no socket for too long.
func (t *Tunnel) gaveUp(r *route, limit time.Duration) error {
	sentence := "The connection to AWS was lost and could not be restored within "
	if t.opening() {
		sentence = "The data channel could not be opened within "
	}
	return problem.New(problem.Unreachable, sentence+limit.String()+".",
		"Check the network, then connect again.", errors.New(t.describe(r.last)))
}

// refused deals with a URL and token that AWS does not take: once more the
// same ones, then fresh ones where somebody can give them. Its error is final.
func (t *Tunnel) refused(ctx context.Context, r *route, why *problem.Problem) error {
	r.last = why
	r.refusals++
	if t.opening() {
		if r.refusals >= refusalLimit {
			return why
		}
		return nil
	}
	if t.o.Refresh != nil && r.refreshes < refreshLimit {
		r.refreshes++
		stream, token, err := t.o.Refresh(ctx)
		if err == nil {
			t.texts.add(stream, token)
			r.stream, r.token = stream, token
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.last = err
		t.o.Log.Info("no fresh token was given", "reason", t.texts.clean(err.Error()))
		if r.refreshes < refreshLimit {
			return nil
		}
	} else if r.refusals < refusalLimit {
		return nil
	}
	if p, ok := errors.AsType[*problem.Problem](r.last); ok && p != why {
		return p
	}
	return problem.New(problem.TunnelRefused,
		"The connection to the space was lost, and AWS does not let this session be taken up again.",
		"Connect again.", why)
}
