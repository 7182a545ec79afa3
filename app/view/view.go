// Package view holds what the windows show and what a person does in them, as
// plain values that travel as JSON between spacehatch and spacehatch-desktop.
//
// It must not know a window toolkit, how a connection is made, or where an
// answer goes. A value may hold text from outside as it came: who draws it
// makes it printable.
package view

// Screen is what a window is to show from now on. Exactly one field is set.
type Screen struct {
	Connection *Connection `json:"connection,omitempty"`
	Setup      *Setup      `json:"setup,omitempty"`
	// The panels: windows that stay for as long as the person wants. Each shows
	// the last value that came, and what the person does in it is a [Wish].
	Diagnostics *Diagnostics `json:"diagnostics,omitempty"`
	Details     *Details     `json:"details,omitempty"`
	Spaces      *Spaces      `json:"spaces,omitempty"`
	Preferences *Preferences `json:"preferences,omitempty"`
	// Front counts how often the window was asked for again: when it grows, the
	// window comes to the front. It is set beside one of the fields above.
	Front int `json:"front,omitempty"`
	// Close: nothing more; the window is to go.
	Close bool `json:"close,omitempty"`
}

// ActKind says what a person did.
type ActKind string

// The kinds of an Act.
const (
	// Ready: the window is there. Sent once, before any other act.
	Ready ActKind = "ready"
	// Answered: a question was answered; Answer is set.
	Answered ActKind = "answered"
	// CancelAsked: what is under way is to be given up. Closing the window says
	// the same.
	CancelAsked ActKind = "cancel"
	// RetryAsked: what failed is to be tried again.
	RetryAsked ActKind = "retry"
	// SignInAsked: the same, after the sign-in that the problem speaks of.
	SignInAsked ActKind = "sign-in"
	// Wished: something was asked for in a panel; Wish is set.
	Wished ActKind = "wish"
)

// Act is what a person did in a window.
type Act struct {
	Kind   ActKind `json:"kind"`
	Answer *Answer `json:"answer,omitempty"`
	Wish   *Wish   `json:"wish,omitempty"`
}

// Wish is what a person asks for in a panel. Who sent the value knows what it
// means, and answers it by the next value.
type Wish struct {
	// Do is one of the verbs that are declared beside the panel's value.
	Do string `json:"do"`
	// Key says of what, as the value names it; empty where there is only one.
	Key string `json:"key,omitempty"`
	// Value is what was typed or chosen.
	Value string `json:"value,omitempty"`
}

// Choice is one of the buttons under a question.
type Choice string

// The choices. The zero value is the safe one.
const (
	No       Choice = ""         // Cancel, or Not now
	Yes      Choice = "yes"      // Connect, Update, Set up
	Remember Choice = "remember" // Connect and remember
)

// Answer answers a question.
type Answer struct {
	// ID is the question's.
	ID     int    `json:"id"`
	Choice Choice `json:"choice"`
	// Keys are the items that were chosen on a set-up screen; nothing where
	// the choice is not Yes.
	Keys []string `json:"keys,omitempty"`
	// Code is what was typed on a screen that asks for an MFA code. AWS takes it
	// once, within a minute.
	Code string `json:"code,omitempty"`
	// Options are the options that were chosen, by the key of their item.
	Options map[string]string `json:"options,omitempty"`
}
