//go:build !linux

package native

import "context"

// Probe returns a problem of code [NoDisplay] where no window can be opened.
// A program of a person's session always has a display here.
func Probe(context.Context, func(string) (string, bool)) error { return nil }
