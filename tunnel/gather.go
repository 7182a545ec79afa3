package tunnel

import (
	"net"
	"time"
)

// AWS's agent sends at most 1 KiB and then sleeps 1 ms. To wake up for each of
// these messages costs several times what they cost themselves, so while they
// come like that we wait for some of them to come together. What comes alone, as
// the echo of a key, never waits, and neither does what comes in large pieces
// anyway.
const (
	// steadyGap is the most between two arrivals of a steady flow, and
	// steadyCount how many in a row make one.
	steadyGap   = 3 * time.Millisecond
	steadyCount = 8
	// pauseGap is how long nothing comes when a flow has ended; what is shorter
	// may be a busy machine.
	pauseGap = 25 * time.Millisecond
	// gatherCount is how many arrivals are waited for, and gatherFor how long at
	// most.
	gatherCount = 4
	gatherFor   = 5 * time.Millisecond
	// bulkAfter is how many arrivals make a transfer, in which bulkCount are
	// waited for, bulkFor at most. Whatever a person waits for stands in the
	// agent's line behind it for much longer.
	bulkAfter = 64
	bulkCount = 16
	bulkFor   = 20 * time.Millisecond
	// gatherBelow is how many bytes at once need no gathering.
	gatherBelow = 24 << 10
)

// gather waits for more to come, where that is worth it.
type gather struct {
	conn   *net.TCPConn // nil where the network is none of the system's
	steady int          // arrivals in a row that were small and soon
	single int          // bytes of the last one that nobody waited for
}

// wait waits before the network is asked again, or not. hurry says that what
// may come is waited for.
func (g *gather) wait(last arrival, hurry bool) {
	bytes, limit := g.worth(last, hurry)
	if bytes > 0 {
		awaitBytes(g.conn, bytes, limit)
	}
}

// worth decides for how many bytes to wait; 0 is not at all.
func (g *gather) worth(last arrival, hurry bool) (bytes int, limit time.Duration) {
	switch {
	case g.conn == nil || hurry || last.bytes == 0 || last.bytes >= gatherBelow || last.took > pauseGap:
		g.steady = 0
		return 0, 0
	case last.took > steadyGap:
		g.steady /= 2
		return 0, 0
	case g.steady < steadyCount:
		g.steady++
		g.single = last.bytes
		return 0, 0
	case g.steady < bulkAfter:
		g.steady++
		return min(gatherCount*g.single, gatherBelow), gatherFor
	}
	return min(bulkCount*g.single, gatherBelow), bulkFor
}
