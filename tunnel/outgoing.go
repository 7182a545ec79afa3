package tunnel

import (
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const (
	// pendingLimit bounds what a writer has handed over and no message
	// carries yet, in bytes. Small: a key stroke waits behind it.
	pendingLimit = 32 << 10
	// spanLimit bounds the distance between the oldest unacknowledged message
	// and the next one. The agent keeps 100000 messages out of order.
	spanLimit = 8192
	// leastWindow is the window's lower bound, in bytes.
	leastWindow = 16 << 10
	// calmWindows is how many full windows have to be acknowledged, with no pause
	// between them, before an adaptive profile allows more.
	calmWindows = 16
)

// sentMessage is a stream message of ours that is not acknowledged yet, or
// that waits for an older one to be.
type sentMessage struct {
	id      wire.UUID
	created uint64 // ms since 1970
	kind    wire.PayloadType
	payload []byte
	last    time.Time // when it was sent last
	sends   int
	acked   bool
	lost    bool // has to be sent again
}

// outgoing is the client's half of the stream: what waits to be sent, what
// waits to be acknowledged, and how much may be on its way.
type outgoing struct {
	allowed limits
	most    limits // to which what is allowed may grow
	calm    int    // bytes acknowledged in full windows since it grew last

	pending     [][]byte // payloads without a message yet, from pendingHead on
	pendingHead int
	waiting     int // bytes in them

	base     int64         // sequence number of sent[head]
	sent     []sentMessage // from head on: base, base+1, …
	head     int
	bytes    int       // payload bytes not acknowledged
	lost     int       // messages marked lost
	lostFrom int64     // no message before this one is lost
	newest   time.Time // send time of the latest message known to have arrived

	window    int  // bytes that may be on their way
	threshold int  // above it the window grows slowly
	limited   bool // it is what holds the sender back
	pace      pacing
	trip      roundTrip
	free      [][]byte // payload buffers to use again

	taken         int64 // bytes ever put into messages
	retransmitted int64 // messages ever sent again
	expired       int64 // time-outs ever
}

// give takes bytes from a writer and returns how many.
func (o *outgoing) give(p []byte) int {
	p = p[:min(len(p), max(0, pendingLimit-o.waiting))]
	o.wait(p)
	return len(p)
}

// wait makes payloads of p.
func (o *outgoing) wait(p []byte) {
	o.waiting += len(p)
	for len(p) > 0 {
		last := len(o.pending) - 1
		if last < o.pendingHead || len(o.pending[last]) >= o.allowed.payload {
			o.pending = append(o.pending, o.buffer(o.allowed.payload))
			last++
		}
		n := min(len(p), o.allowed.payload-len(o.pending[last]))
		o.pending[last] = append(o.pending[last], p[:n]...)
		p = p[n:]
	}
}

// firstPending returns the next payload; none where nothing waits.
func (o *outgoing) firstPending() []byte {
	if o.pendingHead == len(o.pending) {
		return nil
	}
	return o.pending[o.pendingHead]
}

// takePending takes the next payload out.
func (o *outgoing) takePending() []byte {
	p := o.pending[o.pendingHead]
	o.pending[o.pendingHead] = nil
	o.pendingHead++
	o.waiting -= len(p)
	switch {
	case o.pendingHead == len(o.pending):
		o.pending, o.pendingHead = o.pending[:0], 0
	case o.pendingHead >= 1024:
		n := copy(o.pending, o.pending[o.pendingHead:])
		clear(o.pending[n:])
		o.pending, o.pendingHead = o.pending[:n], 0
	}
	return p
}

// buffer returns an empty payload with room for size bytes, one that was used
// before where there is one.
func (o *outgoing) buffer(size int) []byte {
	if n := len(o.free); n > 0 && size <= o.allowed.payload {
		b := o.free[n-1]
		o.free = o.free[:n-1]
		return b
	}
	return make([]byte, 0, max(size, o.allowed.payload))
}

// allow sets what may be sent from now on.
func (o *outgoing) allow(l limits) {
	if l.payload != o.allowed.payload {
		o.free = nil
	}
	smaller := l.payload < o.allowed.payload
	o.allowed = l
	o.calm = 0
	o.threshold = l.window
	o.window = min(o.window, l.window)
	if smaller {
		again := o.pending[o.pendingHead:]
		o.pending, o.pendingHead, o.waiting = nil, 0, 0
		for _, p := range again {
			o.wait(p)
		}
	}
}

// room returns how many bytes a writer may hand over that go at once; 0 where it
// should rather wait until a larger piece may.
func (o *outgoing) room() int {
	n := min(o.window-o.bytes, pendingLimit) - o.waiting
	piece := max(o.allowed.payload, min(o.window/64, largeLimits.payload))
	if n >= piece || o.bytes+o.waiting == 0 {
		o.limited = false
		return max(n, 1)
	}
	o.limited = true
	return 0
}

// nextSequence returns the number of the next new message.
func (o *outgoing) nextSequence() int64 { return o.base + int64(len(o.sent)-o.head) }

// idle reports whether everything that was sent has been acknowledged.
func (o *outgoing) idle() bool { return o.head == len(o.sent) }

// oldest returns the oldest unacknowledged message; there must be one.
func (o *outgoing) oldest() *sentMessage { return &o.sent[o.head] }

// roomForChunk reports whether the next payload may go now.
func (o *outgoing) roomForChunk(now time.Time) bool {
	if o.waiting == 0 {
		return false
	}
	if !o.fits() {
		o.limited = true
		return false
	}
	return !o.pace.waits(now)
}

// fits reports whether the window lets the next payload go.
func (o *outgoing) fits() bool {
	return len(o.sent)-o.head < spanLimit && (o.bytes == 0 || o.bytes+len(o.firstPending()) <= o.window)
}

// pacedUntil returns when the next payload may go, where that is all that it
// waits for; else zero.
func (o *outgoing) pacedUntil() time.Time {
	if o.waiting == 0 || !o.fits() {
		return time.Time{}
	}
	return o.pace.next
}

// addChunk makes the next message out of pending bytes.
func (o *outgoing) addChunk(now time.Time, id wire.UUID) (int64, *sentMessage) {
	payload := o.takePending()
	if o.waiting == 0 {
		o.limited = false
	}
	o.taken += int64(len(payload))
	o.pace.sent(now, len(payload), o.window, o.trip.smoothed, o.window < o.threshold)
	return o.append(now, id, wire.PayloadOutput, payload)
}

// add makes a new message, sent now, out of a copy of payload.
func (o *outgoing) add(now time.Time, id wire.UUID, kind wire.PayloadType, payload []byte) (int64, *sentMessage) {
	return o.append(now, id, kind, append(o.buffer(len(payload)), payload...))
}

// append makes a new message, sent now.
func (o *outgoing) append(now time.Time, id wire.UUID, kind wire.PayloadType, payload []byte) (int64, *sentMessage) {
	sequence := o.nextSequence()
	o.sent = append(o.sent, sentMessage{
		id: id, created: uint64(now.UnixMilli()), kind: kind, payload: payload, last: now, sends: 1,
	})
	o.bytes += len(payload)
	return sequence, &o.sent[len(o.sent)-1]
}

// takeLost returns the oldest message that has to be sent again, counted as
// sent now; ok is false where there is none.
func (o *outgoing) takeLost(now time.Time) (sequence int64, m *sentMessage, ok bool) {
	if o.lost == 0 {
		return 0, nil, false
	}
	for i := o.head + int(max(0, o.lostFrom-o.base)); i < len(o.sent); i++ {
		if o.sent[i].lost {
			o.lostFrom = o.base + int64(i-o.head) + 1
			return o.resend(now, i)
		}
	}
	return 0, nil, false
}

// resend counts message i of the list as sent now.
func (o *outgoing) resend(now time.Time, i int) (int64, *sentMessage, bool) {
	m := &o.sent[i]
	if m.lost {
		m.lost = false
		o.lost--
	}
	m.last = now
	m.sends++
	o.retransmitted++
	return o.base + int64(i-o.head), m, true
}

// markLost has message i of the list sent again.
func (o *outgoing) markLost(i int) {
	m := &o.sent[i]
	if m.acked || m.lost {
		return
	}
	if o.lost == 0 {
		o.lostFrom = o.base + int64(i-o.head)
	}
	o.lostFrom = min(o.lostFrom, o.base+int64(i-o.head))
	m.lost = true
	o.lost++
}

// markAllLost has everything unacknowledged sent again: after a reconnect.
func (o *outgoing) markAllLost() {
	o.trip.backoff = 0 // the new socket has not shown yet that it is slow
	for i := o.head; i < len(o.sent); i++ {
		o.markLost(i)
		// No sample: the gateway may deliver an old answer on the new socket.
		o.sent[i].sends++
	}
}

// acknowledge takes in the acknowledgement of one message. It returns when
// that message was sent last; ok is false where nothing waited for it.
func (o *outgoing) acknowledge(now time.Time, sequence int64) (sent time.Time, ok bool) {
	if sequence < o.base || sequence >= o.nextSequence() {
		return time.Time{}, false
	}
	m := &o.sent[o.head+int(sequence-o.base)]
	if m.acked {
		return time.Time{}, false
	}
	sent = m.last
	took := now.Sub(sent)
	if m.sends == 1 {
		o.trip.sample(took)
		o.grow(len(m.payload), o.trip.prompt(took))
	} else {
		o.trip.backoff = 0
	}
	// The answer to an earlier copy says nothing about the later one.
	if m.sends == 1 || took >= o.trip.least {
		o.newest = later(o.newest, sent)
	}
	if m.lost {
		m.lost = false
		o.lost--
	}
	m.acked = true
	o.bytes -= len(m.payload)
	if cap(m.payload) == o.allowed.payload {
		o.free = append(o.free, m.payload[:0])
	}
	m.payload = nil
	o.forgetAcknowledged()
	o.findLost()
	return sent, true
}

// forgetAcknowledged drops the acknowledged messages at the head of the list.
func (o *outgoing) forgetAcknowledged() {
	for o.head < len(o.sent) && o.sent[o.head].acked {
		o.head++
		o.base++
	}
	switch {
	case o.head == len(o.sent):
		o.sent, o.head = o.sent[:0], 0
	case o.head >= 1024 && o.head > len(o.sent)/2:
		n := copy(o.sent, o.sent[o.head:])
		clear(o.sent[n:])
		o.sent, o.head = o.sent[:n], 0
	}
}

// findLost marks what was sent before a message that has arrived and is
// itself not acknowledged: the channel keeps the order, so it, or its
// acknowledgement, was lost (the idea of RFC 8985).
func (o *outgoing) findLost() {
	if o.idle() {
		return
	}
	cutoff := o.newest.Add(-o.trip.reordering())
	if !o.oldest().last.Before(cutoff) {
		return
	}
	for i := o.head; i < len(o.sent); i++ {
		if o.sent[i].last.Before(cutoff) {
			o.markLost(i)
		}
	}
}

// timeoutAt returns when the oldest message is to be sent again; zero where
// nothing waits.
func (o *outgoing) timeoutAt() time.Time {
	if o.idle() || o.oldest().lost {
		return time.Time{}
	}
	return o.oldest().last.Add(o.trip.timeout())
}

// expire marks the oldest message lost if its time is up.
func (o *outgoing) expire(now time.Time) {
	if at := o.timeoutAt(); !at.IsZero() && !now.Before(at) {
		o.markLost(o.head)
		o.expired++
		o.trip.backoff++
	}
}

// grow widens the window after a prompt acknowledgement of n bytes, if the
// window was what held the sender back, or was nearly.
func (o *outgoing) grow(n int, prompt bool) {
	growing := o.window < o.threshold
	if !prompt || !o.limited && !(growing && 2*o.bytes > o.window) {
		return
	}
	if o.window >= o.allowed.window {
		o.calm += n
		if o.calm >= calmWindows*o.window && o.allowed != o.most {
			o.allow(o.allowed.doubled(o.most))
		}
		return
	}
	if !growing {
		n = max(1, n*o.allowed.payload/o.window)
	}
	o.window = min(o.window+n, o.allowed.window)
}

// halve narrows the window: the gateway asked for a pause. What had grown
// beyond the first limits goes back to them and does not grow again.
func (o *outgoing) halve(first limits) {
	if o.most != first {
		o.most = first
		o.allow(first)
	}
	o.window = max(o.window/2, min(leastWindow, o.allowed.window))
	o.threshold = o.window
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
