//go:build unix

package atomicfile

import "os"

// syncFolder makes the rename itself outlive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // a folder we may write to but not read: the rename stands
	}
	defer func() { _ = d.Close() }()
	_ = d.Sync() // some file systems cannot; the rename stands all the same
	return nil
}
