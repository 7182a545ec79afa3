package tunnel

import (
	"net"
	"time"
)

// AWS's agent sends at most 1 KiB and then sleeps 1 ms. To wake up for each of
// these messages costs several times what they cost themselves, so while they
// come like that we wait for some of them to come together: for a tenth of the
// time that it has gone on, so that nobody's wait grows by more. What comes
// alone, as the echo of a key, never waits, and neither does what comes in large
// pieces anyway.
const (
	// flowCount is how many arrivals in a row make a flow, and flowGap the most
	// between two of them.
	flowCount = 8
	flowGap   = 25 * time.Millisecond
	// gatherShare is which part of its time a flow may be held up.
	gatherShare = 10
	// gatherLeast and gatherMost are for how long to wait, and gatherBytes for
	// how much at most: what one question to the system can bring.
	gatherLeast = 2 * time.Millisecond
	gatherMost  = 40 * time.Millisecond
	gatherBytes = lineBuffer * 7 / 8
)

// gather waits for more to come, where that is worth it.
type gather struct {
	conn  *net.TCPConn // nil where the network is none of the system's
	since time.Time    // when the flow began
	count int          // its arrivals
	bytes int          // in them
}

// wait waits before the network is asked again, or not. hurry says that what
// may come is waited for.
func (g *gather) wait(now time.Time, last arrival, hurry bool) {
	bytes, limit := g.worth(now, last, hurry)
	if bytes > 0 {
		awaitBytes(g.conn, bytes, limit)
	}
}

// worth decides for how many bytes to wait; 0 is not at all.
func (g *gather) worth(now time.Time, last arrival, hurry bool) (bytes int, limit time.Duration) {
	if g.conn == nil || hurry || last.bytes == 0 || last.took > flowGap {
		g.count = 0
		return 0, 0
	}
	if g.count == 0 {
		g.since, g.bytes = now.Add(-last.took), 0
	}
	g.count++
	g.bytes += last.bytes
	lasted := now.Sub(g.since)
	limit = min(lasted/gatherShare, gatherMost)
	if g.count < flowCount || limit < gatherLeast {
		return 0, 0
	}
	bytes = int(int64(g.bytes) * int64(limit) / int64(lasted))
	if bytes > gatherBytes {
		// Faster than an agent that sleeps: less waiting, and in the end none.
		limit = limit * gatherBytes / time.Duration(bytes)
		bytes = gatherBytes
	}
	if limit < gatherLeast {
		return 0, 0
	}
	return bytes, limit
}
