//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/spacehatch/spacehatch/app/view"
)

// kind is what a window is apart from its page. A further window is one more
// case in [kindOf], and one in [Draw].
type kind struct {
	name  string // of its size in the file
	title string
	size  fyne.Size // where none is remembered
	// panel: it stays, and is drawn on while a person is in it.
	panel bool
}

// kindOf says what kind of window shows a screen.
func kindOf(s view.Screen) kind {
	setUp := kind{name: "setup", title: "Spacehatch", size: fyne.NewSize(620, 700)}
	switch {
	case s.Diagnostics != nil:
		return kind{"diagnostics", lang.L("Spacehatch diagnostics"), fyne.NewSize(680, 620), true}
	case s.Details != nil:
		return kind{"details", lang.L("Spacehatch connection"), fyne.NewSize(620, 660), true}
	case s.Spaces != nil:
		return kind{"spaces", lang.L("Spacehatch spaces"), fyne.NewSize(780, 640), true}
	case s.Preferences != nil:
		return kind{"settings", lang.L("Spacehatch settings"), fyne.NewSize(700, 720), true}
	case s.Setup != nil:
		setUp.title = lang.L("Set up Spacehatch")
		return setUp
	case s.Connection != nil && s.Connection.Question != nil && s.Connection.Question.Setup != nil:
		return setUp
	}
	return kind{name: "connection", title: "Spacehatch", size: fyne.NewSize(600, 540)}
}

// Draw returns the page of a screen. Where it is drawn in the window of a page
// before, it takes over the widgets that a person may be in the middle of.
func Draw(s view.Screen, act Actions, before Page) Page {
	switch {
	case s.Diagnostics != nil:
		return Diagnostics(*s.Diagnostics, act, before.kept.next())
	case s.Details != nil:
		return Details(*s.Details, act, before.kept.next())
	case s.Spaces != nil:
		return Spaces(*s.Spaces, act, before.kept.next())
	case s.Preferences != nil:
		return Preferences(*s.Preferences, act, before.kept.next())
	case s.Setup != nil:
		return Setup(*s.Setup, act)
	case s.Connection != nil:
		return Connection(*s.Connection, act)
	}
	return Connection(view.Connection{}, act)
}
