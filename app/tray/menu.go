package tray

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
)

const (
	// MaxConnections is how many connections have an entry of their own.
	MaxConnections = 10
	// MaxRecent is how many spaces are offered that are not connected.
	MaxRecent = 5
	// maxLabel is the most characters of a line of the menu.
	maxLabel = 100
)

// Do is what a click asks for.
type Do string

// The actions. Those of a connection or a space carry its alias.
const (
	OpenIDE     Do = "ide"
	Terminal    Do = "terminal"
	CopySSH     Do = "copy"
	Reconnect   Do = "reconnect"
	Disconnect  Do = "disconnect"
	Stop        Do = "stop" // the space itself
	Details     Do = "details"
	Dismiss     Do = "dismiss"
	Connect     Do = "connect"
	Spaces      Do = "spaces"
	Studio      Do = "studio"
	Settings    Do = "settings"
	Diagnostics Do = "diagnostics"
	Release     Do = "release" // look at the newer release
	Quit        Do = "quit"
	CloseQuit   Do = "close-quit" // disconnect everything, then quit
)

// Action is a click's meaning. Without Do it has none.
type Action struct {
	Do    Do
	Alias string
}

// Item is one line of a menu.
type Item struct {
	Label  string
	Dot    Dot    // empty: none
	Action Action // none: the line only says something
	Items  []Item // a submenu
}

// Menu is the whole menu: three groups with a line between them. None is ever
// empty.
type Menu struct {
	Connections, Spaces, Program []Item
}

// Menu returns what there is to see and click. zone is where the person's
// clock is.
func (s State) Menu(now time.Time, zone *time.Location) Menu {
	var m Menu
	for i, c := range s.Connections {
		if i == MaxConnections {
			m.Connections = append(m.Connections, Item{Label: fmt.Sprintf("and %d more", len(s.Connections)-i)})
			break
		}
		m.Connections = append(m.Connections, c.item(s.title(c.Space), s.Windows, now, zone))
	}
	if len(m.Connections) == 0 {
		m.Connections = []Item{{Label: "No space is connected"}}
	}
	for i, space := range s.Recent {
		if i == 0 {
			m.Spaces = append(m.Spaces, Item{Label: "Connect to"})
		}
		if i == MaxRecent {
			break
		}
		m.Spaces = append(m.Spaces, Item{Label: s.title(space), Action: Action{Connect, space.Alias}})
	}
	if len(m.Spaces) == 0 {
		m.Spaces = []Item{{Label: "No other space is known"}}
	}
	m.Program = []Item{{Label: "Open Studio", Action: Action{Do: Studio}}}
	if s.Windows {
		m.Spaces = append(m.Spaces, Item{Label: "All spaces…", Action: Action{Do: Spaces}})
		if s.Settings {
			m.Program = append(m.Program, Item{Label: "Settings…", Action: Action{Do: Settings}})
		}
		m.Program = append(m.Program, Item{Label: "Diagnostics…", Action: Action{Do: Diagnostics}})
	}
	if s.Newer != "" {
		m.Program = append(m.Program, Item{Label: label("Spacehatch " + s.Newer + " is out…"), Action: Action{Do: Release}})
	}
	m.Program = append(m.Program, s.quitItem())
	return m
}

// quitItem asks where there is something to ask: connections go on without
// the tray.
func (s State) quitItem() Item {
	open := 0
	for _, c := range s.Connections {
		if c.Phase != Lost && !c.Since.IsZero() {
			open++
		}
	}
	if open == 0 {
		return Item{Label: "Quit", Action: Action{Do: Quit}}
	}
	stays, all := "Quit, the connection stays open", "Disconnect and quit"
	if open > 1 {
		stays, all = fmt.Sprintf("Quit, %d connections stay open", open), "Disconnect all and quit"
	}
	return Item{Label: "Quit", Items: []Item{
		{Label: stays, Action: Action{Do: Quit}},
		{Label: all, Action: Action{Do: CloseQuit}},
	}}
}

