//go:build !cgo

package main

import (
	"fmt"
	"os"
)

// show says that there are no windows: they need a compiler for C.
func show() int {
	fmt.Fprintln(os.Stderr, "spacehatch-desktop: this build has no windows; it was made without cgo.")
	return exitNoDisplay
}
