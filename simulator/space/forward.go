package space

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/xtaci/smux"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// forward is a session that carries many connections to one port: an smux
// server behind the data channel, with the library's own settings, as AWS's
// agent has it (port_mux.go). It returns when the session is over.
func (a *agent) forward(ctx context.Context, dial func(ctx context.Context, host, port string) (net.Conn, error)) error {
	// AWS's agent has a socket between the data channel and smux, too.
	ours, theirs, err := loopback(ctx)
	if err != nil {
		return err
	}
	config := smux.DefaultConfig()
	config.KeepAliveDisabled = true // as from agent 3.1.1511 on
	server, err := smux.Server(theirs, config)
	if err != nil {
		return errors.Join(err, ours.Close(), theirs.Close())
	}
	var connections sync.WaitGroup
	defer connections.Wait()
	stop := context.AfterFunc(ctx, func() {
		_ = server.Close()
		_ = ours.Close()
	})
	defer stop()
	defer func() {
		_ = server.Close()
		_ = ours.Close()
	}()
	connections.Go(func() {
		for {
			stream, err := server.AcceptStream()
			if err != nil {
				return
			}
			// One after the other, as AWS's agent dials.
			conn, err := dial(ctx, a.session.Host, a.session.Port)
			if err != nil {
				a.log.Debug("a connection to the port was not made", "error", err)
				_ = a.out.send(ctx, wire.PayloadFlag, wire.ConnectToPortError.AppendTo(nil))
				_ = stream.Close()
				continue
			}
			connections.Go(func() { join(ctx, stream, conn) })
		}
	})
	a.in.ready(ours)
	return a.pump(ctx, ours)
}

// join carries bytes both ways. As with AWS's agent the end of one direction
// closes the other end altogether: smux knows no half-closed stream.
func join(ctx context.Context, stream *smux.Stream, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(stream, conn)
		_ = stream.Close()
	})
	_, _ = io.Copy(conn, stream)
	_ = conn.Close()
	both.Wait()
}

// multiplexes reports whether a client is one that AWS's agent multiplexes
// with, 1.1.70 or later.
func multiplexes(clientVersion string) bool {
	var version [3]int
	for i, part := range strings.Split(clientVersion, ".") {
		if n, err := strconv.Atoi(part); err == nil && i < len(version) {
			version[i] = n
		}
	}
	return slices.Compare(version[:], []int{1, 1, 70}) >= 0
}
