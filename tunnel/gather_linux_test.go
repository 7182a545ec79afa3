package tunnel

import (
	"io"
	"net"
	"testing"
	"time"
)

// connected returns the ends of a connection of the system's.
func connected(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	one, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	two, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close(); two.Close() })
	return one.(*net.TCPConn), two.(*net.TCPConn)
}

func TestBytesAreAwaited(t *testing.T) {
	const forEver = time.Hour
	for _, c := range []struct {
		name  string
		limit time.Duration
		feed  func(far *net.TCPConn) error
	}{
		{"all have come", forEver, func(far *net.TCPConn) error { _, err := far.Write(make([]byte, 3000)); return err }},
		{"time is over", time.Millisecond, func(*net.TCPConn) error { return nil }},
		{"the other end is gone", forEver, func(far *net.TCPConn) error { return far.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			near, far := connected(t)
			if _, err := far.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				awaitBytes(near, 4000, c.limit)
				close(done)
			}()
			if err := c.feed(far); err != nil {
				t.Fatal(err)
			}
			<-done
			// Whatever was waited for: a byte that comes now is read at once.
			if err := near.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			_, _ = far.Write([]byte("x"))
			if n, err := io.ReadAtLeast(near, make([]byte, 5000), 1000); err != nil || n < 1000 {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}

func TestOneByteIsReadAfterALongWait(t *testing.T) {
	near, far := connected(t)
	awaitBytes(near, 4000, time.Millisecond)
	if err := near.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(near, make([]byte, 1))
		read <- err
	}()
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}
