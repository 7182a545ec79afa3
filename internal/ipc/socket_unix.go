//go:build unix

package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Conn is a connection to another process of the same user.
type Conn = net.UnixConn

// Listener accepts connections of the same user only.
type Listener struct {
	listener *net.UnixListener
	path     string
}

func listen(path string) (*Listener, error) {
	switch probe, err := net.Dial("unix", path); {
	case err == nil:
		_ = probe.Close()
		return nil, fmt.Errorf("listen on %s: %w", filepath.Base(path), ErrInUse)
	case isDead(err):
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove a dead socket: %w", err)
		}
	}
	// A socket that is bound and does not listen yet looks dead, and whoever
	// found it would sweep it: it gets its name when it listens.
	unnamed := path + "~"
	if err := os.Remove(unnamed); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove a dead socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: unnamed, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", filepath.Base(path), err)
	}
	// The folder keeps others out already; the mode is the second lock.
	if err := errors.Join(os.Chmod(unnamed, 0o600), os.Rename(unnamed, path)); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("listen on %s: %w", filepath.Base(path), err)
	}
	l.SetUnlinkOnClose(false)
	return &Listener{listener: l, path: path}, nil
}

func (l *Listener) accept() (*Conn, error) {
	for {
		conn, err := l.listener.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if checkPeer(conn) == nil {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (l *Listener) close() error {
	err := os.Remove(l.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.listener.Close())
}

func dial(ctx context.Context, path string) (*Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		if isDead(err) {
			err = ErrDead
		}
		return nil, fmt.Errorf("reach %s: %w", filepath.Base(path), err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("reach %s: not a local socket", filepath.Base(path))
	}
	if err := checkPeer(unix); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("reach %s: %w", filepath.Base(path), err)
	}
	return unix, nil
}

func isDead(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}
