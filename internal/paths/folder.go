package paths

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// parentsName is the file in a folder of ours that names the folders above it
// that did not exist either, one a line, the deepest first.
const parentsName = ".parents"

// Make makes a folder of ours with mode 0700, and the folders above it that
// are missing, and remembers those for [Remove].
func Make(dir string) error {
	var parents []string
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		parents = append(parents, at)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if len(parents) == 0 {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, parentsName), []byte(strings.Join(parents, "\n")+"\n"), 0o600)
}

// Remove removes a folder of ours with all that is in it, and the folders that
// [Make] made above it, those that are empty now. That there is none is no
// error.
func Remove(dir string) error {
	note, err := os.ReadFile(filepath.Join(dir, parentsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := removeAll(dir); err != nil {
		return err
	}
	for parent := range strings.Lines(string(note)) {
		parent = strings.TrimSuffix(parent, "\n")
		// The note is a file: only what is above the folder is believed.
		if !strings.HasPrefix(dir, parent+string(filepath.Separator)) {
			break
		}
		if os.Remove(parent) != nil {
			break // somebody else uses it now
		}
	}
	return nil
}
