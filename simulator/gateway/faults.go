package gateway

import (
	"math"
	"sync/atomic"
	"time"
)

// Faults are what can be wrong with the gateway and the network before it. The
// zero value is a network without faults.
type Faults struct {
	// RTT is added to every round trip, half of it each way. It delays and
	// keeps the order; it does not limit how much is under way.
	RTT time.Duration
	// Bandwidth caps each connection, each way, in bytes per second; 0 is no
	// cap.
	Bandwidth int64
	// Silence stops all bytes, both ways, without closing anything.
	Silence bool
	// LoseEvery, DuplicateEvery, ReorderEvery act on every n-th message of a
	// session, each way: it is lost, comes twice, comes after the next ones. 0
	// is never.
	LoseEvery, DuplicateEvery, ReorderEvery int
	// ReorderSpan is how many messages overtake one that is reordered, at
	// most [maxSpan]; 0 is 1.
	ReorderSpan int
	// LoseAcksEvery loses every n-th acknowledgement, each way.
	LoseAcksEvery int
	// DamageEvery damages every n-th message to the client, each time in
	// another way. AWS's agent does not check what it gets, so the other
	// direction is left alone.
	DamageEvery int
	// TokenOnce refuses a token that a client has used before, so that a
	// reconnect needs a fresh one.
	TokenOnce bool
	// SignedUpgrades refuses an upgrade that is neither presigned nor signed,
	// which AWS has announced and does not do yet.
	SignedUpgrades bool
	// RefuseDials answers upgrades with RefuseStatus; 0 is 503.
	RefuseDials  bool
	RefuseStatus int
}

// SetFaults replaces the faults, for open connections too.
func (g *Gateway) SetFaults(f Faults) {
	g.faults.Store(&f)
	g.network.shape(f.RTT/2, f.Bandwidth, f.Silence)
}

// Faults returns the present faults.
func (g *Gateway) Faults() Faults { return *g.faults.Load() }

// The actions below reach the clients of one session, or of all where id is
// empty, and return how many there were.

// Drop resets the clients' TCP connections.
func (g *Gateway) Drop(id string) int {
	return g.each(id, func(_ *session, c *client) { c.abort() })
}

// CloseSockets closes the clients' WebSockets with code 1000 as the real
// gateway does about once an hour; the sessions live on.
func (g *Gateway) CloseSockets(id string) int {
	return g.each(id, func(_ *session, c *client) { c.finish(closeNormal) })
}

// Mute has the packets of the clients' TCP connections vanish, both ways and
// for ever, while nothing is closed. New connections are not touched.
func (g *Gateway) Mute(id string) int {
	return g.each(id, func(_ *session, c *client) { c.socket.mute() })
}

// Flood sends the clients a message that is longer than any may be.
func (g *Gateway) Flood(id string) int {
	return g.each(id, func(_ *session, c *client) { c.write(make([]byte, 2*maxMessage)) })
}

// Pause sends pause_publication to the clients, Resume start_publication.
func (g *Gateway) Pause(id string) int {
	return g.each(id, func(_ *session, c *client) { c.write(pauseMessage()) })
}

// Resume sends start_publication to the clients.
func (g *Gateway) Resume(id string) int {
	return g.each(id, func(_ *session, c *client) { c.write(startMessage()) })
}

func (g *Gateway) each(id string, act func(*session, *client)) (n int) {
	g.mu.Lock()
	var all []*session
	for _, s := range g.sessions {
		if id == "" || s.id == id {
			all = append(all, s)
		}
	}
	g.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		c := s.client
		s.mu.Unlock()
		if c != nil {
			n++
			act(s, c)
		}
	}
	return n
}

// counters count from the start of the gateway.
type counters struct {
	dials, upgrades, signed, refused, sessions, opened, connected, reconnects, terminated atomic.Int64
}

// Counters tell what has happened since the start.
type Counters struct {
	Dials      int64 `json:"dials"`      // TCP connections accepted
	Upgrades   int64 `json:"upgrades"`   // WebSockets accepted
	Signed     int64 `json:"signed"`     // of the upgrades, those with a good signature in a header
	Refused    int64 `json:"refused"`    // upgrades or open messages refused
	Sessions   int64 `json:"sessions"`   // sessions created
	Opened     int64 `json:"opened"`     // sessions whose first client came
	Connected  int64 `json:"connected"`  // sessions whose agent and client have shaken hands
	Reconnects int64 `json:"reconnects"` // clients that came again
	Terminated int64 `json:"terminated"` // sessions whose client asked for the end
}

// Counters returns the present counts.
func (g *Gateway) Counters() Counters {
	c := &g.counters
	return Counters{
		c.dials.Load(), c.upgrades.Load(), c.signed.Load(), c.refused.Load(), c.sessions.Load(), c.opened.Load(),
		c.connected.Load(), c.reconnects.Load(), c.terminated.Load(),
	}
}

// valid keeps numbers from outside within what the arithmetic bears.
func (f Faults) valid() bool {
	return f.RTT >= 0 && f.RTT <= time.Minute && f.Bandwidth >= 0 && f.Bandwidth < math.MaxInt64/int64(time.Second) &&
		f.LoseEvery >= 0 && f.DuplicateEvery >= 0 && f.ReorderEvery >= 0 && f.LoseAcksEvery >= 0 && f.DamageEvery >= 0 &&
		f.ReorderSpan >= 0 && f.ReorderSpan <= maxSpan && (f.RefuseStatus == 0 || f.RefuseStatus >= 400 && f.RefuseStatus <= 599)
}
