// Package desktop starts spacehatch-desktop and speaks with it: screens go
// down, what the person does comes up. It shows the events of a connection and
// asks its questions; where no window can be opened it leaves both to others.
//
// It must not know a window toolkit, how a connection is made, or where an
// answer is kept.
package desktop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The two programs, without what a system puts behind the name.
const (
	desktopName     = "spacehatch-desktop"
	commandLineName = "spacehatch"
)

// ErrNotFound says that the other program is not on this machine.
var ErrNotFound = errors.New("program not found")

// Find returns the absolute path of spacehatch-desktop: beside the running
// program, else in a folder of PATH. Without one it is [ErrNotFound].
func Find() (string, error) { return find(desktopName) }

// FindCommandLine is [Find] for spacehatch, which spacehatch-desktop calls.
func FindCommandLine() (string, error) { return find(commandLineName) }

func find(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		beside := filepath.Join(filepath.Dir(self), name+executableSuffix)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil || !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return path, nil
}
