package main

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// wipeCommandLine overwrites the command line that the system keeps in our
// memory and shows to other programs of the user. os.Args are copies here.
func wipeCommandLine() {
	line := windows.RtlGetCurrentPeb().ProcessParameters.CommandLine
	text := unsafe.Slice(line.Buffer, line.Length/2)
	for i := range text {
		text[i] = 'x'
	}
}
