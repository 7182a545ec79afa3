package tray

import (
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// longWait is the wait after which a person no longer looks at what they
// started.
const longWait = 10 * time.Second

// Notice is something to tell a person who does not look.
type Notice struct {
	// About is what the notice is about; a later one about the same replaces
	// it.
	About       string
	Title, Body string
	Urgent      bool
	// For is how long it is shown; 0 is until it is closed.
	For time.Duration
	// Offers are what can be done about it at once.
	Offers []Item
}

// Notices returns what is worth telling about the way from old to now, where
// both are states of this moment's tray.
func Notices(old, now State, at time.Time) []Notice {
	var all []Notice
	for _, c := range now.Connections {
		i := slices.IndexFunc(old.Connections, func(o Connection) bool { return o.Alias == c.Alias })
		if i < 0 {
			continue // it was there before we were, or somebody else asked for it
		}
		before := old.Connections[i]
		title := now.title(c.Space)
		offer := func(text string, do Do) []Item { return []Item{{Label: text, Action: Action{do, c.Alias}}} }
		switch {
		case before.Phase == c.Phase:
		case before.Phase == Connecting && c.Phase < Paused:
			// Where there are windows, one has shown the wait and its end.
			if at.Sub(begin(before)) > longWait && !now.Windows {
				all = append(all, Notice{
					About: c.Alias, Title: title + " is connected",
					Body: "ssh " + c.Alias + " works from any terminal.", For: 10 * time.Second,
					Offers: offer("Open in IDE", OpenIDE),
				})
			}
		case before.Phase == Reconnecting && c.Phase < Reconnecting:
			if at.Sub(before.Changed) > longWait {
				all = append(all, Notice{
					About: c.Alias, Title: title + " is connected again",
					Body: "The network is back; nothing was lost.", For: 10 * time.Second,
				})
			}
		case c.Phase == Lost && before.Phase != Lost:
			all = append(all, Notice{
				About: c.Alias, Title: "The connection to " + title + " is lost",
				Body: sentences(c.Failure, c.Hint), For: 30 * time.Second,
				Offers: offer("Connect again", Reconnect),
			})
		}
	}
	return append(all, keyNotices(old, now)...)
}

// begin is when the person began to wait.
func begin(c Connection) time.Time {
	if c.Since.IsZero() || !c.Asked.IsZero() && c.Asked.Before(c.Since) {
		return c.Asked
	}
	return c.Since
}

// keyNotices tells of host keys that have replaced others. It is told whoever
// looks: ssh itself says nothing about it.
func keyNotices(old, now State) []Notice {
	var all []Notice
	for alias, keys := range now.Keys {
		before := old.Keys[alias]
		if len(before) == 0 || slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(before, k) }) {
			continue
		}
		all = append(all, Notice{
			About: "key " + alias, Title: alias + " has a new host key", Urgent: true,
			Body: "ssh trusts another key for the space than before, as it does after a restart of the space. " +
				"If it was not restarted, disconnect and ask whoever runs your domain.",
			Offers: []Item{{Label: "Disconnect", Action: Action{Disconnect, alias}}},
		})
	}
	slices.SortFunc(all, func(a, b Notice) int {
		if a.About < b.About {
			return -1
		}
		return 1
	})
	return all
}

func sentences(first, second string) string {
	return strings.TrimSpace(printable.Text(first+" "+second, 500))
}
