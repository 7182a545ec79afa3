package editor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Installation is an Editor as this machine has it.
type Installation struct {
	Editor Editor `json:"editor"`
	// Path is the program that is started: the command of the IDE, on Windows
	// the IDE itself.
	Path string `json:"path"`
	// Settings is the user's settings file of the IDE. It may not exist.
	Settings string `json:"settings"`

	// query is the command that answers questions (versions, extensions) and
	// queryEnv what its environment gets on top.
	query    []string
	queryEnv []string
}

// machine is where to look. The zero root is the real one.
type machine struct {
	root   string // stands before every system-wide path
	getenv func(string) string
}

func thisMachine() machine { return machine{getenv: os.Getenv} }

// Find returns the installation of the IDE of that name, as in
// [Editor.Name]. Where there is more than one, $PATH decides. A name that we
// do not know and an IDE that is not there are Problems of code NoEditor.
func Find(ctx context.Context, name string) (Installation, error) {
	return thisMachine().find(ctx, name)
}

// Installed returns all installed IDEs that we know, in the order of [Known].
// It looks at files only and starts nothing.
func Installed(ctx context.Context) ([]Installation, error) {
	return thisMachine().installed(ctx)
}

func (m machine) find(ctx context.Context, name string) (Installation, error) {
	e, ok := byName(name)
	if !ok {
		return Installation{}, unknown(name)
	}
	if err := ctx.Err(); err != nil {
		return Installation{}, err
	}
	found := m.candidates(e)
	if len(found) == 0 {
		return Installation{}, missing(e)
	}
	return found[0], nil
}

func (m machine) installed(ctx context.Context) ([]Installation, error) {
	var all []Installation
	for _, e := range table() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if found := m.candidates(e); len(found) > 0 {
			all = append(all, found[0])
		}
	}
	return all, nil
}

// Choose says which of the installed IDEs opens a link: the one whose scheme
// the link came with; else the one the user prefers ([Editor.Name], may be
// empty); else the first of the installed. Without any it is a Problem of
// code NoEditor, and so is a preference that we do not know. An IDE that is
// meant and not installed is passed over: a space that opens in another IDE
// is better than one that does not open.
func Choose(scheme, preferred string, installed []Installation) (Installation, error) {
	if preferred != "" {
		if _, ok := byName(preferred); !ok {
			return Installation{}, unknown(preferred)
		}
	}
	if len(installed) == 0 {
		return Installation{}, problem.New(problem.NoEditor,
			"No IDE was found that can open a space: we looked for "+titles()+".",
			"Install one of them and try again.", nil)
	}
	for _, is := range []func(Installation) bool{
		func(i Installation) bool { return scheme != "" && strings.EqualFold(i.Editor.Scheme, scheme) },
		func(i Installation) bool { return i.Editor.Name == preferred },
	} {
		if at := slices.IndexFunc(installed, is); at >= 0 {
			return installed[at], nil
		}
	}
	return installed[0], nil
}

func unknown(name string) error {
	return problem.New(problem.NoEditor, fmt.Sprintf("Spacehatch knows no IDE named %s.", printable.Quoted(name)),
		"The names are "+names()+".", nil)
}

func missing(e Editor) error {
	return problem.New(problem.NoEditor, fmt.Sprintf("%s is not installed where we look for it.", e.Title),
		fmt.Sprintf("Install it, or put its command %s into a folder of your PATH.", e.Name), nil)
}

// pathFolders are the absolute folders of $PATH. A relative one would make
// the answer depend on where we were started. In the terminal of a remote
// window the IDE puts a command of its own in front that talks to that window
// only; it is passed over.
func (m machine) pathFolders() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(m.getenv("PATH")) {
		if filepath.IsAbs(dir) && filepath.Base(dir) != "remote-cli" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (m machine) system(elements ...string) string {
	return filepath.Join(append([]string{m.root}, elements...)...)
}
