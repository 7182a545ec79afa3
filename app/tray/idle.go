package tray

import (
	"fmt"
	"slices"
	"time"
)

// askAgain is when a tunnel that did not answer is asked again.
const askAgain = time.Minute

// idleness is what is known of a connection through which nobody may work.
type idleness struct {
	active time.Time // when somebody was last seen to
	told   time.Time // the active of which the person was told
	look   time.Time // when to look again
}

// seen is the idleness after somebody was seen to work at a time; after is how
// long a connection may be idle.
func (i idleness) seen(active time.Time, after time.Duration) idleness {
	if active.After(i.active) {
		i.active, i.look = active, active.Add(after)
	}
	return i
}

// NextLook is when a connection may have been idle for too long; zero where
// none will.
func (s State) NextLook() time.Time {
	var next time.Time
	for _, c := range s.Connections {
		if at := c.idle.look; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Idle returns the state after the tunnels said how they are, and what to tell
// of those through which nobody has worked for idleAfter. Each is told once,
// until somebody works there again.
func (s State) Idle(tunnels []Tunnel, now time.Time) (State, []Notice) {
	var all []Notice
	s.Connections = slices.Clone(s.Connections)
	for at := range s.Connections {
		c := &s.Connections[at]
		if c.idle.look.IsZero() {
			continue
		}
		answered := false
		for _, t := range tunnels {
			if t.Alias == c.Alias && !t.Ended {
				answered = true
				c.idle = c.idle.seen(t.Active, s.idleAfter)
			}
		}
		if now.Before(c.idle.look) {
			continue
		}
		if !answered {
			c.idle.look = now.Add(askAgain)
			continue
		}
		c.idle.look = now.Add(s.idleAfter)
		if c.idle.told.Equal(c.idle.active) {
			continue
		}
		c.idle.told = c.idle.active
		title := s.title(c.Space)
		all = append(all, Notice{
			About: "idle " + c.Alias, Title: title + " is idle",
			Body: fmt.Sprintf("Connected for %s; nobody has worked there from this computer for %s. A space costs money while it runs.",
				hours(now.Sub(c.Since)), hours(now.Sub(c.idle.active))),
			For: time.Minute,
			Offers: []Item{
				{Label: "Stop the space", Action: Action{Stop, c.Alias}},
				{Label: "Disconnect", Action: Action{Disconnect, c.Alias}},
			},
		})
	}
	return s, all
}

// hours is a time as a person says it: 50 min, 3 h, 2 days.
func hours(d time.Duration) string {
	switch {
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
