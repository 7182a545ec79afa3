package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// shaped gives a peer and the shaped connection on the other side, in a
// synctest bubble.
func shaped(t *testing.T, test func(t *testing.T, n *network, peer net.Conn, c *shapedConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peer, raw := net.Pipe()
		c := n.join(raw)
		test(t, n, peer, c)
		_ = peer.Close()
		n.abort()
		n.wait()
		if len(n.conns) != 0 {
			t.Error("the connection is not forgotten")
		}
	})
}

func send(t *testing.T, w io.Writer, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDelayIsHalfTheRoundTripEachWay(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(25*time.Millisecond, 0, false)
		start := time.Now()
		send(t, peer, []byte("ping"))
		receive(t, c, 4)
		if d := time.Since(start); d != 25*time.Millisecond {
			t.Errorf("up took %v", d)
		}
		send(t, c, []byte("pong"))
		receive(t, peer, 4)
		if d := time.Since(start); d != 50*time.Millisecond {
			t.Errorf("the round trip took %v", d)
		}
	})
}

func TestANewConnectionPaysForTheTCPHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.shape(25*time.Millisecond, 0, false)
		peer, raw := net.Pipe()
		c := n.join(raw)
		start := time.Now()
		send(t, peer, []byte("hello"))
		receive(t, c, 5)
		if d := time.Since(start); d != 75*time.Millisecond {
			t.Errorf("the first bytes took %v", d)
		}
		_ = peer.Close()
		n.abort()
		n.wait()
	})
}

func TestDelayDoesNotLimitThroughput(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(time.Second, 0, false)
		data := testData(8 << 20)
		start := time.Now()
		for part := range chunks(data, 1000) {
			send(t, c, part)
		}
		if !bytes.Equal(receive(t, peer, len(data)), data) {
			t.Error("the bytes changed")
		}
		if d := time.Since(start); d > 1100*time.Millisecond {
			t.Errorf("%d bytes took %v", len(data), d)
		}
	})
}

func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			part := b[:min(n, len(b))]
			b = b[len(part):]
			if !yield(part) {
				return
			}
		}
	}
}

func TestBandwidth(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(10*time.Millisecond, 100_000, false)
		data := testData(300_000)
		start := time.Now()
		go func() { _, _ = c.Write(data) }()
		if !bytes.Equal(receive(t, peer, len(data)), data) {
			t.Error("the bytes changed")
		}
		if d := time.Since(start).Round(time.Millisecond); d != 3010*time.Millisecond {
			t.Errorf("300 kB at 100 kB/s took %v", d)
		}
	})
}

func TestAFullLineHoldsTheWriter(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, _ net.Conn, c *shapedConn) {
		n.shape(0, 100_000, false)
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 10<<20))
			wrote <- err
		}()
		synctest.Wait()
		select {
		case <-wrote:
			t.Error("10 MiB are under way on a line of 100 kB/s")
		default:
		}
		c.abort()
		if err := <-wrote; !errors.Is(err, errAborted) {
			t.Errorf("the writer ended with %v", err)
		}
	})
}

func TestSilenceHoldsTheBytes(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(0, 0, true)
		send(t, peer, []byte("up"))
		send(t, c, []byte("down"))
		_ = c.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("in the silence: %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})
		n.shape(0, 0, false)
		if got := string(receive(t, c, 2)) + string(receive(t, peer, 4)); got != "updown" {
			t.Errorf("after it: %q", got)
		}
	})
}

func TestShrinkingDelayKeepsTheOrder(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(time.Second, 0, false)
		send(t, c, []byte("first "))
		n.shape(0, 0, false)
		send(t, c, []byte("second"))
		if got := receive(t, peer, 12); string(got) != "first second" {
			t.Errorf("got %q", got)
		}
	})
}

func TestCloseLetsTheLastBytesArrive(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(time.Second, 0, false)
		send(t, c, []byte("bye"))
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after the close: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read after the close: %v", err)
		}
		got, err := io.ReadAll(peer)
		if err != nil || string(got) != "bye" {
			t.Errorf("the peer got %q, %v", got, err)
		}
	})
}

func TestCloseInTheSilenceIsBounded(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(0, 0, true)
		send(t, c, []byte("lost"))
		_ = c.Close()
		start := time.Now()
		if got, _ := io.ReadAll(peer); len(got) != 0 || time.Since(start) != closingLimit {
			t.Errorf("the peer got %q after %v", got, time.Since(start))
		}
	})
}

func TestTheEndOfThePeerComesBehindItsBytes(t *testing.T) {
	shaped(t, func(t *testing.T, n *network, peer net.Conn, c *shapedConn) {
		n.shape(time.Second, 0, false)
		send(t, peer, []byte("bye"))
		_ = peer.Close()
		got, err := io.ReadAll(c)
		if err != nil || string(got) != "bye" {
			t.Errorf("got %q, %v", got, err)
		}
		_ = c.Close()
	})
}
