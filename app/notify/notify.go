// Package notify shows notifications of the desktop, with a time after which
// they go and with what can be done about them.
//
// It must not know what it tells, when something is worth telling, or what an
// answer leads to.
package notify

import (
	"errors"
	"time"
)

// Message is one notification.
type Message struct {
	// Tag: a message replaces the one before with the same tag, where that is
	// still shown. Empty: it replaces none.
	Tag string
	// Title is one line, Body a few sentences; both are plain text.
	Title, Body string
	// Urgent messages stay and break through a mode without disturbance, as
	// far as the system allows.
	Urgent bool
	// For is how long the message is shown. 0 is until it is closed.
	For time.Duration
	// Actions are buttons; systems without buttons show none.
	Actions []Action
}

// Action is a button of a message.
type Action struct {
	Label string
	// Chosen is called, once and from a goroutine of the [Sender], when the
	// button is pressed.
	Chosen func()
}

// ErrUnsupported says that nobody shows notifications here.
var ErrUnsupported = errors.New("nobody shows notifications here")
