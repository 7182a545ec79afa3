// Command spacehatch-desktop shows the windows of Spacehatch. It starts when a
// window is needed and ends with it; spacehatch tells it what to show and
// hears what the person does, and it must not decide or do anything itself.
package main

import (
	"fmt"
	"os"
)

// The exit codes. Scripts rely on them, and they agree with spacehatch's.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2 // the command line is wrong
	exitNoDisplay = 5 // there is no display, or this build has no windows
)

func main() { os.Exit(run(os.Args[1:])) }

// run is one switch over the modes.
func run(args []string) int {
	switch {
	case len(args) == 1 && args[0] == "show":
		return show()
	case len(args) == 1 && args[0] == "setup", len(args) == 0:
		return callSpacehatch("setup", "--window")
	case len(args) == 1 && args[0] == "diagnostics":
		return callSpacehatch("doctor", "--window")
	case len(args) == 3 && args[0] == "details" && args[1] == "--":
		return callSpacehatch("status", "--window", "--", args[2])
	}
	fmt.Fprint(os.Stderr, "Usage: spacehatch-desktop [setup | diagnostics | details -- ALIAS]\n"+
		"  setup        show what Spacehatch changes on this machine, and change it\n"+
		"  diagnostics  show what may keep a space from opening\n"+
		"  details      show one connection\n"+
		"  show         show what comes on standard input; started by spacehatch\n")
	return exitUsage
}
