package sshconfig

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // OpenSSH's hashed host names are HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
)

const (
	lockName  = "lock"
	lockRetry = 10 * time.Millisecond
)

// Pin is a host key that ssh accepted for a space.
type Pin struct {
	Type        string // ssh-ed25519, …
	Fingerprint string // SHA256:…, as ssh prints it
}

// Pins returns the host keys pinned for alias.
func Pins(sshDir, alias string) ([]Pin, error) {
	data, err := readPins(place(sshDir))
	if err != nil {
		return nil, err
	}
	pins, _ := split(data, alias)
	return pins, nil
}

// ForgetPin removes the host keys pinned for alias and returns them; ssh pins
// the key that it meets next. Call it only when AWS itself has just given a
// session for that very space: spaces change their keys when they restart, and
// nothing else is a reason. What else is pinned is untouched.
func ForgetPin(ctx context.Context, sshDir, alias string) ([]Pin, error) {
	at := place(sshDir)
	if !ValidAlias(alias) {
		return nil, fmt.Errorf("forget pin: %q is not an alias", alias)
	}
	if _, err := os.Stat(at.folder()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	// Two connections to two spaces may each forget a pin at the same time.
	lock := flock.New(filepath.Join(at.folder(), lockName), flock.SetPermissions(fileMode))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return nil, fmt.Errorf("forget pin: %w", err)
	}
	defer func() { _ = lock.Close() }()
	data, err := readPins(at)
	if err != nil {
		return nil, err
	}
	pins, rest := split(data, alias)
	if len(rest) == len(data) {
		return nil, nil
	}
	if err := atomicfile.Write(at.knownHosts(), rest, fileMode); err != nil {
		return nil, fmt.Errorf("forget pin: %w", err)
	}
	return pins, nil
}

func readPins(at place) ([]byte, error) {
	f, err := readOwnFile(at.knownHosts())
	return f.data, err
}

// split parts known_hosts into the pins of alias and the bytes without them.
func split(data []byte, alias string) (pins []Pin, rest []byte) {
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		if len(fields) > 0 && strings.HasPrefix(fields[0], "@") {
			fields = fields[1:] // @cert-authority, @revoked
		}
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || !forHost(fields[0], alias) {
			rest = append(rest, line...)
			continue
		}
		blob, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil {
			blob = []byte(fields[2]) // no key that ssh could read; still a pin to forget
		}
		sum := sha256.Sum256(blob)
		pins = append(pins, Pin{Type: fields[1], Fingerprint: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])})
	}
	return pins, rest
}

// forHost reports whether the first field of a known_hosts line, hashed or not,
// names the alias (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
func forHost(names, alias string) bool {
	if hashed, ok := strings.CutPrefix(names, "|1|"); ok {
		salt, sum, _ := strings.Cut(hashed, "|")
		key, err1 := base64.StdEncoding.DecodeString(salt)
		want, err2 := base64.StdEncoding.DecodeString(sum)
		mac := hmac.New(sha1.New, key)
		mac.Write([]byte(alias))
		return err1 == nil && err2 == nil && hmac.Equal(mac.Sum(nil), want)
	}
	return slices.ContainsFunc(strings.Split(names, ","), func(name string) bool {
		return name == alias || strings.HasPrefix(name, "["+alias+"]:")
	})
}
