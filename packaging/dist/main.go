// Command dist makes the files of a release, the same bytes from the same
// commit whenever and wherever it runs: the programs for every system, in
// packages and archives, with the licences of what they are made of, the list of
// it (CycloneDX), and checksums. `make dist` calls it.
//
// It must not know what the programs do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// release is what is made, and of what.
type release struct {
	out, scratch string // folders
	nfpm         string // the program that makes packages
	version      string // as git describes it
	date         time.Time
	ldflags      string
	also         []string // programs that others made, for the list of parts
	say          func(format string, values ...any)
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	var r release
	flags.StringVar(&r.out, "out", "dist", "the `FOLDER` that the files go to; what was in it stays")
	flags.StringVar(&r.scratch, "scratch", "build/dist", "a `FOLDER` to work in; what was in it goes")
	flags.StringVar(&r.nfpm, "nfpm", "build/bin/nfpm", "the `PROGRAM` that makes packages")
	flags.StringVar(&r.version, "version", "", "the version, as git describe says it")
	flags.StringVar(&r.ldflags, "ldflags", "", "the linker's `FLAGS`")
	date := flags.Int64("date", 0, "the date of everything, in seconds since 1970")
	only := flags.String("only", "", "make only these systems, such as linux/amd64,windows/amd64")
	also := flags.String("also", "", "`PROGRAMS` with commas between that others made; the list of parts names theirs too")
	sums := flags.Bool("sums", false, "only write the checksums of what is in the folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.say = func(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }
	if *sums {
		return writeSums(r.out)
	}
	if r.version == "" || *date <= 0 {
		return errors.New("-version and -date are needed")
	}
	r.date = time.Unix(*date, 0).UTC()
	if *also != "" {
		r.also = strings.Split(*also, ",")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	for _, path := range []*string{&r.out, &r.scratch, &r.nfpm} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return r.make(ctx, chosen)
}

func (r release) make(ctx context.Context, targets []target) error {
	if err := os.RemoveAll(r.scratch); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	manual := filepath.Join(r.scratch, "manual")
	if err := r.writeManual(ctx, manual); err != nil {
		return err
	}
	var all []program
	for _, t := range targets {
		made, err := r.target(ctx, t, manual)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		all = append(all, made...)
	}
	for _, path := range r.also {
		p, err := readProgram(path)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	modules, err := modulesOf(ctx, all)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, licencesFile), []byte(licenceText(modules)), 0o644); err != nil {
		return err
	}
	if err := r.writeParts(all, modules); err != nil {
		return fmt.Errorf("list the parts: %w", err)
	}
	return writeSums(r.out)
}

// target makes everything for one system and returns its programs.
func (r release) target(ctx context.Context, t target, manual string) ([]program, error) {
	commandLine, err := r.build(ctx, t, "spacehatch")
	if err != nil {
		return nil, err
	}
	programs := []program{commandLine}
	if t.windows() {
		desktop, err := r.build(ctx, t, "spacehatch-desktop")
		if err != nil {
			return nil, err
		}
		programs = append(programs, desktop)
	}
	if t.os != "linux" {
		tree, err := r.stage(ctx, t, "archive", manual, programs)
		if err != nil {
			return nil, err
		}
		return programs, r.archive(t, tree)
	}
	whole, err := r.stage(ctx, t, "archive", manual, programs)
	if err != nil {
		return nil, err
	}
	if err := r.archive(t, whole); err != nil {
		return nil, err
	}
	if t.windows() {
		if err := r.packages(ctx, t, "spacehatch", whole, programs[1]); err != nil {
			return nil, err
		}
	}
	server, err := r.stage(ctx, t, "server", manual, programs[:1])
	if err != nil {
		return nil, err
	}
	return programs, r.packages(ctx, t, "spacehatch-cli", server, commandLine)
}
