package installer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
)

// maxFile is the most bytes of a file that we change.
const maxFile = 1 << 20

// file is a file that we change. A nil content means that there is none.
type file struct {
	path   string
	target string // with symbolic links resolved
	now    []byte
	mode   fs.FileMode
}

func openFile(path string) (*file, error) {
	f := &file{path: path, target: path, mode: 0o644}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err // a link that leads nowhere must not become a file
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: not a plain file of at most 1 MiB: %w", path, fs.ErrInvalid)
	}
	if info.Mode().Perm()&0o200 == 0 {
		return nil, fmt.Errorf("%s: read-only: %w", path, fs.ErrPermission)
	}
	data, err := os.ReadFile(target)
	if err != nil {
		return nil, err
	}
	f.target, f.now, f.mode = target, append([]byte{}, data...), info.Mode().Perm()
	return f, nil
}

// write makes the file hold data, or go where data is nil.
func (f *file) write(data []byte) error {
	if data == nil {
		if err := os.Remove(f.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.target), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(f.target, data, f.mode)
}

// record is what must be known to take everything out again.
type record struct {
	Program string   `json:"program"`
	Files   []before `json:"files"`
	// FoldersMade did not exist before; a folder stands before its parent.
	FoldersMade []string `json:"folders_made,omitempty"`
	// CacheSum is the cache that our installing made where there was none,
	// empty where there was one.
	CacheSum string `json:"cache_sum,omitempty"`
}

// before is a file before our first change.
type before struct {
	Path    string `json:"path"`
	Existed bool   `json:"existed"`
	Content []byte `json:"content,omitempty"`
	// Sum is the SHA-256 of what we left. While it holds, and Exact does, the
	// file goes back to Content.
	Sum   string `json:"sum"`
	Exact bool   `json:"exact"`
}

func (r *record) file(path string) *before {
	i := slices.IndexFunc(r.Files, func(b before) bool { return b.Path == path })
	if i < 0 {
		return nil
	}
	return &r.Files[i]
}

// note writes into the record that f is about to become data.
func (r *record) note(f *file, data []byte) {
	b := r.file(f.path)
	if b == nil {
		r.Files = append(r.Files, before{Path: f.path, Existed: f.now != nil, Content: f.now, Exact: true})
		b = &r.Files[len(r.Files)-1]
	} else if b.Sum != sum(f.now) {
		b.Exact = false
	}
	b.Sum = sum(data)
	r.noteFolders(filepath.Dir(f.target))
}

func (r *record) noteFolders(dir string) {
	var missing []string
	for {
		if _, err := os.Lstat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		if !slices.Contains(r.FoldersMade, dir) {
			missing = append(missing, dir)
		}
		dir = filepath.Dir(dir)
	}
	r.FoldersMade = append(missing, r.FoldersMade...)
}

func (s Scheme) recordPath() string { return filepath.Join(s.state, "scheme-"+s.name+".json") }

// loadRecord returns nil where nothing is remembered.
func (s Scheme) loadRecord() (*record, error) {
	data, err := os.ReadFile(s.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was installed: %w", err)
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read what was installed, %s: %w", s.recordPath(), err)
	}
	return r, nil
}

func (s Scheme) saveRecord(r *record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.state, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(s.recordPath(), append(data, '\n'), 0o600)
}

func (s Scheme) dropRecord(r *record) error {
	if err := os.Remove(s.recordPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what was installed: %w", err)
	}
	// Deepest first, so that parents are empty by their turn. What is not
	// empty holds something of somebody else's and stays.
	dirs := slices.Clone(r.FoldersMade)
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) })
	for _, dir := range dirs {
		_ = os.Remove(dir)
	}
	return nil
}

// sum of no file differs from that of an empty one.
func sum(data []byte) string {
	if data == nil {
		return ""
	}
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// changeOf describes going from old to now, or nothing where they are alike.
func changeOf(path, what string, old, now []byte) []Change {
	switch {
	case same(old, now):
		return nil
	case old == nil:
		return []Change{{Created, path, what}}
	case now == nil:
		return []Change{{Removed, path, what}}
	}
	return []Change{{Changed, path, what}}
}
