package main

import (
	"os"
	"strings"
	"unsafe"
)

// takeArguments returns the arguments and wipes every link, and every session
// that a caller of the plugin hands over, out of the memory that the system
// shows to others as this process's command line: they carry a token, and a
// browser can hand a link to us in no other way. A program that is started as
// AWS's plugin gets that command's name in front.
func takeArguments() []string {
	args := make([]string, 0, len(os.Args))
	if isPlugin(os.Args[0]) {
		args = append(args, pluginName)
	}
	for i, arg := range os.Args[1:] {
		args = append(args, strings.Clone(arg))
		if holdsSecret(arg) {
			wipe(arg)
			wipeCommandLine()
			os.Args[i+1] = "(secret)"
		}
	}
	return args
}

// holdsSecret reports whether an argument may be a link or a session.
func holdsSecret(arg string) bool {
	return strings.Contains(arg, ":") && (strings.Contains(arg, "?") || strings.Contains(arg, "TokenValue"))
}

// wipe overwrites a string in place. On Linux and macOS os.Args point at the
// process's own argument memory; for Windows there is wipeCommandLine.
func wipe(s string) {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for i := range b {
		b[i] = 'x'
	}
}
