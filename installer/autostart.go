package installer

import (
	"context"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Autostart is the start of the tray when the user logs in: an XDG autostart
// entry, a LaunchAgent, or a value under Windows' Run key. It is off until
// [Autostart.Enable].
type Autostart struct{ state string }

// AutostartStatus is what happens at login now.
type AutostartStatus struct {
	Enabled bool `json:"enabled"`
	// Ours: Spacehatch put it there, and [Autostart.Disable] takes it away.
	// It may be so without being enabled, where the person has switched it
	// off in the desktop's own settings.
	Ours bool `json:"ours"`
	// Place is the file or registry value that decides, existing or not.
	Place string `json:"place"`
	// Program is what is started, empty where nothing is.
	Program string `json:"program"`
	// Warning is a sentence about what may not work, or empty.
	Warning string `json:"warning,omitempty"`
}

// NewAutostart returns the start at login of the current user. State is as in
// [NewScheme].
func NewAutostart(state string) (Autostart, error) {
	if err := checkState(state); err != nil {
		return Autostart{}, err
	}
	return Autostart{state}, nil
}

// Status reads what happens at login. It changes nothing.
func (a Autostart) Status(ctx context.Context) (AutostartStatus, error) {
	if err := ctx.Err(); err != nil {
		return AutostartStatus{}, err
	}
	st, err := a.status()
	if err == nil && st.Enabled && !exists(st.Program) {
		st.Warning = "At login " + printable.Text(st.Program, 300) + " is to be started, which is not there any more."
	}
	return st, err
}

// Enable makes `program tray` start at the next login; program is an absolute
// path. Nothing is started now. It returns what it changed, nothing where it
// is so already; what the system does not take is a Problem of code [Failed].
func (a Autostart) Enable(ctx context.Context, program string) ([]Change, error) {
	return inTurn(ctx, func() ([]Change, error) { return a.enable(program) })
}

// Disable takes out what Enable put in and puts back what was there before, to
// the byte. It returns what it changed, nothing where there is nothing of ours.
func (a Autostart) Disable(ctx context.Context) ([]Change, error) {
	return inTurn(ctx, a.disable)
}

const whatAutostart = "start of the tray at login"

func noAutostart(program string, why error) error {
	return problem.New(Failed, printable.Quoted(program)+" cannot be started at login: "+why.Error()+".",
		"Install Spacehatch into a folder of its own and try again.", nil)
}
