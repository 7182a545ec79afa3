package tunnel

import (
	"context"
	"log/slog"
	"time"
)

const (
	// stillAfter is how long something must stand still to be worth a line.
	stillAfter = time.Second
	// againEvery is how often messages that are sent again are worth one.
	againEvery = time.Second
	// pongAfter is how long a pong may take before its socket is silent.
	pongAfter = 2 * time.Second
)

// witness writes down why a stream stands still, for somebody who reads the log
// afterwards: numbers and causes, never a byte of what is carried. It exists
// where the log takes such lines. A tunnel at rest is not woken for it.
type witness struct {
	log     *slog.Logger
	quiet   time.Duration // how long a healthy socket may be silent
	sending spell
	reading spell
	order   spell
	socket  spell

	again struct {
		told                   time.Time
		sent, expired, sockets int64 // messages, time-outs and reconnects until then
	}
}

// spell is a time in which nothing has changed that should.
type spell struct {
	since time.Time // zero: nothing is expected
	mark  [3]int64
	told  string // the cause that was written down
}

// newWitness returns nil where nobody wants to know.
func newWitness(o Options) *witness {
	if !o.Log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return &witness{log: o.Log, quiet: o.PingInterval + pongAfter}
}

// look takes in how a tunnel is; its lock is held.
func (w *witness) look(now time.Time, t *Tunnel) {
	if w == nil {
		return
	}
	c := t.ch
	w.watch(now, &w.sending, "sending", stillAfter, w.whyNotSending(c),
		[3]int64{c.out.base, c.out.nextSequence(), int64(c.out.bytes)},
		"unacknowledged", c.out.bytes, "window", c.out.window, "waiting", c.out.waiting, "rtt", c.out.trip.smoothed)
	cause := ""
	if c.in.kept.size > 0 {
		cause = "the reader does not take what has come"
	}
	w.watch(now, &w.reading, "reading", stillAfter, cause,
		[3]int64{c.in.taken - int64(c.in.kept.size)}, "kept", c.in.kept.size, "choked", c.choked)
	cause = ""
	if len(c.in.early) > 0 {
		cause = "a message is missing"
	}
	w.watch(now, &w.order, "receiving", stillAfter, cause, [3]int64{c.in.expected},
		"missing", c.in.expected, "kept_messages", len(c.in.early), "kept", c.in.earlySum)
	cause = ""
	if c.up && !c.ended && !c.choked {
		cause = "the socket is silent"
	}
	w.watch(now, &w.socket, "the socket", w.quiet, cause, [3]int64{t.frames, t.reconnects})
	w.countAgain(now, t)
}

// whyNotSending returns what keeps the bytes that are there from moving, or
// nothing where there are none.
func (w *witness) whyNotSending(c *channel) string {
	waits := c.out.waiting > 0
	switch {
	case c.ended || !c.up || !waits && c.out.idle():
		return "" // that there is no socket stands in the log already
	case c.paused:
		return "the gateway has asked for a pause"
	case c.choked:
		return "the reader is so far behind that nothing is received, acknowledgements included"
	case c.phase != flowing:
		return "the agent is not ready"
	case waits && !c.out.idle():
		return "the window is full and nothing is acknowledged"
	case !c.out.idle():
		return "nothing is acknowledged"
	}
	return ""
}

// watch writes down that something stands still, once for each cause, and that
// it goes on.
func (w *witness) watch(now time.Time, s *spell, what string, after time.Duration, cause string, mark [3]int64, figures ...any) {
	if cause == "" && mark == s.mark && s.told != "" {
		return // nothing is in the way any more, and nothing has moved yet
	}
	if cause == "" || mark != s.mark || s.since.IsZero() {
		if s.told != "" {
			w.log.Debug(what+" goes on", "after", now.Sub(s.since).Round(time.Millisecond))
		}
		*s = spell{mark: mark}
		if cause != "" {
			s.since = now
		}
		return
	}
	if now.Sub(s.since) >= after && s.told != cause {
		s.told = cause
		w.log.Debug(what+" stands still", append([]any{"cause", cause, "for", now.Sub(s.since).Round(time.Millisecond)}, figures...)...)
	}
}

// countAgain writes down messages that were sent again, and why, in sums.
func (w *witness) countAgain(now time.Time, t *Tunnel) {
	a, out := &w.again, &t.ch.out
	count := out.retransmitted - a.sent
	if count == 0 || now.Sub(a.told) < againEvery {
		return
	}
	why := "later ones have arrived"
	switch {
	case t.reconnects > a.sockets:
		why = "the socket is a new one"
	case out.expired > a.expired:
		why = "their time was over"
	}
	a.told, a.sent, a.expired, a.sockets = now, out.retransmitted, out.expired, t.reconnects
	w.log.Debug("messages were sent again", "cause", why, "count", count, "rtt", out.trip.smoothed)
}

// deadline returns when to look again, at the time until which nothing else
// may happen; zero: there is no need.
func (w *witness) deadline() time.Time {
	var at time.Time
	if w == nil {
		return at
	}
	for _, s := range []struct {
		*spell
		after time.Duration
	}{{&w.sending, stillAfter}, {&w.reading, stillAfter}, {&w.order, stillAfter}, {&w.socket, w.quiet}} {
		if s.since.IsZero() || s.told != "" {
			continue
		}
		if soon := s.since.Add(s.after); at.IsZero() || soon.Before(at) {
			at = soon
		}
	}
	return at
}
