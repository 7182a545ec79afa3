package tunnel

import "time"

// A window that is sent at once comes back as acknowledgements all at once, and
// so it goes on, round trip for round trip: whatever is written meanwhile waits
// for the next burst. So on a long way what is sent is spread over the round
// trip.
const (
	// pacedAbove is the round trip from which on sending is spread.
	pacedAbove = 10 * time.Millisecond
	// pacedBurst is how much is sent at once, as the time that it stands for:
	// what timers cannot tell apart.
	pacedBurst = 2 * time.Millisecond
)

// pacing says when the next message may go.
type pacing struct {
	next time.Time
}

// sent takes in that n bytes go now: window bytes in a round trip, and a quarter
// more, so that the window stays what bounds the sender; twice as much while the
// window grows.
func (p *pacing) sent(now time.Time, n, window int, trip time.Duration, growing bool) {
	if trip < pacedAbove {
		p.next = time.Time{}
		return
	}
	took := time.Duration(int64(n) * int64(trip) / int64(window))
	if growing {
		took /= 2
	} else {
		took = took * 4 / 5
	}
	p.next = later(p.next, now.Add(-pacedBurst)).Add(took)
}

// waits reports whether the next message has to wait.
func (p *pacing) waits(now time.Time) bool { return now.Before(p.next) }
