// Package ipc joins our own processes on one machine: owner-only sockets, and
// messages of JSON with their length in front.
//
// It must not know what the messages say, and it never listens on a network.
package ipc

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
)

// MaxMessage is the largest message in bytes that [Receive] takes.
const MaxMessage = 1 << 20

var (
	// ErrInUse says that a live process already listens there.
	ErrInUse = errors.New("another process listens on this socket")
	// ErrDead says that nobody listens there any more: the file may go.
	ErrDead = errors.New("nobody listens on this socket")
	// ErrStranger says that the other end belongs to another user.
	ErrStranger = errors.New("the other end belongs to another user")
)

// Listen makes an owner-only socket at path, whose folder must exist and be
// owner-only (paths.Runtime). A socket left behind by a dead process is
// replaced. The socket file goes when the listener is closed.
func Listen(path string) (*Listener, error) {
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

// Listener accepts connections of the same user only.
type Listener struct {
	listener *net.UnixListener
	path     string
}

// Accept returns the next connection. It returns net.ErrClosed after Close;
// a stranger is turned away and never returned.
func (l *Listener) Accept() (*net.UnixConn, error) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return nil, err
		}
		unix, ok := conn.(*net.UnixConn)
		if ok && checkPeer(unix) == nil {
			return unix, nil
		}
		_ = conn.Close()
	}
}

// Close stops listening and removes the socket file.
func (l *Listener) Close() error {
	err := os.Remove(l.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.listener.Close())
}

// Dial connects to the socket at path. It returns [ErrDead] where the process
// behind it is gone, [ErrStranger] where another user answers.
func Dial(ctx context.Context, path string) (*net.UnixConn, error) {
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

// Send writes one message: the length of the JSON as four bytes, most
// significant first, then the JSON.
func Send(w io.Writer, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	if len(body) > MaxMessage {
		return fmt.Errorf("send a message: %d bytes are more than %d", len(body), MaxMessage)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	if _, err := w.Write(append(frame, body...)); err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	return nil
}

// Receive reads one message and not a byte more, so that a raw stream may
// follow. It returns io.EOF where the other end closed before a message.
func Receive(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("receive a message: %w", err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxMessage {
		return fmt.Errorf("receive a message: %d bytes are more than %d", size, MaxMessage)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("receive a message: %w", err)
	}
	if err := json.Unmarshal(body, message); err != nil {
		return fmt.Errorf("receive a message: %w", err)
	}
	return nil
}
