// Command spacehatch opens SageMaker Studio spaces in the IDE on this machine:
// it receives the link, opens the tunnel, sets SSH up and hands over.
//
// This package wires the parts together and must not decide anything itself.
package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// Set by the linker. releasePage is where a newer release is looked for, see
// [releases.Watch]; a build without it looks for none.
var (
	version     = "dev"
	releasePage = ""
)

func main() {
	os.Exit(realMain(thisSystem()))
}

// thisSystem is a program in its real surroundings.
func thisSystem() *program {
	return &program{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		lookup: os.LookupEnv, openTTY: openTerminal, windows: findWindows(os.LookupEnv), browse: findBrowser(os.LookupEnv),
		sshFolder: paths.SSH, readPolicy: settings.SystemPolicy, waitForSSH: 100 * time.Second, guardEvery: time.Minute,
	}
}

func realMain(p *program) int {
	args := takeArguments()
	// A hangup is how ssh ends its ProxyCommand.
	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	defer stop()
	// The first signal asks; a second one ends whatever does not listen.
	defer context.AfterFunc(ctx, stop)()
	return p.run(ctx, args)
}
