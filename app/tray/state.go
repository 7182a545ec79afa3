// Package tray is the icon in the panel and its menu: what is connected, and
// the commands that change it.
//
// It draws state values, and what is clicked becomes a command of spacehatch
// or spacehatch-desktop. It must not know how a tunnel works, how a connection
// is made or where sessions come from, and it links no window toolkit.
package tray

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Tunnel is one tunnel process, as the registry tells of it.
type Tunnel struct {
	Alias   string
	Phase   Phase
	Since   time.Time     // start of the process
	In, Out int64         // bytes from and to the space
	RTT     time.Duration // 0 where nothing was measured
	Active  time.Time     // when somebody was last seen to work; zero before
	// Ended: this is the last word about the tunnel. Failure and Hint say for
	// a person why; empty after a normal end, or one that a person wanted.
	Ended         bool
	Failure, Hint string
}

// Phase is how a connection is. A later one matters more to a person.
type Phase int

// The phases.
const (
	Connecting   Phase = iota // dialling, or in the handshake
	Ready                     // open, without an ssh
	Connected                 // open, with an ssh in it
	Paused                    // the gateway asked for a pause
	Reconnecting              // the network is gone, the session is being kept
	Lost                      // ended with a problem; nothing is left
)

// Space is a space that was opened before.
type Space struct {
	Alias  string
	Name   string // as AWS writes it
	Domain string // empty where there is none
	Region string
}

// Snapshot is everything the tray is told at once.
type Snapshot struct {
	Tunnels []Tunnel
	// Spaces are all known spaces, the last used first.
	Spaces []Space
	// Keys are the fingerprints of the host keys that are pinned, by alias.
	Keys map[string][]string
	// Windows: spacehatch-desktop is there; Settings: it has a window for the
	// settings.
	Windows, Settings bool
	// Newer is the version of a newer release, or empty.
	Newer string
	// IdleAfter is how long nobody may work through a connection before the
	// person is told; zero is never.
	IdleAfter time.Duration
}

// Connection is one space with at least one tunnel, or one that was lost.
type Connection struct {
	Space
	Phase   Phase
	Since   time.Time // start of the oldest tunnel; zero where none is known yet
	Changed time.Time // when the phase began, as far as was seen
	// Asked is when the person asked for it in the tray; zero otherwise.
	Asked         time.Time
	In, Out       int64
	RTT           time.Duration
	Failure, Hint string // of a lost one

	// Fresh: the figures are of now. Moving: so are the rates, in bytes a
	// second.
	Fresh, Moving   bool
	InRate, OutRate float64

	idle idleness
}

// State is what the menu and the icon show. Treat it as a value: every method
// returns a new one.
type State struct {
	Connections       []Connection // by alias
	Recent            []Space      // known and not connected, the last used first
	Keys              map[string][]string
	Windows, Settings bool
	Newer             string

	asked     map[string]time.Time
	sampled   time.Time // when the figures are from
	idleAfter time.Duration
}

// Asked returns the state after the person asked for a connection to alias:
// until there is a tunnel, or the wish is answered, it is connecting.
func (s State) Asked(alias string, now time.Time) State {
	s = s.Dismiss(alias)
	s.asked = maps.Clone(s.asked)
	if s.asked == nil {
		s.asked = map[string]time.Time{}
	}
	s.asked[alias] = now
	i := slices.IndexFunc(s.Recent, func(space Space) bool { return space.Alias == alias })
	if i >= 0 {
		s.Connections = append(slices.Clone(s.Connections), pending(s.Recent[i], now))
		slices.SortFunc(s.Connections, byAlias)
		s.Recent = slices.Delete(slices.Clone(s.Recent), i, i+1)
	}
	return s
}

// pending is a connection that was asked for and has no tunnel yet.
func pending(space Space, asked time.Time) Connection {
	return Connection{Space: space, Phase: Connecting, Changed: asked, Asked: asked}
}

// Answered returns the state when the command that the person's wish became
// has ended.
func (s State) Answered(alias string) State {
	s.asked = maps.Clone(s.asked)
	delete(s.asked, alias)
	return s.drop(func(c Connection) bool { return c.Alias == alias && c.Since.IsZero() })
}

// Dismiss returns the state without the lost connection to alias.
func (s State) Dismiss(alias string) State {
	return s.drop(func(c Connection) bool { return c.Alias == alias && c.Phase == Lost })
}

// drop returns the state without a connection that is none; its space can be
// connected to like any other.
func (s State) drop(which func(Connection) bool) State {
	if i := slices.IndexFunc(s.Connections, which); i >= 0 {
		s.Recent = slices.Insert(slices.Clone(s.Recent), 0, s.Connections[i].Space)
		s.Connections = slices.Delete(slices.Clone(s.Connections), i, i+1)
	}
	return s
}

func byAlias(a, b Connection) int { return cmp.Compare(a.Alias, b.Alias) }

