package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// isTerminal reports whether a person types into f.
func isTerminal(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// hasDisplay reports whether there may be a display to open a window on.
func hasDisplay(func(string) (string, bool)) bool { return true }
