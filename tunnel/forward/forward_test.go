package forward

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xtaci/smux"
)

// memory is a listener without a socket.
type memory struct {
	conns chan net.Conn
	errs  chan error
	once  sync.Once
	gone  chan struct{}
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), errs: make(chan error), gone: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case err := <-m.errs:
		return nil, err
	case <-m.gone:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.gone) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (m *memory) dial() net.Conn {
	ours, theirs := net.Pipe()
	m.conns <- theirs
	return ours
}

// oneWay is a connection whose own end has come, as after a half-close: it
// gives what it holds, then EOF, and still takes what is written.
type oneWay struct {
	net.Conn // the half that is still open
	say      io.Reader
}

func (o oneWay) Read(p []byte) (int, error) { return o.say.Read(p) }

// rig is Serve with an smux server behind its stream. The bubbles of synctest
// cannot hold it: smux keeps channels in a pool of the whole program.
type rig struct {
	*memory
	far    *smux.Session
	cancel context.CancelFunc
	ended  chan error
}

// serving runs test against Serve, whose far side has answer deal with each
// stream, and sees that Serve ends.
func serving(t *testing.T, o Options, answer func(*smux.Stream), test func(r *rig)) {
	t.Helper()
	near, far := net.Pipe()
	config := smux.DefaultConfig()
	config.KeepAliveDisabled = true // as AWS's agent
	server, err := smux.Server(far, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{memory: newMemory(), far: server, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- serve(ctx, r.memory, near, o, 10*time.Millisecond) }()
	var streams sync.WaitGroup
	streams.Go(func() {
		for {
			s, err := server.AcceptStream()
			if err != nil {
				return
			}
			streams.Go(func() { answer(s) })
		}
	})
	test(r)
	cancel()
	if err := <-r.ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := server.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	streams.Wait()
	if _, err := near.Write([]byte{0}); err == nil {
		t.Error("the stream is open after Serve")
	}
	if _, err := r.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener after Serve: %v", err)
	}
}

func echo(s *smux.Stream) {
	_, _ = io.Copy(struct{ io.Writer }{s}, struct{ io.Reader }{s})
	_ = s.Close()
}

// until waits for something that must become true.
func until(true func() bool) {
	for !true() {
		runtime.Gosched()
	}
}

// Many connections at once, each with its own bytes, and none waits for
// another's end.
func TestConnectionsAreKeptApart(t *testing.T) {
	var accepted atomic.Int64
	serving(t, Options{Accepted: func() { accepted.Add(1) }}, echo, func(r *rig) {
		const connections, size = 40, 100_000
		var all sync.WaitGroup
		for i := range connections {
			conn := r.dial()
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				sent := make([]byte, size)
				random := rand.NewChaCha8([32]byte{byte(i)})
				_, _ = random.Read(sent)
				go func() { _, _ = conn.Write(sent) }()
				got := make([]byte, size)
				if _, err := io.ReadFull(conn, got); err != nil || sha256.Sum256(got) != sha256.Sum256(sent) {
					t.Errorf("connection %d: %v, or other bytes than its own", i, err)
				}
			})
		}
		all.Wait()
		until(func() bool { return r.far.NumStreams() == 0 })
		if n := accepted.Load(); n != connections {
			t.Errorf("%d connections were told of", n)
		}
	})
}

// A program that has said all it had to say still gets the whole answer, and
// then the other side learns of the end.
func TestAnswerAfterTheEndOfTheQuestion(t *testing.T) {
	text := bytes.Repeat([]byte("answer "), 20_000)
	ended := make(chan error, 1)
	answer := func(s *smux.Stream) {
		question := make([]byte, 8)
		_, _ = io.ReadFull(s, question)
		_, _ = s.Write(text)
		_, err := s.Read(question)
		ended <- err
		_ = s.Close()
	}
	serving(t, Options{}, answer, func(r *rig) {
		ours, theirs := net.Pipe()
		r.conns <- oneWay{theirs, bytes.NewReader([]byte("question"))}
		got, err := io.ReadAll(ours)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("got %d of %d bytes: %v", len(got), len(text), err)
		}
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("the far side was told %v", err)
		}
	})
}

// slowly gives a byte every 900 ms, ten times, and then nothing.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left--; s.left < 0 {
		select {} // until the bubble ends
	}
	time.Sleep(900 * time.Millisecond) // of the bubble's clock
	return copy(p, "x"), nil
}

// The far side may take its time, as long as it says something.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		began := time.Now()
		p := newPatient(&slowly{left: 10}, time.Second, func() { ended <- time.Since(began) })
		p.expectEnd()
		for range 10 {
			if _, err := p.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if after := <-ended; after != 10*time.Second {
			t.Errorf("ended after %v", after)
		}
	})
}

// While the near side goes on, the far side may be silent for ever.
func TestSilenceOfTheFarSideIsNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(&slowly{left: 1}, time.Second, func() { t.Error("ended") })
		if _, err := p.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // of the bubble's clock
		p.stop()
	})
}

func TestEndOfTheFarSideEndsAConnection(t *testing.T) {
	serving(t, Options{}, func(s *smux.Stream) {
		_, _ = s.Write([]byte("bye"))
		_ = s.Close()
	}, func(r *rig) {
		got, err := io.ReadAll(r.dial())
		if string(got) != "bye" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// What ends the session ends the listener and every connection.
func TestEndOfTheStreamEndsServe(t *testing.T) {
	serving(t, Options{}, echo, func(r *rig) {
		conn := r.dial()
		if err := r.far.Close(); err != nil {
			t.Error(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read: %v", err)
		}
		r.ended <- <-r.ended // it has ended by itself
	})
}

func TestConnectionThatCannotBeTakenIsNoReasonToEnd(t *testing.T) {
	serving(t, Options{}, echo, func(r *rig) {
		r.errs <- errors.New("too many open files")
		conn := r.dial()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

// Connections beyond the bound wait; they are not turned away.
func TestConnectionsAreBounded(t *testing.T) {
	serving(t, Options{}, echo, func(r *rig) {
		var open []net.Conn
		for range maxConnections + 1 {
			open = append(open, r.dial())
		}
		until(func() bool { return r.far.NumStreams() >= maxConnections })
		if n := r.far.NumStreams(); n != maxConnections {
			t.Errorf("%d streams are open", n)
		}
		_ = open[0].Close()
		last := open[maxConnections]
		go func() { _, _ = last.Write([]byte("x")) }()
		if _, err := last.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}
