package paths

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The problems of folders.
const (
	// NotMade: a folder of ours could not be made.
	NotMade problem.Code = "folder-not-made"
	// NoHome: the environment does not say where the user's files are.
	NoHome problem.Code = "no-home"
)

// parentsName is the file in a folder of ours that names the folders above it
// that did not exist either, one a line, the deepest first.
const parentsName = ".parents"

// Make makes a folder of ours with mode 0700, and the folders above it that
// are missing, and remembers those for [Remove]. An error is a [NotMade].
func Make(dir string) error {
	note, text := Note(dir)
	err := os.MkdirAll(dir, 0o700)
	if err == nil && text != nil {
		err = os.WriteFile(note, text, 0o600)
	}
	if err != nil {
		return problem.New(NotMade, "Spacehatch could not create "+printable.Quoted(dir)+".",
			"Check that the folder above it belongs to you, and that its disk is neither full nor read-only.", err)
	}
	return nil
}

// Note returns the file by which [Remove] will know that the folders above dir
// that are missing now were made for it, for whoever makes them one by one. The
// text is nil where none is missing.
func Note(dir string) (path string, text []byte) {
	var parents []string
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		parents = append(parents, at)
	}
	path = filepath.Join(dir, parentsName)
	if len(parents) == 0 {
		return path, nil
	}
	return path, []byte(strings.Join(parents, "\n") + "\n")
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
