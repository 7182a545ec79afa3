package sshconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// maxConfig bounds what is read: no SSH config of a person is larger.
const maxConfig = 4 << 20

// A file is what stands at a path, or that nothing does.
type file struct {
	path   string // as asked for
	target string // where its bytes are: path, or the end of its chain of links
	exists bool
	data   []byte
	info   fs.FileInfo // of the target
}

func (f file) linked() bool { return f.exists && f.target != f.path }

// mode is the file's own, or what a new one gets.
func (f file) mode() fs.FileMode {
	if f.exists {
		return f.info.Mode().Perm()
	}
	return fileMode
}

// unsafe is the problem of a file that we had better not touch. The hint is a
// whole sentence; by hand, the one line we would write does as well.
func unsafe(path, what, hint string, cause error) *problem.Problem {
	if hint == "" {
		hint = `Add the line "Include ` + folderName + "/" + configName + `" at the top of the file yourself, then run the command again.`
	}
	return problem.New(problem.SSHConfigUnsafe, "The SSH config "+printable.Quoted(path)+" "+what+"; it was left as it is.", hint, cause)
}

// readUserFile reads the user's config through any links. Where it is nothing
// that can be edited as text, it gives a problem.
func readUserFile(path string) (file, error) {
	f := file{path: path, target: path}
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, unsafe(path, "cannot be looked at", "Check the permissions of the folder it is in.", err)
	}
	f.exists = true
	if f.target, err = filepath.EvalSymlinks(path); err != nil {
		return f, unsafe(path, "is a link that leads to no file", "Mend or remove the link.", err)
	}
	if f.info, err = os.Stat(f.target); err != nil {
		return f, unsafe(path, "cannot be looked at", "Check the permissions of the folder it is in.", err)
	}
	// Before it is opened: opening a pipe would wait for a writer.
	if !f.info.Mode().IsRegular() {
		return f, unsafe(path, "is not a regular file", "Put a regular file in its place.", nil)
	}
	if f.info.Size() > maxConfig {
		return f, unsafe(path, fmt.Sprintf("is larger than %d MiB", maxConfig>>20), "", nil)
	}
	if f.data, err = readBounded(f.target); err != nil {
		return f, unsafe(path, "cannot be read", "Check the permissions of the file.", err)
	}
	const asText = "Save it as plain text (UTF-8 without a byte order mark)."
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(f.data, []byte(mark)) {
			return f, unsafe(path, "starts with a byte order mark, which OpenSSH cannot read", asText, nil)
		}
	}
	if bytes.IndexByte(f.data, 0) >= 0 {
		return f, unsafe(path, "is not plain text (UTF-16, perhaps), which OpenSSH cannot read", asText, nil)
	}
	return f, nil
}

// readOwnFile reads a file in our folder, where nothing but a regular file of
// ours may stand.
func readOwnFile(path string) (file, error) {
	f := file{path: path, target: path}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	const hint = "Remove it and run the command again: Spacehatch writes it anew."
	if err != nil {
		return f, unsafe(path, "cannot be looked at", "Check the permissions of the folder it is in.", err)
	}
	f.exists, f.info = true, info
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return f, unsafe(path, "is not a file that Spacehatch wrote", hint, nil)
	}
	if f.data, err = readBounded(path); err != nil {
		return f, unsafe(path, "cannot be read", hint, err)
	}
	return f, nil
}

func readBounded(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(io.LimitReader(in, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = fmt.Errorf("%s is larger than %d bytes: %w", path, maxConfig, fs.ErrInvalid)
	}
	return data, err
}

// checkFolder says whether dir is a folder that may be written to, or missing.
// What OpenSSH reads below it must not be another user's to change.
func checkFolder(dir string, follow bool) (exists bool, err error) {
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	info, err := stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linkErr := os.Lstat(dir); linkErr == nil {
			return false, unsafe(dir, "is a link that leads to no folder", "Mend or remove the link.", err)
		}
		return false, nil
	}
	if err != nil {
		return false, unsafe(dir, "cannot be looked at", "Check the permissions of your home folder.", err)
	}
	if !info.IsDir() {
		return false, unsafe(dir, "should be a folder and is none", "Move it out of the way and run the command again.", nil)
	}
	return true, checkOwner(dir, info)
}

// checkReplaceable says whether the file can be replaced with nothing about it
// changed but its bytes.
func checkReplaceable(f file) error {
	if !f.exists {
		return nil
	}
	if f.info.Mode().Perm()&0o200 == 0 {
		return unsafe(f.path, "is read-only", "", nil)
	}
	if err := checkOwner(f.path, f.info); err != nil {
		return err
	}
	if dir := filepath.Dir(f.target); !writable(dir) {
		return unsafe(f.path, "lies in a folder, "+printable.Quoted(dir)+", that cannot be written to", "", nil)
	}
	return nil
}
