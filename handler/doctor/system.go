package doctor

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// Release tells of a newer release, as far as is known: this asks nobody. able
// is whether this build can know of one at all, wanted whether it is asked for,
// see is where the release is.
func Release(able, wanted bool, newer, see string) Check {
	return Check{ID: "release", Title: "Release", Look: func(context.Context) ([]Finding, error) {
		switch {
		case !able:
			return fine("This is a development build, which does not look for newer releases."), nil
		case newer != "":
			return one(Info, fmt.Sprintf("Spacehatch %s is out.", newer), "Look at "+see+" and install it over this one."), nil
		case !wanted:
			return fine("Nobody is asked for newer releases, as it is set."), nil
		}
		return fine("No newer release is known of."), nil
	}}
}

// Policy tells what an administrator has decided, in place, one decision a
// line.
func Policy(place string, decisions []string) Check {
	return Check{ID: "policy", Title: "Policy", Look: func(context.Context) ([]Finding, error) {
		if place == "" || len(decisions) == 0 {
			return fine("No administrator has decided anything for this machine."), nil
		}
		return one(Info, fmt.Sprintf("Your administrator has decided, in %s: %s.", printable.Text(place, 300), strings.Join(decisions, "; ")), ""), nil
	}}
}

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
