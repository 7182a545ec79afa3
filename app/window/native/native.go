// Package native opens the real display for the windows: the one package that
// needs cgo, kept apart so that everything else is tested without it.
//
// It must not know what a window shows.
package native

import "github.com/spacehatch/spacehatch/internal/problem"

// NoDisplay: there is no display, or no window can be opened on it.
const NoDisplay problem.Code = "no-display"

func noDisplay(sentence string, cause error) error {
	return problem.New(NoDisplay, sentence, "Run spacehatch in a terminal; it asks there.", cause)
}
