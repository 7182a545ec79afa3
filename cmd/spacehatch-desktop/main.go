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

// commands are what the other modes come to: spacehatch decides and does.
var commands = map[string][]string{
	"":            {"window"},
	"spaces":      {"spaces", "--window"},
	"settings":    {"settings", "--window"},
	"diagnostics": {"doctor", "--window"},
	"setup":       {"setup", "--window"},
}

// run is one switch over the modes.
func run(args []string) int {
	switch {
	case len(args) == 1 && args[0] == "show":
		return show()
	case len(args) == 3 && args[0] == "details" && args[1] == "--":
		return callSpacehatch("status", "--window", "--", args[2])
	case len(args) == 0:
		return callSpacehatch(commands[""]...)
	case len(args) == 1 && args[0] != "" && commands[args[0]] != nil:
		return callSpacehatch(commands[args[0]]...)
	}
	fmt.Fprint(os.Stderr, "Usage: spacehatch-desktop [spaces | settings | diagnostics | setup | details -- ALIAS]\n"+
		"  spaces       list the spaces; start, stop and connect to them\n"+
		"  settings     show what can be chosen, and change it\n"+
		"  diagnostics  show what may keep a space from opening\n"+
		"  setup        show what Spacehatch changes on this machine, and change it\n"+
		"  details      show one connection\n"+
		"  show         show what comes on standard input; started by spacehatch\n"+
		"Without a word it opens the spaces, or the set-up at first.\n")
	return exitUsage
}
