package doctor

import (
	"context"
	"fmt"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// Login is what starts when the user logs in.
type Login struct {
	Enabled bool
	Program string // what is started
	Ours    bool   // Spacehatch put it there
}

// Autostart looks whether what is to start at login is the program at this
// path. enable makes it so; it is called only where the user had switched it
// on. Not to start at login is in order.
func Autostart(program string, status func(context.Context) (Login, error), enable func(context.Context) error) Check {
	return Check{ID: "autostart", Title: "Start at login", Look: func(ctx context.Context) ([]Finding, error) {
		l, err := status(ctx)
		if err != nil {
			return nil, err
		}
		const again = "Run `spacehatch autostart enable`, or `disable`."
		switch {
		case !l.Enabled:
			return fine("The tray does not start at login."), nil
		case sameFile(l.Program, program):
			return fine("The tray starts at login."), nil
		case present(l.Program):
			return one(Info, fmt.Sprintf("At login %s is started, and not the program that runs now.", printable.Text(l.Program, 300)), again), nil
		}
		found := one(Warning, fmt.Sprintf("At login %s is to be started, which is not there any more.", printable.Text(l.Program, 300)), again)
		if l.Ours {
			found[0].Mend = func(ctx context.Context) (string, error) { return "Now this program is started there.", enable(ctx) }
		}
		return found, nil
	}}
}
