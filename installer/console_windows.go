package installer

import (
	"os"
	"path/filepath"
	"strings"
)

// The two builds of the program: of the console, and of the subsystem that has
// none.
const (
	consoleName   = Name + ".exe"
	noConsoleName = Name + "w.exe"
)

func withoutConsole(program string) string { return beside(program, consoleName, noConsoleName) }

func withConsole(program string) string { return beside(program, noConsoleName, consoleName) }

// beside returns the program of that name in the folder of program, if program
// is the one build and the other is there.
func beside(program, one, other string) string {
	if !strings.EqualFold(filepath.Base(program), one) {
		return program
	}
	path := filepath.Join(filepath.Dir(program), other)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return program
	}
	return path
}
