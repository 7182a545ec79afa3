package editor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	queryTimeout   = 30 * time.Second // a cold IDE on a slow disk
	installTimeout = 5 * time.Minute  // a download of some megabytes
	maxOutput      = 1 << 20          // bytes of an answer that are kept
)

// Version asks the IDE for its version, such as "1.98.2".
func (i Installation) Version(ctx context.Context) (string, error) {
	out, err := i.ask(ctx, queryTimeout, "--version")
	if err != nil {
		return "", err
	}
	for field := range strings.FieldsSeq(out) {
		if _, ok := parseVersion(field); ok {
			return field, nil
		}
	}
	return "", i.failed("did not tell its version", errors.New("no version in its output"))
}

// Extension asks the IDE for the version of the extension it needs, and
// reports whether it is installed. One that is built in is always there; its
// version is not known and empty.
func (i Installation) Extension(ctx context.Context) (version string, installed bool, err error) {
	if i.Editor.Extension.BuiltIn {
		return "", true, nil
	}
	out, err := i.ask(ctx, queryTimeout, "--list-extensions", "--show-versions")
	if err != nil {
		return "", false, err
	}
	for field := range strings.FieldsSeq(out) {
		id, version, _ := strings.Cut(field, "@")
		if strings.EqualFold(id, i.Editor.Extension.ID) {
			return version, true, nil
		}
	}
	return "", false, nil
}

// InstallExtension lets the IDE install the extension it needs, or bring it
// up to date. It may download for minutes.
func (i Installation) InstallExtension(ctx context.Context) error {
	if i.Editor.Extension.BuiltIn {
		return nil
	}
	_, err := i.ask(ctx, installTimeout, "--install-extension", i.Editor.Extension.ID, "--force")
	return err
}

// Check reports what keeps the IDE from opening a space: its version, or an
// extension that is missing or too old (errors.Is with [ErrExtension]: then
// [Installation.InstallExtension] cures it). nil means that it is ready.
func (i Installation) Check(ctx context.Context) error {
	if least := i.Editor.MinVersion; least != "" {
		version, err := i.Version(ctx)
		if err != nil {
			return err
		}
		if older(version, least) {
			return problem.New(problem.EditorFailed,
				fmt.Sprintf("%s %s is too old to open a space: it needs version %s or later.", i.Editor.Title, quoteless(version), least),
				fmt.Sprintf("Update %s and click again.", i.Editor.Title), nil)
		}
	}
	version, installed, err := i.Extension(ctx)
	if err != nil {
		return err
	}
	need := i.Editor.Extension
	hint := fmt.Sprintf("Install it in %s, or with `%s --install-extension %s --force`.", i.Editor.Title, i.Editor.Name, need.ID)
	switch {
	case !installed:
		return problem.New(problem.EditorFailed,
			fmt.Sprintf("%s cannot open a space yet: its extension %s is not installed.", i.Editor.Title, need.ID), hint, ErrExtension)
	case need.MinVersion != "" && older(version, need.MinVersion):
		return problem.New(problem.EditorFailed,
			fmt.Sprintf("%s cannot open a space yet: its extension %s %s is too old, it needs version %s or later.",
				i.Editor.Title, need.ID, quoteless(version), need.MinVersion), hint, ErrExtension)
	}
	return nil
}

// ErrExtension says that the extension is missing or too old.
var ErrExtension = errors.New("the extension for SSH is missing or too old")

// ask runs the IDE's command line and returns what it prints.
func (i Installation) ask(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	if len(i.query) == 0 {
		return "", i.failed("has no command line that we could ask", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := append(append([]string{}, i.query...), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(environment(cmd.Environ()), i.queryEnv...)
	var out, complaint limited
	cmd.Stdout, cmd.Stderr = &out, &complaint
	// What it leaves behind may hold our pipes; that must not hold us.
	cmd.WaitDelay = 2 * time.Second
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return "", context.Canceled
	case ctx.Err() != nil:
		return "", i.failed("did not answer in "+limit.String(), ctx.Err())
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", i.failed("did not do "+shown(args), fmt.Errorf("%w: %s", err, printable.Quoted(strings.TrimSpace(complaint.String()))))
	}
	return out.String(), nil
}

func (i Installation) failed(what string, cause error) error {
	return problem.New(problem.EditorFailed, fmt.Sprintf("%s %s.", i.Editor.Title, what),
		fmt.Sprintf("Start %s once by yourself and see whether it works.", i.Editor.Title), cause)
}

// limited keeps the first maxOutput bytes written to it. The buffer is not
// embedded: its ReadFrom would take the bytes past Write.
type limited struct{ kept bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	_, _ = l.kept.Write(p[:min(len(p), maxOutput-l.kept.Len())])
	return len(p), nil
}

func (l *limited) String() string { return l.kept.String() }

// parseVersion reads the numbers at the start of a version: 1.98.0-insider is
// 1, 98, 0. It needs two of them, so that no commit passes for a version.
func parseVersion(s string) ([]int, bool) {
	s, _, _ = strings.Cut(s, "-")
	s, _, _ = strings.Cut(s, "+")
	var numbers []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, int(n))
	}
	return numbers, len(numbers) >= 2
}

// older reports whether version is known to be lower than least.
func older(version, least string) bool {
	v, ok := parseVersion(version)
	if !ok {
		return false
	}
	l, _ := parseVersion(least)
	for n := range max(len(v), len(l)) {
		a, b := 0, 0
		if n < len(v) {
			a = v[n]
		}
		if n < len(l) {
			b = l[n]
		}
		if a != b {
			return a < b
		}
	}
	return false
}

// quoteless makes a version from outside printable without quoting it.
func quoteless(s string) string {
	q := printable.Quoted(s)
	return q[1 : len(q)-1]
}