// Next returns the state after a snapshot.
func (s State) Next(shot Snapshot, now time.Time) State {
	next := State{
		Windows: shot.Windows, Settings: shot.Settings, Newer: shot.Newer, Keys: nextKeys(s.Keys, shot.Keys), asked: maps.Clone(s.asked),
		idleAfter: shot.IdleAfter,
	}
	spaces := map[string]Space{}
	for _, space := range shot.Spaces {
		spaces[space.Alias] = space
	}
	named := func(alias string) Space {
		if space, ok := spaces[alias]; ok {
			return space
		}
		return Space{Alias: alias, Name: alias}
	}
	old := map[string]Connection{}
	for _, c := range s.Connections {
		old[c.Alias] = c
	}
	live, ended := map[string]Connection{}, map[string]Tunnel{}
	for _, t := range shot.Tunnels {
		if t.Ended {
			ended[t.Alias] = t
			continue
		}
		c, more := live[t.Alias]
		if !more {
			c = Connection{Space: named(t.Alias), Phase: t.Phase, Since: t.Since}
		}
		c = c.with(t)
		if shot.IdleAfter > 0 {
			before := old[t.Alias].idle
			if shot.IdleAfter != s.idleAfter { // another measure: look anew
				before = idleness{told: before.told}
			}
			c.idle = before.seen(latest(c.idle.active, t.Since, t.Active), shot.IdleAfter)
		}
		live[t.Alias] = c
	}
	for alias, c := range live {
		before, was := old[alias]
		c.Changed = now
		if was && before.Phase == c.Phase {
			c.Changed = before.Changed
		}
		c.Asked = next.asked[alias]
		if c.Phase != Connecting {
			delete(next.asked, alias)
		}
		next.Connections = append(next.Connections, c)
	}
	for alias, asked := range next.asked {
		if _, open := live[alias]; !open {
			next.Connections = append(next.Connections, pending(named(alias), asked))
		}
	}
	for alias, before := range old {
		_, asked := next.asked[alias]
		if _, still := live[alias]; still || asked {
			continue
		}
		end, told := ended[alias]
		switch {
		case before.Phase == Lost:
			next.Connections = append(next.Connections, before)
		case told && end.Failure != "" && before.Phase != Connecting:
			before.Phase, before.Changed = Lost, now
			before.Failure, before.Hint = end.Failure, end.Hint
			before.Fresh, before.Moving, before.idle = false, false, idleness{}
			next.Connections = append(next.Connections, before)
		}
	}
	slices.SortFunc(next.Connections, byAlias)
	for _, space := range shot.Spaces {
		if !slices.ContainsFunc(next.Connections, func(c Connection) bool { return c.Alias == space.Alias }) {
			next.Recent = append(next.Recent, space)
		}
	}
	return next
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

// with adds one more tunnel to a connection.
func (c Connection) with(t Tunnel) Connection {
	// A second tunnel that is still dialling does not make the first one less
	// connected; one that lost its network does.
	c.Phase = max(c.Phase, t.Phase)
	if t.Since.Before(c.Since) {
		c.Since = t.Since
	}
	c.In += t.In
	c.Out += t.Out
	if c.RTT == 0 || t.RTT > 0 && t.RTT < c.RTT {
		c.RTT = t.RTT
	}
	return c
}

// nextKeys remembers the pins of a space while there are none: between a
// replaced pin and the new one the file holds neither.
func nextKeys(old, now map[string][]string) map[string][]string {
	next := maps.Clone(now)
	if next == nil {
		next = map[string][]string{}
	}
	for alias, keys := range old {
		if len(next[alias]) == 0 {
			next[alias] = keys
		}
	}
	return next
}

// Figures returns the state with the figures of the moment: totals, round-trip
// times, and rates since the sample before. Tunnels that it does not know are
// left for the next snapshot.
func (s State) Figures(tunnels []Tunnel, now time.Time) State {
	s.Connections = slices.Clone(s.Connections)
	elapsed := now.Sub(s.sampled).Seconds()
	for i := range s.Connections {
		c := &s.Connections[i]
		sum := Connection{Since: c.Since}
		for _, t := range tunnels {
			if t.Alias == c.Alias && !t.Ended {
				sum = sum.with(t)
			}
		}
		c.Fresh = c.Phase != Lost
		c.Moving = c.Fresh && !s.sampled.IsZero() && elapsed > 0 && sum.In >= c.In && sum.Out >= c.Out
		if c.Moving {
			c.InRate, c.OutRate = float64(sum.In-c.In)/elapsed, float64(sum.Out-c.Out)/elapsed
		}
		c.In, c.Out, c.RTT = sum.In, sum.Out, sum.RTT
	}
	s.sampled = now
	return s
}

// Still returns the state without figures: nobody looks, so nobody measures,
// and an old rate is a wrong one.
func (s State) Still() State {
	s.Connections = slices.Clone(s.Connections)
	for i := range s.Connections {
		s.Connections[i].Fresh, s.Connections[i].Moving = false, false
	}
	s.sampled = time.Time{}
	return s
}
