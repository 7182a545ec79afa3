package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether a person types into f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TIOCGETA)
	return err == nil
}

// hasDisplay reports whether there may be a display to open a window on.
func hasDisplay(func(string) (string, bool)) bool { return true }
