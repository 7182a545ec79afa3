//go:build linux

// Package e2e drives the built programs as a user would: the real command
// line, OpenSSH, AWS's own clients, a user account with a home of its own.
//
// It must not know how the programs do their work: it sees files, processes,
// sockets, output and exit codes.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// builtIn names the folder of the built programs for a test binary that was
// started again with more rights.
const builtIn = "SPACEHATCH_E2E_BUILT"

// built is where TestMain put the programs; every user may read it.
var built string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == editorName {
		os.Exit(standInEditor(os.Args[1:]))
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if built = os.Getenv(builtIn); built == "" {
		if built, err = os.MkdirTemp("", "sh-e2e-"); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(built)) }()
		if err := build(built); err != nil {
			return 0, err
		}
	}
	if os.Getuid() != 0 && os.Getenv(builtIn) == "" && exec.Command("sudo", "-n", "true").Run() == nil {
		return again()
	}
	return m.Run(), nil
}

// build puts the programs into dir, made as a release makes them.
func build(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, editorName), data, 0o755); err != nil {
		return err
	}
	// The windows take a C compiler and a minute, so make has built them. Where
	// it has not, the tests that need them say so.
	if data, err := os.ReadFile(filepath.Join("..", "build", "spacehatch-desktop")); err == nil {
		if err := os.WriteFile(filepath.Join(dir, "spacehatch-desktop"), data, 0o755); err != nil {
			return err
		}
	}
	for _, target := range []struct{ name, in, what string }{
		{"spacehatch", "..", "./cmd/spacehatch"},
		{"session-manager-plugin", "plugin", "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main"},
	} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, target.name), target.what)
		cmd.Dir = target.in
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", target.name, err, out)
		}
	}
	return os.Chmod(dir, 0o755) // for the throw-away user
}

// again runs this test binary as root, which can make a user account.
func again() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	keep := []string{builtIn + "=" + built, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	args := append(append([]string{"-n", "env"}, keep...), self)
	cmd := exec.Command("sudo", append(args, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// spacehatch is the built program.
func spacehatch() string { return filepath.Join(built, "spacehatch") }

// tool returns the path of a program that these tests need, or ends the test
// with a sentence that says where to get it.
func tool(t *testing.T, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("This test needs %s: %s.", name, from)
	}
	return path
}

// output runs cmd and returns what it printed on standard output; a failure
// ends the test with all that was said.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\nstdout: %s\nstderr: %s", strings.Join(cmd.Args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// exitCode runs cmd and returns its exit code and all that it said.
func exitCode(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return 0, string(out)
}

// limited is the test's context, ended in good time before the test binary's
// own limit would end everything without cleaning up.
func limited(t *testing.T) context.Context {
	t.Helper()
	end, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), end.Add(-cleanUp))
	t.Cleanup(cancel)
	return ctx
}
