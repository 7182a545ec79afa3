package tunnel

import (
	"math"
	"time"
)

const (
	// rateSpan is the time over which a rate forgets: bytes that moved this
	// long ago count for 1/e of those that move now.
	rateSpan = 2 * time.Second
	// rateStep is how often a rate is worked out at most.
	rateStep = 100 * time.Millisecond
)

// rate is a throughput that decays: it is worked out from a total when bytes
// move and when somebody asks, so it needs no timer.
type rate struct {
	at        time.Time // of the last step
	counted   int64     // of the total, until then
	perSecond float64   // at that time
}

// observe takes in the total of bytes that have moved until now.
func (r *rate) observe(now time.Time, total int64) {
	if now.Sub(r.at) < rateStep {
		return
	}
	r.perSecond = r.value(now, total)
	r.at, r.counted = now, total
}

// value returns the bytes a second, where total have moved until now. What
// moved since the last step counts as having moved at its time: bytes are
// observed when they move, so they are never much younger.
func (r *rate) value(now time.Time, total int64) float64 {
	fresh := float64(total-r.counted) / rateSpan.Seconds()
	return (r.perSecond + fresh) * math.Exp(-now.Sub(r.at).Seconds()/rateSpan.Seconds())
}
