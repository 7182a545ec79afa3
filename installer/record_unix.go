//go:build unix

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
	"github.com/spacehatch/spacehatch/internal/problem"
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

// record is what must be known to take everything out again. There is one for
// all that this package puts in, since parts share files and folders.
type record struct {
	path  string   // of the record itself
	Files []before `json:"files"`
	// FoldersMade did not exist before.
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
	// Defaults are what we put into it, in this order, where it is a list of
	// defaults: more than one part may stand in it.
	Defaults []preference `json:"defaults,omitempty"`
}

// preference: the desktop entries IDs, the first of them ours, shall be asked
// first to open MIME.
type preference struct {
	MIME string   `json:"mime"`
	IDs  []string `json:"ids"`
}

// about reports whether two preferences are of the same part.
func (p preference) about(o preference) bool { return p.MIME == o.MIME && p.IDs[0] == o.IDs[0] }

// has: a nil before has none.
func (b *before) has(p preference) bool { return b != nil && slices.ContainsFunc(b.Defaults, p.about) }

func (b *before) put(p preference) { b.Defaults = append(b.drop(p), p) }

// drop returns the other preferences.
func (b *before) drop(p preference) []preference {
	return slices.DeleteFunc(slices.Clone(b.Defaults), p.about)
}

// content returns what was there before, nil where nothing was.
func (b *before) content() []byte {
	if !b.Existed {
		return nil
	}
	return append([]byte{}, b.Content...)
}

// restore returns what a file becomes when we leave it: what was there before,
// as long as nobody else changed it since, or it is ours whatever was changed.
// A nil before knows nothing.
func (b *before) restore(now []byte, ours bool) []byte {
	switch {
	case b != nil && (ours || b.Exact && b.Sum == sum(now)):
		return b.content()
	case ours:
		return nil
	}
	return now
}

// remove takes a file of ours away, or puts back what was there before it.
func remove(r *record, path, what string, ours func([]byte) bool) ([]Change, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, cannotChange(path, err)
	}
	after := r.take(path).restore(file.now, ours(file.now))
	if same(file.now, after) {
		return nil, nil
	}
	if err := file.write(after); err != nil {
		return nil, cannotChange(path, err)
	}
	return changeOf(path, what, file.now, after), nil
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

// take removes what is known of a file from the record and returns it, nil
// where nothing is known.
func (r *record) take(path string) *before {
	b := r.file(path)
	if b == nil {
		return nil
	}
	known := *b
	r.Files = slices.DeleteFunc(r.Files, func(b before) bool { return b.Path == path })
	return &known
}

func (r *record) noteFolders(dir string) {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); err == nil || filepath.Dir(dir) == dir {
			return
		}
		if !slices.Contains(r.FoldersMade, dir) {
			r.FoldersMade = append(r.FoldersMade, dir)
		}
	}
}

func recordPath(state string) string { return filepath.Join(state, "installed.json") }

// loadRecord returns an empty record where nothing is remembered.
func loadRecord(state string) (*record, error) {
	r := &record{path: recordPath(state)}
	data, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was installed: %w", err)
	}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read what was installed, %s: %w", r.path, err)
	}
	return r, nil
}

// save writes the record, before anything in it is done: what an interrupted
// installation did can be taken out.
func (r *record) save() error {
	state := filepath.Dir(r.path)
	r.noteFolders(state)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(r.path, append(data, '\n'), 0o600)
}

// settle ends a taking out: folders that were made and are empty go, and the
// record goes with the last thing in it.
func (r *record) settle() error {
	state := filepath.Dir(r.path)
	if len(r.Files) == 0 {
		if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget what was installed: %w", err)
		}
	}
	r.FoldersMade = removeEmpty(r.FoldersMade)
	if _, err := os.Lstat(state); err != nil || len(r.Files) == 0 && len(r.FoldersMade) == 0 {
		return nil
	}
	return r.save()
}

func foldersMade(state string) ([]string, error) {
	r, err := loadRecord(state)
	if err != nil {
		return nil, err
	}
	return deepestFirst(r.FoldersMade), nil
}

// removeEmpty removes those of the folders that are empty and returns the
// others that are there.
func removeEmpty(dirs []string) []string {
	// What is not empty holds something of somebody else's and stays.
	return slices.DeleteFunc(deepestFirst(dirs), func(dir string) bool {
		err := os.Remove(dir)
		return err == nil || errors.Is(err, fs.ErrNotExist)
	})
}

func readIfThere(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// deepestFirst orders folders so that parents are empty by their turn.
func deepestFirst(dirs []string) []string {
	return slices.SortedFunc(slices.Values(dirs), func(a, b string) int { return len(b) - len(a) })
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

func cannotChange(path string, err error) error {
	return problem.New(Failed, fmt.Sprintf("%s cannot be changed.", path),
		"Check that the file and its folder belong to you, that it is not read-only and that the disk is not full.", err)
}
