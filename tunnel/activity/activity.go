// Package activity tells from how much an ssh sends whether somebody works
// through it.
//
// It must not know what a tunnel is, and cannot know what the bytes mean: they
// are encrypted.
package activity

import (
	"sync"
	"time"
)

// What counts as work: [Enough] bytes within [Span].
//
// An ssh at rest sends a sign of life each 15 s, and answers the server's, each
// less than 100 bytes on the wire; the shared connection of an IDE at rest adds
// some 100 bytes every 5 s. A key pressed in a terminal is 36 to 100 bytes, in
// an IDE it is some hundreds.
const (
	Span   = 10 * time.Second
	Enough = 512
)

// Meter sees what one ssh sends. The zero value is ready; its methods may be
// called from several goroutines.
type Meter struct {
	mu    sync.Mutex
	since time.Time // start of the span under way
	bytes int       // in it
	last  time.Time
	muted int
}

// Saw takes note of n bytes that were sent, and reports whether somebody works.
func (m *Meter) Saw(now time.Time, n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.muted > 0 {
		return false
	}
	if now.Sub(m.since) > Span {
		m.since, m.bytes = now, 0
	}
	m.bytes += n
	if m.bytes < Enough {
		return false
	}
	m.last = now
	return true
}

// Last is when somebody was last seen to work; zero before.
func (m *Meter) Last() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Mute lets nothing count until the function it returns is called, once: what
// is sent then is our own.
func (m *Meter) Mute() (unmute func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.muted--
		m.bytes = 0
	}
}
