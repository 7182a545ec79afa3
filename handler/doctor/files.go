package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// Folder is one of ours, or one that we keep a file in.
type Folder struct {
	Path string
	// Folders and Files are the permission bits that the folder itself and
	// those below, and the files in them, must not have.
	Folders, Files fs.FileMode
	// Caches is the name of a folder in it whose files other programs write, as
	// they like: nobody comes to them but through this folder. It is not looked
	// into; empty where there is none.
	Caches string
}

// The bits that others must not have.
const (
	Private  fs.FileMode = 0o077 // neither read nor written by others
	ReadOnly fs.FileMode = 0o022 // not written by others
)

// maxEntries bounds how many files of ours are looked at.
const maxEntries = 10000

// Permissions looks whether our folders, and what is in them, are the user's
// alone. One that does not exist is in order. It mends modes, not owners.
func Permissions(folders []Folder) Check {
	return Check{ID: "permissions", Title: "Permissions", Look: func(ctx context.Context) ([]Finding, error) {
		var open, foreign []string
		for _, folder := range folders {
			o, f, err := folder.look(ctx)
			if err != nil {
				return nil, err
			}
			open, foreign = append(open, o...), append(foreign, f...)
		}
		var found []Finding
		if len(foreign) > 0 {
			found = append(found, Finding{
				ID: "permissions.owner", Severity: Error,
				Sentence: some(foreign) + " in Spacehatch's folders, but not yours.",
				Hint:     "Remove what somebody else put there, or take it over with chown.",
			})
		}
		if len(open) > 0 {
			found = append(found, Finding{
				ID: "permissions.mode", Severity: Warning,
				Sentence: some(open) + " open to other people on this computer.",
				Hint:     "Close it to others with chmod.",
				Mend: func(ctx context.Context) (string, error) {
					for _, folder := range folders {
						if err := folder.close(ctx); err != nil {
							return "", err
						}
					}
					return "Others have no access any more.", nil
				},
			})
		}
		if found == nil {
			return fine("Spacehatch's files are yours alone."), nil
		}
		return found, nil
	}}
}

// some names the first of the paths: "a, b and 3 more are".
func some(paths []string) string {
	const most = 3
	shown := make([]string, 0, most)
	for _, path := range paths[:min(most, len(paths))] {
		shown = append(shown, printable.Text(path, 200))
	}
	text := strings.Join(shown, ", ")
	if more := len(paths) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(paths) == 1 {
		return text + " is"
	}
	return text + " are"
}

// look returns what is open to others and what belongs to somebody else.
func (f Folder) look(ctx context.Context) (open, foreign []string, err error) {
	err = f.walk(ctx, func(_ *os.Root, name string, info fs.FileInfo) error {
		path := filepath.Join(f.Path, name)
		if !owned(info) {
			foreign = append(foreign, path)
		} else if f.tooOpen(info) != 0 {
			open = append(open, path)
		}
		return nil
	})
	return open, foreign, err
}

// close takes others' access away. Root keeps a link that appears meanwhile
// from leading elsewhere.
func (f Folder) close(ctx context.Context) error {
	return f.walk(ctx, func(root *os.Root, name string, info fs.FileInfo) error {
		if bits := f.tooOpen(info); bits != 0 && owned(info) {
			return root.Chmod(name, info.Mode().Perm()&^bits)
		}
		return nil
	})
}

func (f Folder) tooOpen(info fs.FileInfo) fs.FileMode {
	if info.IsDir() {
		return info.Mode().Perm() & f.Folders & permissionBits
	}
	return info.Mode().Perm() & f.Files & permissionBits
}

// walk calls visit for the folder (".") and everything below but symbolic
// links.
func (f Folder) walk(ctx context.Context, visit func(root *os.Root, name string, info fs.FileInfo) error) error {
	root, err := os.OpenRoot(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	entries := 0
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		if e.IsDir() && name == f.Caches {
			return fs.SkipDir
		}
		if entries++; entries > maxEntries || ctx.Err() != nil {
			return fs.SkipAll
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(root, name, info)
	})
}

// leastSpace is the free space in bytes below which writing may soon fail.
const leastSpace = 100 << 20

// Disk looks whether the user may write where we do, and whether there is room.
// A folder that does not exist
// counts as the one above it.
func Disk(folders []string) Check { return diskBy(folders, freeSpace, mayWrite) }

func diskBy(folders []string, free func(path string) (uint64, error), write func(path string) error) Check {
	return Check{ID: "disk", Title: "Disk", Look: func(context.Context) ([]Finding, error) {
		var short, closed []string
		for _, folder := range folders {
			at := folder
			for !present(at) && filepath.Dir(at) != at {
				at = filepath.Dir(at)
			}
			if err := write(at); err != nil {
				if said := fmt.Sprintf("%s (%v)", printable.Text(at, 200), err); !slices.Contains(closed, said) {
					closed = append(closed, said)
				}
				continue
			}
			bytes, err := free(at)
			if err != nil {
				return nil, fmt.Errorf("free space of %s: %w", at, err)
			}
			left := fmt.Sprintf("%s has %d MB left", printable.Text(at, 200), bytes>>20)
			if bytes < leastSpace && !slices.Contains(short, left) {
				short = append(short, left)
			}
		}
		if closed != nil {
			return one(Error, "You may not write to "+strings.Join(closed, ", ")+".",
				"Make it yours, or its disk one that can be written to: without it no space can be opened."), nil
		}
		if short != nil {
			return one(Warning, strings.Join(short, ", ")+".", "Make room: without it neither settings nor sessions can be kept."), nil
		}
		return fine("There is room for what Spacehatch writes."), nil
	}}
}

// largeLog is the size in bytes from which the log is worth a word.
const largeLog = 20 << 20

// Log looks at the size of the log and of the old one beside it.
func Log(path string) Check {
	return Check{ID: "log", Title: "Log", Look: func(context.Context) ([]Finding, error) {
		var size int64
		for _, each := range []string{path, path + ".old"} {
			info, err := os.Stat(each)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			size += info.Size()
		}
		switch {
		case size == 0:
			return fine("Nothing was logged."), nil
		case size > largeLog:
			return one(Warning, fmt.Sprintf("%s has grown to %d MB.", printable.Text(path, 300), size>>20), "Delete it, and unset SPACEHATCH_LOG where it is debug."), nil
		}
		return fine("%s: %d kB.", printable.Text(path, 300), (size+1023)>>10), nil
	}}
}
