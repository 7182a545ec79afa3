package doctor

import (
	"context"
	"runtime"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// System tells what this is: the operating system, and which Spacehatch runs
// from where.
func System(version, program string) Check {
	return Check{ID: "system", Title: "System", Look: func(context.Context) ([]Finding, error) {
		return fine("Spacehatch %s on %s (%s): %s.", version, printable.Text(systemName(), 100), runtime.GOARCH, printable.Text(program, 300)), nil
	}}
}

// Spaces looks whether the list of known spaces can be read. count returns how
// many there are.
func Spaces(count func() (int, error)) Check {
	return Check{ID: "spaces", Title: "Spaces", Look: func(context.Context) ([]Finding, error) {
		n, err := count()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return one(Info, "No space has been opened yet.", "Click Open in VS Code in Studio."), nil
		}
		return fine("%s known.", number(n, "space")), nil
	}}
}

// Settings looks whether settings.toml and the variables in its place can be
// used. exists says whether there is such a file at path.
func Settings(path string, exists bool, load func() error) Check {
	return Check{ID: "settings", Title: "Settings", Look: func(context.Context) ([]Finding, error) {
		if err := load(); err != nil {
			return nil, err
		}
		if !exists {
			return fine("The defaults hold: there is no %s.", printable.Text(path, 300)), nil
		}
		return fine("%s is in order.", printable.Text(path, 300)), nil
	}}
}
