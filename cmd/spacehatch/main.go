// Command spacehatch opens SageMaker Studio spaces in the IDE on this machine:
// it receives the link, opens the tunnel, sets SSH up and hands over.
//
// This package wires the parts together and must not decide anything itself.
package main

import (
	"context"
	"os"
	"os/signal"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(realMain())
}

func realMain() int {
	args := takeArguments()
	// A hangup is how ssh ends its ProxyCommand.
	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	defer stop()
	p := &program{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		lookup: os.LookupEnv, openTTY: openTerminal,
	}
	return p.run(ctx, args)
}
