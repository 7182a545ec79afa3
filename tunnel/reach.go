package tunnel

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const (
	// firstTries bounds the attempts to open the first socket while AWS says
	// that it is busy.
	firstTries = 3
	// refusalLimit is how often a URL and token may be refused before the
	// tunnel ends, sameTries how often before fresh ones are asked for, and
	// refreshLimit how often they are.
	refusalLimit = 3
	sameTries    = 2
	refreshLimit = 3
	refreshTime  = 30 * time.Second // for one of them
	// cutTries is how many sockets in a row must have been cut before anything
	// came on them for that to be a refusal.
	cutTries = 5
	// The pauses between attempts; the first one follows at once. The longest
	// one, with its jitter, keeps the time from the network's return to the
	// next attempt below 1.6 s. A gateway that says that it is busy is left
	// alone longer.
	firstBackoff = 200 * time.Millisecond
	mostBackoff  = 1250 * time.Millisecond
	busyBackoff  = 5 * time.Second
	// abreast is how many attempts may run at the same time when a socket was
	// lost. One that began while packets vanished would not notice that they
	// no longer do, so the next one does not wait for it.
	abreast = 8
)

// ErrSessionLost is what [Options.Refresh] wraps where no token will ever
// reach the session again. The tunnel then ends at once.
var ErrSessionLost = errors.New("the session cannot be taken up again")

// route is what the tunnel dials, and how that has gone since a socket worked
// last.
type route struct {
	stream, token secret.String
	workedAt      time.Time // until when a socket worked; at first the start
	reached       bool      // there has been a socket
	attempts      int
	cuts          int // sockets that were cut before anything came on them
	refusals      int
	refreshes     int
	busy          bool  // the gateway has asked to be left alone
	last          error // of the last attempt
}

// attempt is one of those that run to open a socket.
type attempt struct {
	cancel context.CancelFunc
	socket socket
	err    error // context.Canceled where it was given up
}

// attempts are those that run, the oldest first.
type attempts struct {
	open    func(ctx context.Context, stream secret.String) (socket, error)
	ended   chan *attempt
	running []*attempt
}

// begin begins an attempt. Where too many run, the oldest is given up.
func (a *attempts) begin(ctx context.Context, stream secret.String) {
	if len(a.running) >= abreast {
		a.running[0].cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	one := &attempt{cancel: cancel}
	a.running = append(a.running, one)
	go func() { // ends with its context, and is waited for by take
		one.socket, one.err = a.open(ctx, stream)
		if one.err != nil && ctx.Err() != nil {
			one.err = context.Canceled
		}
		a.ended <- one
	}()
}

// take takes in the end of one.
func (a *attempts) take(one *attempt) {
	one.cancel()
	a.running = slices.DeleteFunc(a.running, func(other *attempt) bool { return other == one })
}

// end gives up all that run and waits for them.
func (a *attempts) end() {
	for _, one := range a.running {
		one.cancel()
	}
	for len(a.running) > 0 {
		one := <-a.ended
		if one.err == nil {
			one.socket.close()
		}
		a.take(one)
	}
}

// reach opens the next socket and sends the token. Its error is final.
func (t *Tunnel) reach(ctx context.Context, r *route) (socket, error) {
	limit := t.o.ReconnectLimit
	if t.opening() {
		limit = t.o.HandshakeTimeout
	}
	left := time.NewTimer(limit - time.Since(r.workedAt))
	defer left.Stop()
	pause := time.NewTimer(r.backOff())
	defer pause.Stop()
	all := &attempts{open: t.o.open, ended: make(chan *attempt)}
	defer all.end()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-left.C:
			if r.attempts > 0 {
				return nil, t.gaveUp(r, limit)
			}
			left.Reset(busyBackoff) // time has passed without us: one attempt there has to be
		case <-pause.C:
			r.attempts++
			all.begin(ctx, r.stream)
			if r.reached {
				pause.Reset(r.patience())
			}
		case one := <-all.ended:
			all.take(one)
			if errors.Is(one.err, context.Canceled) && len(all.running) > 0 {
				continue
			}
			if one.err == nil {
				if one.err = t.introduce(one.socket, r.token); one.err == nil {
					r.reached = true
					return one.socket, nil
				}
				one.socket.close()
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			refused, err := t.failed(ctx, r, one.err)
			if err != nil {
				return nil, err
			}
			if refused {
				all.end() // they dial the same
			}
			if len(all.running) == 0 {
				pause.Reset(r.backOff())
			}
		}
	}
}

