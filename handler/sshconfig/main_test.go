package sshconfig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain lets the test binary be its own peer: the spacehatch that ssh starts
// as ProxyCommand, and a process that is killed while it changes files.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "proxy" {
		if err := serveSSH(os.Args[2]); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	if dir := os.Getenv(crashVariable); dir != "" {
		if err := applyFor(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			defer os.Exit(1) //nolint:forbidigo // the main of a process of its own
		}
		return
	}
	defer os.Exit(m.Run()) //nolint:forbidigo // the main of the tests
}

// home returns an SSH folder that does not exist yet, and settings for it.
func home(t testing.TB) Settings {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Settings{
		SSHDir:        filepath.Join(dir, ".ssh"),
		Program:       "/opt/space hatch/spacehatch",
		ControlMaster: true,
		Hosts:         []Host{{Alias: "my-space.hatch"}, {Alias: "a.d-abc.hatch", ForwardAgent: true}},
		RuntimeDir:    "/run/user/1000/spacehatch",
	}
}

func (s Settings) write(t testing.TB, data string) string {
	t.Helper()
	if err := os.MkdirAll(s.SSHDir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := place(s.SSHDir).userConfig()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func plan(t testing.TB, s Settings) *Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), s)
	if err != nil {
		t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	return p
}

func apply(t testing.TB, s Settings) {
	t.Helper()
	if err := plan(t, s).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// snapshot is everything below dir: names, modes, contents.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %v", strings.TrimPrefix(path, dir), info.Mode())
		switch {
		case info.Mode().IsRegular():
			fmt.Fprintf(&out, " %q", read(t, path))
		case info.Mode().Type() == os.ModeSymlink:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			out.WriteString(" -> " + to)
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return out.String()
}

func wantProblem(t testing.TB, err error, code problem.Code, says string) {
	t.Helper()
	if !errors.Is(err, &problem.Problem{Code: code}) {
		t.Fatalf("error %v, want the problem %s", err, code)
	}
	p := problem.From(err)
	if !strings.Contains(p.Sentence, says) {
		t.Errorf("sentence %q, want %q in it", p.Sentence, says)
	}
	if !strings.HasSuffix(p.Sentence, ".") || !strings.HasSuffix(p.Hint, ".") {
		t.Errorf("no whole sentences: %q, %q", p.Sentence, p.Hint)
	}
}

// effectiveFor is what ssh itself would do, read with the given -F.
func effectiveFor(t testing.TB, config, host string) effective {
	t.Helper()
	e, err := client{program: "ssh"}.dump(context.Background(), config, host)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func needSSH(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no OpenSSH client here")
	}
}
