package tunnel

import "time"

// Bounds of the retransmission time-out. AWS's programs use at most 1 s and no
// lower bound; the lower one spares resends while the agent is busy.
const (
	firstTimeout = 500 * time.Millisecond
	leastTimeout = 200 * time.Millisecond
	mostTimeout  = 5 * time.Second
	leastSlack   = 10 * time.Millisecond
)

// roundTrip estimates how long an acknowledgement takes (RFC 6298, and Karn's
// rule: samples come only from messages that were sent once).
type roundTrip struct {
	smoothed  time.Duration // 0 before the first sample
	variation time.Duration
	least     time.Duration // the shortest ever seen
	backoff   uint          // time-outs in a row
}

// sample takes in one measurement, which also ends a back-off.
func (r *roundTrip) sample(d time.Duration) {
	d = max(d, time.Microsecond)
	r.backoff = 0
	if r.smoothed == 0 {
		r.smoothed, r.variation, r.least = d, d/2, d
		return
	}
	r.least = min(r.least, d)
	r.variation = (3*r.variation + (r.smoothed - d).Abs()) / 4
	r.smoothed = (7*r.smoothed + d) / 8
}

// timeout returns how long to wait for an acknowledgement now.
func (r *roundTrip) timeout() time.Duration {
	t := firstTimeout
	if r.smoothed != 0 {
		t = max(r.smoothed+max(leastSlack, 4*r.variation), leastTimeout)
	}
	return min(t<<min(r.backoff, 6), mostTimeout)
}

// prompt reports whether an acknowledgement that took d shows a path without
// a queue.
func (r *roundTrip) prompt(d time.Duration) bool {
	return d <= 2*r.least+50*time.Millisecond
}

// reordering returns how much later than its successors a message may be
// acknowledged before it counts as lost.
func (r *roundTrip) reordering() time.Duration {
	return max(r.smoothed/4, 5*time.Millisecond)
}