// title names a space in one printable line; by its alias where two have one
// name.
func (s State) title(space Space) string {
	others := slices.Clone(s.Recent)
	for _, c := range s.Connections {
		others = append(others, c.Space)
	}
	if slices.ContainsFunc(others, func(o Space) bool {
		return o.Alias != space.Alias && strings.EqualFold(o.Name, space.Name)
	}) {
		return label(space.Alias)
	}
	return label(space.Name)
}

func (c Connection) item(title string, windows bool, now time.Time, zone *time.Location) Item {
	words := []string{title, c.Phase.word()}
	if c.Moving && (c.InRate >= 1 || c.OutRate >= 1) {
		words = append(words, "↓ "+rate(c.InRate)+"  ↑ "+rate(c.OutRate))
	}
	if c.Fresh && c.RTT > 0 {
		words = append(words, fmt.Sprintf("%d ms", max(1, c.RTT.Round(time.Millisecond).Milliseconds())))
	}
	it := Item{Label: label(strings.Join(words, " · ")), Dot: c.Phase.dot()}
	say := func(text string) { it.Items = append(it.Items, Item{Label: label(text)}) }
	offer := func(text string, do Do) {
		it.Items = append(it.Items, Item{Label: text, Action: Action{do, c.Alias}})
	}
	if c.Phase == Lost {
		say(c.Failure)
		if c.Hint != "" {
			say(c.Hint)
		}
		say("Lost at " + clock(c.Changed, now, zone))
		offer("Connect again", Reconnect)
		if windows {
			offer("Details…", Details)
		}
		offer("Remove from this list", Dismiss)
		return it
	}
	say(c.Alias)
	if c.Domain != "" {
		where := "Domain " + c.Domain
		if c.Region != "" {
			where += ", " + c.Region
		}
		say(where)
	}
	if c.Since.IsZero() {
		say("Asked for at " + clock(c.Asked, now, zone))
		offer("Copy ssh command", CopySSH)
		return it
	}
	say("Open since " + clock(c.Since, now, zone))
	offer("Open in IDE", OpenIDE)
	offer("Open terminal", Terminal)
	offer("Copy ssh command", CopySSH)
	offer("Reconnect", Reconnect)
	offer("Disconnect", Disconnect)
	if windows {
		offer("Details…", Details)
	}
	return it
}

func (p Phase) word() string {
	return [...]string{"connecting", "ready", "connected", "paused", "reconnecting", "lost"}[p]
}

// clock is a time that stays true while the menu hangs there.
func clock(at, now time.Time, zone *time.Location) string {
	at, now = at.In(zone), now.In(zone)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("Mon 2 Jan 15:04")
}

// rate is bytes a second as a person reads it.
func rate(bytes float64) string {
	units := [...]string{"B/s", "kB/s", "MB/s", "GB/s"}
	i := 0
	for bytes >= 1000 && i < len(units)-1 {
		bytes, i = bytes/1000, i+1
	}
	if i > 0 && bytes < 10 {
		return fmt.Sprintf("%.1f %s", bytes, units[i])
	}
	return fmt.Sprintf("%.0f %s", bytes, units[i])
}

func label(text string) string { return printable.Text(text, maxLabel) }

// String writes the menu as text, for tests and logs.
func (m Menu) String() string {
	var b strings.Builder
	var write func(items []Item, indent string)
	write = func(items []Item, indent string) {
		for _, it := range items {
			line := indent + it.Label
			if it.Dot != "" {
				line = indent + "(" + string(it.Dot) + ") " + it.Label
			}
			if it.Action.Do != "" {
				line += "  [" + strings.TrimSpace(string(it.Action.Do)+" "+it.Action.Alias) + "]"
			}
			b.WriteString(line + "\n")
			write(it.Items, indent+"    ")
		}
	}
	write(m.Connections, "")
	b.WriteString("---\n")
	write(m.Spaces, "")
	b.WriteString("---\n")
	write(m.Program, "")
	return b.String()
}
