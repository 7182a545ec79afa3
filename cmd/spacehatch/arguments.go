package main

import (
	"os"
	"strings"
	"unsafe"
)

// takeArguments returns the arguments and wipes every link out of the memory
// that the system shows to others as this process's command line: a link
// carries a token, and a browser can hand it to us in no other way.
func takeArguments() []string {
	args := make([]string, 0, len(os.Args)-1)
	for i, arg := range os.Args[1:] {
		args = append(args, strings.Clone(arg))
		if strings.Contains(arg, ":") && strings.Contains(arg, "?") {
			wipe(arg)
			os.Args[i+1] = "(link)"
		}
	}
	return args
}

// wipe overwrites a string in place. On Linux and macOS os.Args point at the
// process's own argument memory; where they do not, only our copy is wiped.
func wipe(s string) {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for i := range b {
		b[i] = 'x'
	}
}
