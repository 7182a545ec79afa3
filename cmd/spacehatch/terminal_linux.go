package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether a person types into f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// hasDisplay reports whether there may be a display to open a window on.
func hasDisplay(lookup func(string) (string, bool)) bool {
	for _, name := range []string{"WAYLAND_DISPLAY", "DISPLAY"} {
		if value, _ := lookup(name); value != "" {
			return true
		}
	}
	return false
}
