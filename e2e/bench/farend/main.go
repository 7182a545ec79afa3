// Command farend is what the benchmark measures against: a simulator, and
// beside it the same network without a data channel, as a bare TCP connection
// to the space's SSH server and as a plain WebSocket relay. `farend relay` is
// that relay's client.
//
// It must not know who measures what, nor the programs that are measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "farend:", err)
		os.Exit(1) //nolint:forbidigo // the main of the far end
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "relay" {
		return relayClient(args[1], args[2], os.Stdin, os.Stdout)
	}
	flags := flag.NewFlagSet("farend serve", flag.ContinueOnError)
	rtt := flags.Duration("rtt", 0, "round-trip time to add")
	info := flags.String("info", "", "file for what the simulator does not tell, JSON")
	if len(args) == 0 || args[0] != "serve" {
		return errors.New("usage: farend serve [flags], farend relay URL FILE")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return serve(ctx, *rtt, *info)
}

// dialLimit bounds the opening of a connection.
const dialLimit = 10 * time.Second
