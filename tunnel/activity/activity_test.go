package activity

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// packet is some bytes, some time after the packet before.
type packet struct {
	after time.Duration
	bytes int
}

// every is n packets at a distance.
func every(after time.Duration, bytes, n int) []packet {
	all := make([]packet, n)
	for i := range all {
		all[i] = packet{after, bytes}
	}
	return all
}

func TestWhatCountsAsWork(t *testing.T) {
	for name, c := range map[string]struct {
		sent []packet
		want bool
	}{
		"nothing":                           {nil, false},
		"signs of life for ten hours":       {every(15*time.Second, 100, 2400), false},
		"an IDE at rest for an hour":        {every(5*time.Second, 100, 720), false},
		"a command typed in a terminal":     {every(200*time.Millisecond, 52, 12), true},
		"a single key in an hour":           {every(time.Hour, 100, 10), false},
		"one large packet":                  {[]packet{{0, 2000}}, true},
		"an upload":                         {every(time.Millisecond, 32<<10, 3), true},
		"the windows of a slow download":    {every(time.Second, 80, 30), true},
		"just too little within the span":   {every(time.Second, 51, 10), false},
		"enough, but too far from together": {every(11*time.Second, 500, 100), false},
	} {
		t.Run(name, func(t *testing.T) {
			var m Meter
			at, got := noon, false
			var last time.Time
			for _, p := range c.sent {
				at = at.Add(p.after)
				if m.Saw(at, p.bytes) {
					got, last = true, at
				}
			}
			if got != c.want || !m.Last().Equal(last) {
				t.Errorf("%v, last at %v; want %v, last at %v", got, m.Last(), c.want, last)
			}
		})
	}
}

func TestOurOwnDoesNotCount(t *testing.T) {
	var m Meter
	m.Saw(noon, Enough-1)
	unmute := m.Mute()
	if m.Saw(noon, Enough) {
		t.Error("it counts while muted")
	}
	unmute()
	if m.Saw(noon, 1) {
		t.Error("what was sent before and while muted counts afterwards")
	}
	if !m.Saw(noon, Enough) {
		t.Error("it counts no more after it was muted")
	}
}
