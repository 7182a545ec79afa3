// Command macos puts Spacehatch.app together from programs that are built for
// both kinds of Mac, and packs it. `make macos` calls it, on a Mac or elsewhere:
// it takes no tool of Apple's. What only a Mac can do, to sign and to notarise,
// is told in README.md beside this file.
//
// It must not know what the programs do.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "macos:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("macos", flag.ContinueOnError)
	built := flags.String("built", "build/macos", "the `FOLDER` with a folder of programs for each of amd64 and arm64")
	out := flags.String("out", "", "the archive to make, a `FILE` that ends in .tar.gz")
	version := flags.String("version", "", "the version, as git describe says it")
	date := flags.Int64("date", 0, "the date of everything, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || *version == "" || *date <= 0 {
		return errors.New("-out, -version and -date are needed")
	}
	files, err := bundle(*built, *version)
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return err
	}
	return pack(*out, files, time.Unix(*date, 0).UTC())
}
