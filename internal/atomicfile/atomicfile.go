// Package atomicfile replaces a file in one step: whoever reads it, and
// whatever interrupts the writer, sees the old bytes or the new ones.
//
// It must not know what the bytes mean. It follows no symbolic link: resolve
// it first where the link is to survive.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file at path by data with exactly the mode perm, through
// a temporary file in the same folder that is synced and renamed. The folder
// must exist. On an error the old file is untouched and the temporary one gone.
func Write(path string, data []byte, perm fs.FileMode) (err error) {
	dir, base := filepath.Split(path)
	f, err := os.CreateTemp(filepath.Clean(dir+"."), "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	temp := f.Name()
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, removeTemp(f, temp)))
		}
	}()
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func removeTemp(f *os.File, name string) error {
	_ = f.Close() // it may be closed already
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
