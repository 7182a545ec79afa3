package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// toolTimeout is for tools that read a few small files.
const toolTimeout = 20 * time.Second

// run runs one of the system's tools and returns what it prints. A tool that
// is not there is [exec.ErrNotFound].
func run(ctx context.Context, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %q", name, strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// refresh makes the cache of who can handle what. Without the tool there is
// no cache, and nothing to refresh.
func refresh(ctx context.Context, applications string) error {
	if _, err := os.Stat(applications); err != nil {
		return nil
	}
	if _, err := run(ctx, "update-desktop-database", applications); err != nil && !errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("refresh the cache of desktop entries: %w", err)
	}
	return nil
}

// verify asks the system who gets the links. xdg-open goes one way or the
// other, by desktop, so one tool that names id is enough; without any tool the
// files, by the specification, have to do. seen tells what they said.
func verify(ctx context.Context, f folders, mime, id string) (ok bool, seen string) {
	var answers []string
	asked := false
	if out, err := run(ctx, "xdg-mime", "query", "default", mime); err == nil {
		asked = true
		answers = append(answers, fmt.Sprintf("xdg-mime says %q", out))
		ok = ok || out == id
	}
	if out, err := run(ctx, "gio", "mime", mime); err == nil {
		asked = true
		first, _, _ := strings.Cut(out, "\n")
		answers = append(answers, fmt.Sprintf("gio says %q", first))
		ok = ok || strings.HasSuffix(first, ": "+id)
	}
	if !asked {
		got, _ := f.handler(mime, anybody)
		answers = append(answers, fmt.Sprintf("mimeapps.list says %q", got))
		ok = got == id
	}
	return ok, strings.Join(answers, ", ")
}
