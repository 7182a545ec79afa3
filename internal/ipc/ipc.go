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
func Listen(path string) (*Listener, error) { return listen(path) }

// Accept returns the next connection. It returns net.ErrClosed after Close;
// a stranger is turned away and never returned.
func (l *Listener) Accept() (*Conn, error) { return l.accept() }

// Close stops listening and removes the socket file.
func (l *Listener) Close() error { return l.close() }

// Dial connects to the socket at path. It returns [ErrDead] where the process
// behind it is gone, [ErrStranger] where another user answers.
func Dial(ctx context.Context, path string) (*Conn, error) { return dial(ctx, path) }

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
