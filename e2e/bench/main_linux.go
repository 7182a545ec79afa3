// Command bench measures what a user waits for and what the programs cost, with
// the built programs, OpenSSH, a simulator and a user account of its own.
// `make bench` runs it.
//
// It must not know how the programs do their work: it sees processes, files,
// output and the clock.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // the main of the benchmark
	}
}

// options are what the command line says.
type options struct {
	built string // the folder of spacehatch and session-manager-plugin
	json  bool
	count int      // samples of what takes a moment
	bulk  int      // samples of what takes seconds
	only  []string // names of parts; empty: all
	first bool     // go before all others on the machine
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.built, "built", "build", "the folder of the built programs")
	flags.BoolVar(&o.json, "json", false, "print a JSON array in place of the table")
	flags.IntVar(&o.count, "n", 15, "how often to measure what takes a moment")
	flags.IntVar(&o.bulk, "bulk", 3, "how often to measure what takes seconds")
	flags.Func("only", "measure these `parts` alone, by name, with commas between: "+strings.Join(partNames(), ", "), func(text string) (err error) {
		o.only, err = chosen(text)
		return err
	})
	flags.BoolVar(&o.first, "first", false, "go before all others on this machine, who get what is left")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.count < 1 || o.bulk < 1 {
		return errors.New("-n and -bulk are at least 1")
	}
	if os.Getuid() != 0 {
		return errors.New("this makes a user account of its own, so it needs to be root")
	}
	if o.first {
		if _, err := goFirst(nil); err != nil {
			return err
		}
	}
	r := &results{}
	before := load()
	err := measure(ctx, o, r, progress)
	if ctx.Err() != nil {
		return errors.Join(errors.New("interrupted"), err)
	}
	if err != nil {
		return err
	}
	if o.json {
		return r.writeJSON(out)
	}
	if err := r.writeTable(out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nLoad average before and after: %s, %s. A busy machine makes everything slower.\n", before, load())
	return err
}

// measure does everything; what it made is gone when it returns.
func measure(ctx context.Context, o options, r *results, progress io.Writer) (err error) {
	programs, err := newPrograms(o.built)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.remove()) }()
	for _, rtt := range []time.Duration{noNetwork, 0, 50 * time.Millisecond} {
		if err := measureAt(ctx, o, r, programs, rtt, progress); err != nil {
			return err
		}
	}
	return nil
}

// measureAt measures the chosen parts that want this round-trip time.
func measureAt(ctx context.Context, o options, r *results, programs *programs, rtt time.Duration, progress io.Writer) (err error) {
	due := o.due(rtt)
	if len(due) == 0 {
		return nil
	}
	s := &stand{programs: programs}
	if rtt != noNetwork {
		if s, err = newStand(ctx, programs, rtt); err != nil {
			return fmt.Errorf("at a round trip of %s: %w", rtt, err)
		}
		defer func() { err = errors.Join(err, s.close()) }()
	}
	for _, each := range due {
		began := time.Now()
		_, _ = fmt.Fprintf(progress, "bench: %s", each.title(rtt))
		err := each.measure(ctx, s, o, r)
		_, _ = fmt.Fprintf(progress, ": %.0f s\n", time.Since(began).Seconds())
		if err != nil {
			return fmt.Errorf("%s: %w", each.title(rtt), err)
		}
	}
	return nil
}

// load is the machine's load average over the last minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
