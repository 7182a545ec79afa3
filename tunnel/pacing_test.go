package tunnel

import (
	"testing"
	"time"
)

func TestWhatIsSentIsSpreadOverTheRoundTrip(t *testing.T) {
	const trip, window, payload = 50 * time.Millisecond, 256 << 10, 1 << 10
	for _, c := range []struct {
		name        string
		growing     bool
		least, most time.Duration // for a window
	}{
		{"steady", false, trip * 3 / 4, trip},
		{"growing", true, trip * 2 / 5, trip * 3 / 5},
	} {
		var p pacing
		now := epoch
		burst := 0
		for sent := 0; sent < window; {
			if p.waits(now) {
				now = p.next
				burst = 0
			}
			p.sent(now, payload, window, trip, c.growing)
			sent += payload
			if burst += payload; time.Duration(burst)*trip/window > 2*pacedBurst+time.Millisecond {
				t.Fatalf("%s: %d bytes at once", c.name, burst)
			}
		}
		if took := now.Sub(epoch); took < c.least || took > c.most {
			t.Errorf("%s: a window took %v, want %v to %v", c.name, took, c.least, c.most)
		}
	}
}

func TestAShortWayIsNotPaced(t *testing.T) {
	var p pacing
	for range 1000 {
		p.sent(epoch, 1<<10, 256<<10, pacedAbove-1, false)
		if p.waits(epoch) {
			t.Fatal("waits")
		}
	}
}

// TestPacedBytesGoWithoutAnybodysWord: the deadline is when the next may go.
func TestPacedBytesGoWithoutAnybodysWord(t *testing.T) {
	b := newBench(t, testOptions())
	b.open()
	b.c.out.trip = roundTrip{smoothed: 100 * time.Millisecond, least: 100 * time.Millisecond}
	b.c.give(make([]byte, pendingLimit))
	steps := 0
	for ; b.c.out.waiting > 0; steps++ {
		b.frames()
		if b.c.out.waiting == 0 {
			break
		}
		at := b.c.deadline()
		if !at.After(b.now) || at.Sub(b.now) > 10*time.Millisecond {
			t.Fatalf("%d bytes wait, the deadline is in %v", b.c.out.waiting, at.Sub(b.now))
		}
		b.now = at
	}
	if steps < 3 {
		t.Errorf("%d steps", steps)
	}
}
