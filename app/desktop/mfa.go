package desktop

import (
	"context"
	"errors"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// MFA asks in the window for the code that a device shows, for a profile of the
// AWS configuration. Where there can be no window the error is [ErrNoWindow]; a
// person who gives none has cancelled.
func (c *Connection) MFA(ctx context.Context, profile, device string) (code string, err error) {
	a, err := c.ask(ctx, view.Question{MFA: &view.MFA{Profile: profile, Device: device}})
	switch {
	case errors.Is(err, ErrNoWindow):
		return "", ErrNoWindow
	case err != nil:
		return "", err
	case a.Choice != view.Yes || a.Code == "":
		return "", problem.New(problem.Cancelled, "Cancelled: no MFA code was given.", "", nil)
	}
	return a.Code, nil
}
