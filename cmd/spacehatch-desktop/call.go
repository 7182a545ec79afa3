package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spacehatch/spacehatch/app/desktop"
)

// callSpacehatch runs the command line, which does what a window only shows,
// and ends with its exit code.
func callSpacehatch(args ...string) int {
	program, err := desktop.FindCommandLine()
	if err != nil {
		fmt.Fprintln(os.Stderr, "spacehatch-desktop: the program spacehatch was found neither beside this one nor in a folder of PATH.")
		return exitFailed
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "spacehatch-desktop: %s could not be started: %v\n", program, err)
		return exitFailed
	}
	return exitOK
}
