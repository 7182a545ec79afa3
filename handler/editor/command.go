package editor

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// startGrace is how long Open watches the process it started. The command
	// of an IDE ends within it; an IDE that is started directly does not.
	startGrace = time.Second

	maxAlias  = 253  // bytes, as for a host name
	maxFolder = 4096 // bytes, PATH_MAX of the space
)

// Command returns the program and the arguments that open folder on the host
// alias. Nothing in it is secret, and users may run it by hand. The folder is
// [DefaultFolder] where it is empty. An alias that is not one of ours
// ([a-z0-9.-], at most 253 bytes) or a folder that is not an absolute POSIX
// path of at most 4096 bytes without control characters is an error.
func (i Installation) Command(alias, folder string) ([]string, error) {
	if !isAlias(alias) {
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("%s is not an alias of a space.", printable.Quoted(alias)), "`spacehatch status` shows those that are open.", nil)
	}
	if folder == "" {
		folder = DefaultFolder
	}
	if !ValidFolder(folder) {
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("The folder %s cannot be opened: it is not an absolute path on the space.", printable.Quoted(folder)),
			"Give a path such as "+DefaultFolder+".", nil)
	}
	folder = path.Clean(folder)
	host := "ssh-remote+" + alias
	// VS Code takes a remote path for a file if there is a dot in its last
	// element. As a URI it is always a folder.
	if strings.Contains(path.Base(folder), ".") {
		uri := (&url.URL{Path: folder}).EscapedPath()
		return []string{i.Path, "--folder-uri", "vscode-remote://" + host + uri}, nil
	}
	return []string{i.Path, "--remote", host, folder}, nil
}

// Open starts the IDE on folder (see [Installation.Command]) of the host
// alias. The process gets a session of its own, no standard streams of ours
// and an environment without what another IDE left there; it outlives us and
// ctx, which only guards the start. An IDE that cannot be started, or ends
// with an error within a second, is a Problem of code EditorFailed.
func (i Installation) Open(ctx context.Context, alias, folder string) error {
	args, err := i.Command(alias, folder)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return i.start(args, startGrace)
}

func (i Installation) start(args []string, grace time.Duration) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = environment(cmd.Environ())
	detach(cmd)
	failed := func(err error) error {
		return problem.New(problem.EditorFailed, i.Editor.Title+" could not be started.",
			"Run this in a terminal to see why: "+shown(args), err)
	}
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	if !endsWithin(cmd.Process, grace) {
		if err := cmd.Process.Release(); err != nil {
			return fmt.Errorf("let go of %s: %w", i.Path, err)
		}
		return nil
	}
	if err := cmd.Wait(); err != nil {
		return failed(err)
	}
	return nil
}

// environment leaves out what an IDE sets for the processes below it (a
// terminal, an extension that starts us): with it the IDE would start as a
// bare Node.js, or speak to the window it came from. Of our own variables only
// those go on that the proxy may need, should the IDE start ssh itself.
func environment(base []string) []string {
	var env []string
	for _, entry := range base {
		name, _, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		switch {
		case name == "ELECTRON_RUN_AS_NODE", name == "ELECTRON_NO_ATTACH_CONSOLE", strings.HasPrefix(name, "VSCODE_"):
		case name == "CHROME_DESKTOP", strings.HasPrefix(name, "GIO_LAUNCHED_DESKTOP_FILE"):
		case strings.HasPrefix(name, "SPACEHATCH_") && name != "SPACEHATCH_TRUSTED_HOSTS" && name != "SPACEHATCH_STUDIO_URL" && name != "SPACEHATCH_LOG":
		default:
			env = append(env, entry)
		}
	}
	return env
}

func isAlias(s string) bool {
	if s == "" || len(s) > maxAlias || s[0] == '-' || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// ValidFolder reports whether s may be the folder to open: an absolute POSIX
// path of at most 4096 bytes without control characters.
func ValidFolder(s string) bool {
	return strings.HasPrefix(s, "/") && len(s) <= maxFolder && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// shown writes a command for a person to copy.
func shown(args []string) string {
	var b strings.Builder
	for n, a := range args {
		if n > 0 {
			b.WriteByte(' ')
		}
		switch {
		case strings.ContainsAny(a, "\"$`!"): // what a shell reads in double quotes, too
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		case strings.ContainsAny(a, ` '\&;<>|*?()`):
			a = `"` + a + `"`
		}
		b.WriteString(a)
	}
	return b.String()
}
