package tunnel

import (
	"errors"
	"time"
)

const (
	// sleptAfter is how much further the clock on the wall may go than the
	// one that measures time before the computer is taken to have slept.
	sleptAfter = 5 * time.Second
	// sleptLimit is how long a socket may be silent after a sleep before it
	// counts as lost: its other end will have given up on it.
	sleptLimit = 5 * time.Second
	// unansweredAfter is how long nothing may come while something of ours
	// waits for its acknowledgement, before the gateway is asked whether it is
	// there, and unansweredLimit how long it has for an answer.
	unansweredAfter = 5 * time.Second
	unansweredLimit = 10 * time.Second
)

// The ways in which a socket counts as dead although nothing failed.
var (
	errStalled    = errors.New("nothing was acknowledged for " + stallAfter.String())
	errSlept      = errors.New("silent for " + sleptLimit.String() + " after a sleep of this computer")
	errUnanswered = errors.New("silent for " + (unansweredAfter + unansweredLimit).String() + " although an answer was due")
)

// fellSilent reports whether a socket was lost because nothing came on it.
func fellSilent(err error) bool {
	return isTimeout(err) || errors.Is(err, errStalled) || errors.Is(err, errSlept) || errors.Is(err, errUnanswered)
}

// doubt is what makes a socket that may be dead show that it lives, before the
// time is over that any socket has.
//
// One such reason is that the computer has slept. The clock that Go measures
// time with stands still meanwhile on every system, so no deadline passes, and
// a socket that has died long ago would get its full time once more. The other
// is that somebody waits for an answer.
type doubt struct {
	now, wall time.Time // when it was looked last
	frames    int64     // that had come by then
	heard     time.Time // when the last of them had
	until     time.Time // when a socket that stays silent is given up; zero: there is no doubt
	reason    error     // for giving it up
}

// look takes in how things are: the clocks, how many frames have come, and
// since when something of ours waits for its answer (zero: nothing does). It
// reports whether the other end has to be asked for a sign of life. A clock on
// the wall that was set forward looks like a sleep; then it is asked for
// nothing.
func (d *doubt) look(now, wall time.Time, frames int64, since time.Time) (ask bool) {
	slept := !d.now.IsZero() && wall.Sub(d.wall)-now.Sub(d.now) > sleptAfter
	if frames != d.frames || d.now.IsZero() {
		d.frames, d.heard, d.until = frames, now, time.Time{}
	}
	d.now, d.wall = now, wall
	switch at := d.suspects(since); {
	case !d.until.IsZero():
	case slept:
		d.until, d.reason = now.Add(sleptLimit), errSlept
		return true
	case !at.IsZero() && !now.Before(at):
		d.until, d.reason = now.Add(unansweredLimit), errUnanswered
		return true
	}
	return false
}

// suspects returns when the silence becomes suspect; zero: never.
func (d *doubt) suspects(since time.Time) time.Time {
	if since.IsZero() {
		return since
	}
	return later(since, d.heard).Add(unansweredAfter)
}

// given returns why the socket is given up, or nil.
func (d *doubt) given() error {
	if d.until.IsZero() || d.now.Before(d.until) {
		return nil
	}
	return d.reason
}

// deadline returns when to look again; zero: there is no need.
func (d *doubt) deadline(since time.Time) time.Time {
	if !d.until.IsZero() {
		return d.until
	}
	return d.suspects(since)
}
