package tunnel

import "time"

// sleepWatch notices that the computer has slept. The clock that Go measures
// time with stands still meanwhile on every system, so no deadline passes: a
// socket that has died long ago would get its full time once more.
type sleepWatch struct {
	now, wall time.Time // when it was looked last
	until     time.Time // when a socket that stays silent is given up; zero: nothing is suspected
	frames    int64     // that had come when the end of a sleep was noticed
}

// over reports whether a sleep has ended since the last look. A clock that was
// set forward looks the same; then a question is asked for nothing. frames is
// how many have come.
func (s *sleepWatch) over(now, wall time.Time, frames int64) bool {
	slept := !s.now.IsZero() && wall.Sub(s.wall)-now.Sub(s.now) > sleptAfter
	s.now, s.wall = now, wall
	if slept {
		s.until, s.frames = now.Add(wakeLimit), frames
	}
	return slept
}

// silent reports whether the socket has had its time after a sleep, and nothing
// has come.
func (s *sleepWatch) silent(now time.Time, frames int64) bool {
	if s.until.IsZero() {
		return false
	}
	if frames > s.frames {
		s.until = time.Time{}
		return false
	}
	return !now.Before(s.until)
}
