package installer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WithoutConsole returns what the system is to start for program: itself, or on
// Windows the build of it beside it that opens no console, where there is one.
// Else a black window would flash up at each link.
func WithoutConsole(program string) string { return withoutConsole(program) }

// WithConsole is the way back, for what ssh starts and what a person types.
func WithConsole(program string) string { return withConsole(program) }

// checkProgram refuses what is no program, or cannot be written down where the
// system would look for it.
func checkProgram(program string) error {
	switch {
	case !filepath.IsAbs(program):
		return errors.New("it is not an absolute path")
	case !checkText(program):
		return errors.New("its path holds characters that cannot be written down")
	}
	if err := checkWritable(program); err != nil {
		return err
	}
	if info, err := os.Stat(program); err != nil || !info.Mode().IsRegular() || !exists(program) {
		return errors.New("there is no program at that path")
	}
	return nil
}

// checkText reports whether a text can stand in a file of the system.
func checkText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == 0xfffe || r == 0xffff })
}

// exists reports whether a program, a path or a name, can be started.
func exists(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
