//go:build unix

package ipc

import (
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
)

// Whoever finds a socket dead sweeps it, so a socket must never be seen before
// it listens: a look at the open tunnels would end one that is just starting.
func TestASocketThatIsSeenListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stop, looked := make(chan struct{}), make(chan bool, 1)
	// A look that a close comes into says nothing: odd while one is under way.
	var closes atomic.Int64
	go func() {
		for {
			select {
			case <-stop:
				looked <- false
				return
			default:
			}
			before := closes.Load()
			conn, err := net.Dial("unix", path)
			if err == nil {
				_ = conn.Close()
			}
			if errors.Is(err, syscall.ECONNREFUSED) && before%2 == 0 && closes.Load() == before {
				looked <- true
				return
			}
		}
	}()
	for range 300 {
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		closes.Add(1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		closes.Add(1)
	}
	close(stop)
	if <-looked {
		t.Error("a socket is there and does not listen")
	}
}
