//go:build linux

// Package windows drives the programs for Windows, and their installer, in wine:
// the registry, the pipes and the files are wine's, the space is the simulator's
// on this machine, and ssh is Linux's OpenSSH. docs/platforms.md says what wine
// cannot show.
//
// It must not know how the programs do their work.
package windows

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

var (
	setup       = flag.String("setup", "", "the `FILE` of the installer that `make windows` has made")
	certificate = flag.String("certificate", "", "the `FILE` of the certificate that everything is signed with")
)

// patience is a time that no healthy run comes near.
const patience = 2 * time.Minute

// pc is the one Windows of these tests. Each test leaves it as it found it.
var pc *computer

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/windows:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if *setup == "" || *certificate == "" {
		fmt.Println("e2e/windows: nothing was tried; `make test-windows` makes what is to be tried here")
		return 0, nil
	}
	// For the user of wine, who may not read the sources.
	folder, err := os.MkdirTemp("", "sh-windows-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := os.Chmod(folder, 0o755); err != nil {
		return 0, err
	}
	if err := prepare(folder); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if pc, err = newComputer(ctx, folder); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, pc.close()) }()
	return m.Run(), nil
}

// The programs that prepare puts into the folder.
const (
	commandLine = "spacehatch" // for Linux
	setupName   = "setup.exe"
	standInName = "standin.exe"
	randomName  = "bcryptprimitives.dll"
	addressName = "standin.txt" // where stand-ins find the test
)

// prepare puts everything into folder that the user of wine needs.
func prepare(folder string) error {
	in := func(name string) string { return filepath.Join(folder, name) }
	for from, to := range map[string]string{filepath.Join("..", "..", "build", commandLine): commandLine, *setup: setupName} {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(in(to), data, 0o755); err != nil {
			return err
		}
	}
	if err := call(exec.Command("x86_64-w64-mingw32-gcc", "-shared", "-Os", "-s", "-nostdlib", "-o", in(randomName),
		filepath.Join("testdata", "bcryptprimitives.c"), "-ladvapi32")); err != nil {
		return err
	}
	return call(forWindows("go", "build", "-ldflags=-s -w", "-o", in(standInName), "./standin"))
}

// forWindows is a command of the go tool for Windows.
func forWindows(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	return cmd
}

// call runs a command; its error holds all that it said.
func call(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// eventually looks until true; it gives up, saying why, after a time that no
// healthy run comes near.
func eventually(t *testing.T, true func() bool, why func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := stage.Until(ctx, func() (bool, error) { return true(), nil }); err != nil {
		t.Fatal(why())
	}
}
