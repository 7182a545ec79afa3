package tray

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
)

// emulators are the terminals we know, with what each wants before a command
// and its arguments. Debian's x-terminal-emulator, and nearly all others, take
// -e as xterm does; gnome-terminal's -e takes one string, so it gets --.
var emulators = []struct {
	name   string
	before []string
}{
	{"x-terminal-emulator", []string{"-e"}},
	{"gnome-terminal", []string{"--"}},
	{"ptyxis", []string{"--"}},
	{"kgx", []string{"--"}},
	{"konsole", []string{"-e"}},
	{"xfce4-terminal", []string{"-x"}},
	{"mate-terminal", []string{"-x"}},
	{"lxterminal", []string{"-e"}},
	{"kitty", nil},
	{"foot", nil},
	{"wezterm", []string{"start", "--"}},
	{"alacritty", []string{"-e"}},
	{"xterm", []string{"-e"}},
}

// terminal opens a terminal with an ssh in it.
func (p Programs) terminal(alias string) error {
	command := []string{"ssh", alias}
	if wish, ok := p.Lookup("TERMINAL"); ok && wish != "" {
		if path, err := exec.LookPath(wish); err == nil {
			before := []string{"-e"}
			for _, e := range emulators {
				if e.name == filepath.Base(path) {
					before = e.before
				}
			}
			return p.start(exec.Command(path, slices.Concat(before, command)...))
		}
	}
	for _, e := range emulators {
		if path, err := exec.LookPath(e.name); err == nil {
			return p.start(exec.Command(path, slices.Concat(e.before, command)...))
		}
	}
	return noProgram("No terminal was found.", "Set TERMINAL to the one you use, or type `ssh "+alias+"` in it.")
}

// copy puts text on the clipboard. Each of the programs goes on by itself and
// gives the text to whoever pastes it.
func (p Programs) copy(ctx context.Context, text string) error {
	tools := [][]string{{"xclip", "-selection", "clipboard"}, {"xsel", "--clipboard", "--input"}}
	if display, ok := p.Lookup("WAYLAND_DISPLAY"); ok && display != "" {
		tools = slices.Insert(tools, 0, []string{"wl-copy"})
	}
	for _, tool := range tools {
		if path, err := exec.LookPath(tool[0]); err == nil {
			if _, err := p.run(ctx, text, path, tool[1:]...); err == nil {
				return nil
			}
		}
	}
	return noProgram("The command is: "+text, "To have it copied, install xclip or wl-clipboard.")
}
