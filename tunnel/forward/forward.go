// Package forward carries many connections to a local address through one
// stream of bytes, each as a stream of smux version 1, as Session Manager's
// documents for port forwarding ask.
//
// It must not know what carries the stream, who listens at the other end, or
// what is said to a person.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// frameSize is the most that one connection sends before it is another
	// one's turn, in bytes. The agent takes 65535.
	frameSize = 8 << 10
	// receiveBuffer bounds what is kept for connections that do not read, in
	// bytes, for all together: version 1 of smux has no window for each. It is
	// what AWS's client has.
	receiveBuffer = 4 << 20
	// maxConnections bounds the connections at once; more of them wait.
	maxConnections = 512
	// quietAfterEnd is how long the far side must be silent before a
	// connection whose own end has come is closed. smux cannot close one
	// direction alone, and the agent closes its connection at once when the
	// stream ends: an answer that is still under way would be lost.
	quietAfterEnd = time.Second
	// acceptPause is the wait after a connection that could not be taken, as
	// with too many open files.
	acceptPause = 50 * time.Millisecond
)

// Options say how to forward. The zero value will do.
type Options struct {
	// KeepAlive sends a sign of life every 10 s and ends the session after
	// 30 s without one from the other end. Old agents want that; from 3.1.1511
	// on they do not, and it would keep the session from ever being idle.
	KeepAlive bool
	// Accepted is called for each connection, by one goroutine.
	Accepted func()
	// Log gets what is for a developer; nil drops it.
	Log *slog.Logger
}

// Serve takes connections from listener and carries each through stream, until
// ctx is done, the stream ends or the listener fails. It closes both, and
// returns when no goroutine of it is left. The error is the listener's; what
// ended the stream is the stream's to tell.
func Serve(ctx context.Context, listener net.Listener, stream io.ReadWriteCloser, o Options) error {
	return serve(ctx, listener, stream, o, quietAfterEnd)
}

func serve(ctx context.Context, listener net.Listener, stream io.ReadWriteCloser, o Options, quiet time.Duration) error {
	f := &forwarder{Options: o, session: newSession(stream), quiet: quiet, room: make(chan struct{}, maxConnections)}
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer f.open.Wait()
	defer cancel()
	f.open.Go(func() {
		<-ctx.Done()
		_ = listener.Close()
		_ = f.session.end(errEnded)
		_ = stream.Close()
	})
	f.open.Go(func() {
		defer cancel()
		f.Log.Debug("the session has ended", "reason", f.session.run())
	})
	if o.KeepAlive {
		f.open.Go(func() {
			defer cancel()
			f.session.keepAlive()
		})
	}
	return f.accept(ctx, listener)
}

type forwarder struct {
	Options
	session *session
	quiet   time.Duration // quietAfterEnd
	room    chan struct{} // a token for each connection
	open    sync.WaitGroup
}

// accept takes connections until the end.
func (f *forwarder) accept(ctx context.Context, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("take connections: %w", err)
		case err != nil:
			f.Log.Warn("a connection was not taken", "error", err)
			wait(ctx, acceptPause)
			continue
		}
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			_ = conn.Close()
			return nil
		}
		if f.Accepted != nil {
			f.Accepted()
		}
		f.open.Go(func() {
			defer func() { <-f.room }()
			f.carry(ctx, conn)
		})
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// carry is one connection from its beginning to its end.
func (f *forwarder) carry(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	stream, err := f.session.open()
	if err != nil {
		f.Log.Info("a connection found no way", "error", err)
		_ = conn.Close()
		return
	}
	f.Log.Debug("a connection begins", "stream", stream.id)
	down := newPatient(stream, f.quiet, func() { _ = stream.Close() })
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := io.Copy(stream, conn); err != nil {
			_ = stream.Close()
			return
		}
		down.expectEnd()
	})
	_, err = io.Copy(conn, down)
	_ = conn.Close()
	_ = stream.Close()
	both.Wait()
	down.stop()
	f.Log.Debug("a connection has ended", "stream", stream.id, "error", err)
}

// patient is the far side of a connection. Once the near side has ended, it
// calls end when the far side has been silent for long enough.
type patient struct {
	far   io.Reader
	quiet time.Duration
	end   func()
	near  atomic.Pointer[time.Timer] // set when that side has ended
}

func newPatient(far io.Reader, quiet time.Duration, end func()) *patient {
	return &patient{far: far, quiet: quiet, end: end}
}

func (p *patient) expectEnd() { p.near.Store(time.AfterFunc(p.quiet, p.end)) }

// stop is called when nothing else of it runs.
func (p *patient) stop() {
	if timer := p.near.Load(); timer != nil {
		timer.Stop()
	}
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	n, err := p.far.Read(b)
	if timer := p.near.Load(); n > 0 && timer != nil {
		timer.Reset(p.quiet)
	}
	return n, err
}
