package paths

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// removeAll is os.RemoveAll by os.Remove alone. The former asks for a way of
// deleting that some file systems, and wine, do not have. Links and junctions
// go and are not followed.
func removeAll(dir string) error {
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		found = append(found, path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, path := range slices.Backward(found) {
		if failed := os.Remove(path); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
