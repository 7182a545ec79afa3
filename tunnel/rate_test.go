package tunnel

import (
	"testing"
	"time"
)

func TestRateFollowsAStreamAndForgetsIt(t *testing.T) {
	const perSecond = 1 << 20
	for name, every := range map[string]time.Duration{"often": time.Millisecond, "seldom": 70 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			var r rate
			now, total := epoch, int64(0)
			r.observe(now, total)
			for range 20 * time.Second / every {
				now = now.Add(every)
				total += int64(perSecond * every.Seconds())
				r.observe(now, total)
			}
			if got := r.value(now, total); got < 0.9*perSecond || got > 1.1*perSecond {
				t.Errorf("%.0f bytes a second of a stream of %d", got, perSecond)
			}
			// Nobody looks for a while, and nothing moves.
			now = now.Add(30 * time.Second)
			if got := r.value(now, total); got >= 1 {
				t.Errorf("%.3f bytes a second half a minute after the last byte", got)
			}
		})
	}
}

// TestRateOfABurstIsNotSmearedOverTheSilence: bytes that moved just after a
// step, and were not counted then, are old when somebody asks much later.
func TestRateOfABurstIsNotSmearedOverTheSilence(t *testing.T) {
	var r rate
	r.observe(epoch, 0)
	r.observe(epoch.Add(time.Millisecond), 4<<20)
	if got := r.value(epoch.Add(time.Minute), 4<<20); got >= 1 {
		t.Errorf("%.0f bytes a second a minute after a burst", got)
	}
}
