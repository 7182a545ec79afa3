//go:build windows || darwin

package notify

import "context"

// Sender shows nothing here. Windows shows notifications of programs that the
// installer has given an AppUserModelID, macOS those of signed applications
// that asked for leave (UNUserNotificationCenter): an unpackaged program has
// neither. The tray's icon and menu say the same.
type Sender struct{}

// New returns a sender.
func New(string) *Sender { return &Sender{} }

// Send returns [ErrUnsupported].
func (*Sender) Send(context.Context, Message) error { return ErrUnsupported }

// Close does nothing.
func (*Sender) Close() {}
