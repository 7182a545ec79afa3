package ipc

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// Conn is a connection to another process of the same user.
type Conn struct {
	pipe    windows.Handle
	name    string
	in, out direction

	mu     sync.Mutex
	closed bool
}

// direction is reading or writing, one call at a time.
type direction struct {
	busy     sync.Mutex     // held during a call, and for the end of the connection
	done     windows.Handle // an event: the call's operation has ended
	wake     windows.Handle // an event: look at deadline and end again
	deadline time.Time      // under the connection's lock
}

func newConn(pipe windows.Handle, name string) (*Conn, error) {
	c := &Conn{pipe: pipe, name: name}
	for _, event := range []struct {
		handle *windows.Handle
		manual uint32
	}{{&c.in.done, 1}, {&c.in.wake, 0}, {&c.out.done, 1}, {&c.out.wake, 0}} {
		var err error
		if *event.handle, err = windows.CreateEvent(nil, event.manual, 0, nil); err != nil {
			return nil, errors.Join(err, c.release())
		}
	}
	return c, nil
}

// release gives back what the system holds for the connection.
func (c *Conn) release() error {
	var fails []error
	for _, handle := range []windows.Handle{c.pipe, c.in.done, c.in.wake, c.out.done, c.out.wake} {
		if handle != 0 {
			fails = append(fails, windows.CloseHandle(handle))
		}
	}
	return errors.Join(fails...)
}

// Read implements net.Conn. The end of the other process is io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.do(&c.in, p, windows.ReadFile)
	if errors.Is(err, windows.ERROR_BROKEN_PIPE) {
		err = io.EOF
	}
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (written int, err error) {
	for written < len(p) && err == nil {
		var n int
		n, err = c.do(&c.out, p[written:], windows.WriteFile)
		written += n
	}
	return written, err
}

// do starts an operation and waits for its end, the deadline or Close.
func (c *Conn) do(d *direction, p []byte, start func(windows.Handle, []byte, *uint32, *windows.Overlapped) error) (int, error) {
	d.busy.Lock()
	defer d.busy.Unlock()
	if _, err := c.over(d); err != nil {
		return 0, err
	}
	var n uint32
	overlapped := &windows.Overlapped{HEvent: d.done}
	if err := start(c.pipe, p, &n, overlapped); err != nil && !errors.Is(err, windows.ERROR_IO_PENDING) {
		return 0, err
	}
	why := c.await(d)
	if why != nil {
		_ = windows.CancelIoEx(c.pipe, overlapped) // it may have ended just now
	}
	err := windows.GetOverlappedResult(c.pipe, overlapped, &n, true)
	if why != nil && errors.Is(err, windows.ERROR_OPERATION_ABORTED) {
		err = why
	}
	runtime.KeepAlive(p) // the system used it until here
	return int(n), err
}

// await returns nil when the operation has ended, else why it is not waited for
// any more.
func (c *Conn) await(d *direction) error {
	for {
		patience, err := c.over(d)
		if err != nil {
			return err
		}
		which, err := windows.WaitForMultipleObjects([]windows.Handle{d.done, d.wake}, false, patience)
		if err != nil || which == windows.WAIT_OBJECT_0 {
			return err
		}
	}
}

// over returns how many milliseconds a call may wait, or why it may not go on.
func (c *Conn) over(d *direction) (patience uint32, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := time.Until(d.deadline)
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case d.deadline.IsZero():
		return windows.INFINITE, nil
	case left <= 0:
		return 0, os.ErrDeadlineExceeded
	}
	return uint32(min(left/time.Millisecond+1, windows.INFINITE-1)), nil
}

// Close implements net.Conn. What was written before is still read by the other
// end.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	err := errors.Join(windows.SetEvent(c.in.wake), windows.SetEvent(c.out.wake))
	c.mu.Unlock()
	c.in.busy.Lock() // until the calls have returned
	defer c.in.busy.Unlock()
	c.out.busy.Lock()
	defer c.out.busy.Unlock()
	return errors.Join(err, c.release())
}

func (c *Conn) setDeadline(t time.Time, directions ...*direction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	var fails []error
	for _, d := range directions {
		d.deadline = t
		fails = append(fails, windows.SetEvent(d.wake))
	}
	return errors.Join(fails...)
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.in, &c.out) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.in) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.out) }

// SetWriteBuffer is there because sockets have it: a pipe's buffers are as long
// as its listener made them.
func (c *Conn) SetWriteBuffer(int) error { return errors.ErrUnsupported }

// address is a pipe's name as a net.Addr.
type address string

func (address) Network() string  { return "pipe" }
func (a address) String() string { return string(a) }

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return address(c.name) }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return address(c.name) }
