package tunnel

import (
	"net"
	"testing"
	"time"
)

// flow lets arrivals come, each after what it took, and after what was waited
// for before it. It returns the last decision.
func flow(g *gather, now *time.Time, n int, a arrival) (bytes int, limit time.Duration) {
	for range n {
		each := a
		if limit > 0 {
			*now = now.Add(limit)
			each = arrival{bytes, 0}
		}
		*now = now.Add(each.took)
		bytes, limit = g.worth(*now, each, false)
	}
	return bytes, limit
}

func TestWhatIsWaitedFor(t *testing.T) {
	message := arrival{bytes: 1200, took: time.Millisecond}
	for _, c := range []struct {
		name       string
		do         func(g *gather, now *time.Time) (int, time.Duration)
		least, big time.Duration // of the wait
		bytes      int           // the most
	}{
		{"nothing has come yet", func(g *gather, now *time.Time) (int, time.Duration) { return g.worth(*now, arrival{}, false) }, 0, 0, 0},
		{"keys", func(g *gather, now *time.Time) (int, time.Duration) {
			return flow(g, now, 100, arrival{200, 30 * time.Millisecond})
		}, 0, 0, 0},
		{"the screen of an editor", func(g *gather, now *time.Time) (int, time.Duration) { return flow(g, now, flowCount, message) }, 0, 0, 0},
		{"a file", func(g *gather, now *time.Time) (int, time.Duration) { return flow(g, now, 40, message) },
			gatherLeast, gatherMost - 1, gatherBytes - 1},
		{"a large file", func(g *gather, now *time.Time) (int, time.Duration) { return flow(g, now, 2000, message) },
			gatherBytes / 1200 * time.Millisecond * 9 / 10, gatherMost, gatherBytes},
		{"a key after it", func(g *gather, now *time.Time) (int, time.Duration) {
			flow(g, now, 2000, message)
			return g.worth(*now, arrival{200, time.Second}, false)
		}, 0, 0, 0},
		{"acknowledgements that are waited for", func(g *gather, now *time.Time) (int, time.Duration) {
			flow(g, now, 2000, message)
			return g.worth(*now, message, true)
		}, 0, 0, 0},
		{"what comes in large pieces", func(g *gather, now *time.Time) (int, time.Duration) {
			return flow(g, now, 2000, arrival{lineBuffer, time.Millisecond})
		}, 0, 0, 0},
	} {
		g, now := &gather{conn: new(net.TCPConn)}, epoch
		bytes, limit := c.do(g, &now)
		if limit < c.least || limit > c.big || bytes > c.bytes || (bytes == 0) != (limit == 0) {
			t.Errorf("%s: waits for %d bytes, %v; want at most %d, between %v and %v", c.name, bytes, limit, c.bytes, c.least, c.big)
		}
	}
}

// TestNobodyWaitsMuchLonger: what is waited for is a tenth of what passed.
func TestNobodyWaitsMuchLonger(t *testing.T) {
	g, now := &gather{conn: new(net.TCPConn)}, epoch
	for range 500 {
		_, limit := flow(g, &now, 1, arrival{1200, time.Millisecond})
		if lasted := now.Sub(epoch); limit > lasted/gatherShare || limit > gatherMost {
			t.Fatalf("waits for %v after %v", limit, lasted)
		}
	}
}

func TestNothingIsWaitedForWhereTheSystemHasNoConnection(t *testing.T) {
	g, now := &gather{}, epoch
	if bytes, _ := flow(g, &now, 2000, arrival{1200, time.Millisecond}); bytes != 0 {
		t.Error("waits")
	}
}
