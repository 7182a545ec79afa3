// Package installer puts things into the operating system and takes them out
// again without a trace: the URI scheme that brings links to us, the start of
// the tray at login.
//
// It must not know what a link means, how a space is reached or how the person
// is asked. It is told which program to register and changes only what belongs
// to the current user.
package installer

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Name is the URI scheme that is ours.
const Name = "spacehatch"

// The problems of this package.
const (
	// Failed: the system did not take what we put into it.
	Failed problem.Code = "install-failed"
)

// Scheme is a URI scheme that this machine hands to a program.
type Scheme struct {
	name  string
	state string
}

// Status is who gets the links of a scheme now.
type Status struct {
	Scheme string `json:"scheme"`
	// Handler is what the system calls the one who gets the links (on Linux
	// the id of a desktop entry), empty where nobody does.
	Handler string `json:"handler"`
	// Entry is the file that describes the handler.
	Entry string `json:"entry"`
	// Program is the program that the handler starts.
	Program string `json:"program"`
	// Ours: [Scheme.Install] put it there, and [Scheme.Uninstall] takes it
	// away. A handler from a package is not ours in this sense.
	Ours bool `json:"ours"`
	// Warning is a sentence about what may not work, or empty.
	Warning string `json:"warning,omitempty"`
}

// Action is what happened, or would happen, to a file.
type Action string

// The actions.
const (
	Created Action = "created"
	Changed Action = "changed"
	Removed Action = "removed"
)

// Change is one thing that was done, or would be, for display and JSON.
type Change struct {
	Action Action `json:"action"`
	Path   string `json:"path"`
	What   string `json:"what"` // what the file is, in a few words
}

// NewScheme returns the scheme "spacehatch" of the current user. What must be
// known to take it out again is kept, owner-only, in the folder state, which
// must be an absolute path and need not exist.
func NewScheme(state string) (Scheme, error) {
	if err := checkState(state); err != nil {
		return Scheme{}, err
	}
	return Scheme{name: Name, state: state}, nil
}

// FoldersMade returns the folders that were made for what this package puts in
// and that other things still stand in, the deepest first. State is as in
// [NewScheme].
func FoldersMade(state string) ([]string, error) { return foldersMade(state) }

func checkState(state string) error {
	if !filepath.IsAbs(state) {
		return fmt.Errorf("the state folder %q is not an absolute path", state)
	}
	return nil
}

// Status reads who gets the links. It changes nothing.
func (s Scheme) Status(ctx context.Context) (Status, error) { return s.status(ctx) }

// Plan returns what [Scheme.Install] would change for program, without doing
// it; nothing where the links reach program already.
func (s Scheme) Plan(ctx context.Context, program string) ([]Change, error) {
	return s.plan(ctx, program)
}

// Install makes program, an absolute path, get the links: it is started as
// `program open URL`. The outcome is checked with the system's own tools; if
// they do not agree, everything is put back and the error is a Problem of code
// [Failed]. It returns what it changed, nothing where the links reach program
// already.
func (s Scheme) Install(ctx context.Context, program string) ([]Change, error) {
	return inTurn(ctx, func() ([]Change, error) { return s.install(ctx, program) })
}

// Uninstall takes out what Install put in and puts back what was there before:
// files that nobody else changed since become byte for byte what they were,
// files and folders that were made for it go. It returns what it changed,
// nothing where nothing is installed.
func (s Scheme) Uninstall(ctx context.Context) ([]Change, error) {
	return inTurn(ctx, func() ([]Change, error) { return s.uninstall(ctx) })
}
