//go:build cgo || !darwin

// Package window draws the values of app/view as windows and tells what a
// person does in them. It is the only importer of the toolkit, and each page
// is a function of one value, so that every state can be drawn in a test.
//
// It must not know how a connection is made, where an answer goes or how this
// machine is changed: it decides nothing. Text that it is given may come from
// a hostile link; see [literal].
//
// The toolkit's widgets compile without cgo, for tests and checks, everywhere
// but on macOS; hence the build constraint of each file.
package window

import (
	"fyne.io/fyne/v2"

	"github.com/spacehatch/spacehatch/app/view"
)

// Actions are called when a person does something. All are called on the
// toolkit's own goroutine and must return at once.
type Actions struct {
	// Answer answers the question on the page.
	Answer func(view.Answer)
	// Retry asks for another try of what failed, SignIn for one after signing in
	// to AWS.
	Retry, SignIn func()
	// Wish asks for something in a panel.
	Wish func(view.Wish)
	// Close asks for the window to go. Whether that cancels something is seen
	// from what the window shows.
	Close func()
	// Browse opens an https address in the browser, Folder a folder of this
	// machine.
	Browse func(address string)
	Folder func(path string)
	// Copy puts a text on the clipboard.
	Copy func(text string)
}

// Page is what a window shows for a value.
type Page struct {
	Content fyne.CanvasObject
	// Focus has the keyboard first; nil where nothing can have it.
	Focus fyne.Focusable
	// Escape is what the Escape key does.
	Escape func()

	// Of a panel: what the next page takes over, and the question that it asks,
	// if any.
	kept *kept
	asks string
}
