package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// fileVersion is the format of all files of the store.
	fileVersion = 1
	// maxFile bounds what is read into memory, in bytes.
	maxFile = 8 << 20

	// othersMayNotWrite and othersMayNotRead are the permission bits that a
	// file or folder of the store must not have.
	othersMayNotWrite fs.FileMode = 0o022
	othersMayNotRead  fs.FileMode = 0o077
)

// makeFolder creates the folder and those above it for the owner alone, and
// refuses one that somebody else could change.
func makeFolder(path string) error {
	if err := paths.Make(path); err != nil {
		return storeFailed("create", path, problem.From(err).Cause)
	}
	return checkFolder(path, othersMayNotWrite)
}

func checkFolder(path string, forbidden fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return storeFailed("read", path, err)
	}
	if !info.IsDir() {
		return storeFailed("read", path, fmt.Errorf("%s is not a folder: %w", path, fs.ErrInvalid))
	}
	return checkOwner(path, info, forbidden)
}

func checkOwner(path string, info fs.FileInfo, forbidden fs.FileMode) error {
	if err := ownedAlone(info, forbidden); err != nil {
		return problem.New(StoreUnsafe,
			fmt.Sprintf("%s is not used, because other people on this computer can get at it: %s.", printable.Quoted(path), err),
			"Make it yours alone with chmod and chown, or delete it, then try again.", nil)
	}
	return nil
}

// readFile returns the content of a file of the store, or nil where there is
// none.
func readFile(path string, forbidden fs.FileMode) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storeFailed("read", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, damaged(path, errors.New("it is not a plain file"))
	}
	if err := checkOwner(path, info, forbidden); err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, damaged(path, fmt.Errorf("it is larger than %d bytes", maxFile))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, storeFailed("read", path, err)
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// readDecoded returns what decode makes of a file of the store, or the zero
// value where there is none.
func readDecoded[T any](path string, decode func([]byte) (T, error)) (T, error) {
	var none T
	data, err := readFile(path, othersMayNotWrite)
	if err != nil || data == nil {
		return none, err
	}
	content, err := decode(data)
	if err != nil {
		return none, damaged(path, err)
	}
	return content, nil
}

func writeFile(path string, content any) error {
	data, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	if err := atomicfile.Write(path, append(data, '\n'), 0o600); err != nil {
		return storeFailed("write", path, err)
	}
	return nil
}

// errNewer says that a later release wrote a file.
var errNewer = errors.New("it was written by a newer Spacehatch")

// checkVersion refuses to read, and so to overwrite, what a newer program wrote.
func checkVersion(version int) error {
	switch {
	case version == fileVersion:
		return nil
	case version > fileVersion:
		return errNewer
	}
	return errors.New("it has no valid version")
}

// damaged is the problem of a file that cannot be understood. The file stays
// as it is: only the user knows whether it can be repaired. why must hold
// nothing of the file's content where that is secret.
func damaged(path string, why error) *problem.Problem {
	if errors.Is(why, errNewer) {
		return problem.New(problem.NotSupported,
			fmt.Sprintf("The file %s was written by a newer Spacehatch.", printable.Quoted(path)),
			"Install the newer Spacehatch again; the file was left as it is.", nil)
	}
	return problem.New(StoreDamaged,
		fmt.Sprintf("The file %s is damaged and was left as it is: %s.", printable.Quoted(path), printable.Text(why.Error(), 200)),
		"Repair it, or move it to another place; Spacehatch then starts a new one.", nil)
}