// introduce sends the first message.
func (t *Tunnel) introduce(s socket, token secret.String) error {
	text, err := wire.OpenDataChannel{
		MessageSchemaVersion: "1.0",
		RequestID:            randomID(),
		Token:                token,
		ClientID:             t.clientID,
		ClientVersion:        t.o.ClientVersion,
	}.Text()
	if err == nil {
		err = s.send(appendFrame(nil, ws.OpText, randomMask(), text))
	}
	if err != nil {
		return unreachable("AWS broke off when the data channel was opened.", "Connect again.", err)
	}
	return nil
}

// failed takes in an attempt that failed, and reports whether AWS refused what
// it dialled. Its error is final.
func (t *Tunnel) failed(ctx context.Context, r *route, err error) (refused bool, _ error) {
	r.last = err
	t.o.Log.Info("the data channel could not be opened", "attempt", r.attempts, "reason", t.texts.clean(err.Error()))
	failure, ok := errors.AsType[*dialFailure](err)
	if !ok {
		return false, nil
	}
	r.busy = failure.busy
	switch {
	case failure.refused:
		return true, t.refused(ctx, r, failure.problem)
	case !r.reached && (!failure.passing || r.attempts >= firstTries):
		return false, failure.problem
	}
	return false, nil
}

// opening reports whether the handshake with the agent is still to come.
func (t *Tunnel) opening() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ch.phase == shaking
}

// backOff returns the pause before the next attempt where none runs.
func (r *route) backOff() time.Duration {
	if r.attempts == 0 {
		return 0
	}
	return jitter(min(firstBackoff<<min(r.attempts-1, 10), r.longest()))
}

// patience returns the pause before the next attempt where one runs.
func (r *route) patience() time.Duration { return jitter(r.longest()) }

func (r *route) longest() time.Duration {
	if r.busy {
		return busyBackoff
	}
	return mostBackoff
}

// jitter spreads a pause: a fleet that lost its gateway at once must not come
// back at once.
func jitter(pause time.Duration) time.Duration { return pause*3/4 + rand.N(pause/2) }

// gaveUp is the end of a tunnel that found no socket for too long.
func (t *Tunnel) gaveUp(r *route, limit time.Duration) error {
	sentence := "The connection to AWS was lost and could not be restored within "
	if t.opening() {
		sentence = "The data channel could not be opened within "
	}
	last := r.last
	if last == nil {
		last = errors.New("no attempt has come to an end")
	}
	return problem.New(problem.Unreachable, sentence+limit.String()+".",
		"Check the network, then connect again.", errors.New(t.describe(last)))
}

// refused deals with a URL and token that AWS does not take: the same ones
// again, then fresh ones where somebody can give them. Its error is final.
func (t *Tunnel) refused(ctx context.Context, r *route, why *problem.Problem) error {
	r.last = why
	r.refusals++
	if t.opening() {
		if r.refusals >= refusalLimit {
			return why
		}
		return nil
	}
	if t.o.Refresh == nil || r.refreshes == refreshLimit {
		if r.refusals < refusalLimit {
			return nil
		}
		return notTakenUp(nil, why)
	}
	if r.refusals < sameTries {
		return nil
	}
	r.refreshes++
	bounded, cancel := context.WithTimeout(ctx, refreshTime)
	stream, token, err := t.o.Refresh(bounded)
	cancel()
	switch {
	case err == nil:
		t.texts.add(stream, token)
		r.stream, r.token = stream, token
		r.attempts, r.refusals = 0, 0
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	t.o.Log.Info("no fresh token was given", "reason", t.texts.clean(err.Error()))
	if r.refreshes < refreshLimit && !errors.Is(err, ErrSessionLost) {
		return nil
	}
	refresh, _ := errors.AsType[*problem.Problem](err)
	return notTakenUp(refresh, errors.Join(why, err))
}

// notTakenUp is the end of a session that AWS does not let go on. What to do next
// is what refresh says, the problem of who was asked for a fresh token; it may be
// nil.
func notTakenUp(refresh *problem.Problem, cause error) error {
	p := problem.New(problem.TunnelRefused,
		"The connection to the space was lost, and AWS does not let this session be taken up again.", "Connect again.", cause)
	if refresh != nil && refresh.Hint != "" {
		p.Hint, p.Paste = refresh.Hint, refresh.Paste
	}
	return p
}
