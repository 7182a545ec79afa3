package simulator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// folder is where the simulator keeps what other programs must read: its CA,
// AWS settings that say nothing, and the spaces' home folders. Only its owner
// may look inside.
type folder struct {
	path string
	made []string // newest last
}

// newFolder makes the folder at dir, or a new temporary one where dir is empty.
// A dir that is there already is used, and stays.
func newFolder(dir string) (*folder, error) {
	if dir == "" {
		temp, err := os.MkdirTemp("", "spacehatch-simulator-")
		if err != nil {
			return nil, fmt.Errorf("make the simulator's folder: %w", err)
		}
		return &folder{path: temp, made: []string{temp}}, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("make the simulator's folder: %w", err)
	}
	f := &folder{path: dir}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		f.made = append(f.made, dir)
	case !errors.Is(err, os.ErrExist):
		return nil, fmt.Errorf("make the simulator's folder: %w", err)
	}
	return f, nil
}

// write makes a new file. One that is there already is somebody else's, maybe
// another simulator's: that is an error, and it stays as it is.
func (f *folder) write(name string, data []byte) (string, error) {
	path := filepath.Join(f.path, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("write into the simulator's folder: %w", err)
	}
	f.made = append(f.made, path)
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("write into the simulator's folder: %w", err)
	}
	return path, nil
}

// mkdir makes a new folder in it.
func (f *folder) mkdir(name string) (string, error) {
	path := filepath.Join(f.path, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", fmt.Errorf("make a folder in the simulator's: %w", err)
	}
	f.made = append(f.made, path)
	return path, nil
}

// remove takes away what was made here, and nothing else.
func (f *folder) remove() error {
	var all error
	for i := len(f.made) - 1; i >= 0; i-- {
		if err := os.Remove(f.made[i]); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = errors.Join(all, fmt.Errorf("clean up after the simulator: %w", err))
		}
	}
	f.made = nil
	return all
}
