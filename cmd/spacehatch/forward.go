package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel"
	"github.com/spacehatch/spacehatch/tunnel/forward"
)

// forwardPort carries the connections to a local port through the session. Its
// lines on standard output are those of AWS's plugin, word for word where
// scripts wait for them.
func (p *program) forwardPort(ctx context.Context, t *tunnel.Tunnel, call pluginCall, port tunnel.Port) error {
	fmt.Fprintf(p.out, "\nStarting session with SessionId: %s\n", call.session.ID)
	listener, where, err := listenFor(ctx, call.request, port)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	fmt.Fprintf(p.out, "%s opened for sessionId %s.\nWaiting for connections...\n", where, call.session.ID)
	var first sync.Once
	err = forward.Serve(ctx, listener, t, forward.Options{
		KeepAlive: port.KeepAlive,
		Log:       p.log.With("session", call.session.ID),
		Accepted: func() {
			first.Do(func() { fmt.Fprintf(p.out, "\nConnection accepted for session [%s]\n", call.session.ID) })
		},
	})
	<-t.Done()
	fmt.Fprintf(p.out, "\n\nExiting session with sessionId: %s.\n\n", call.session.ID)
	return errors.Join(t.Err(), err)
}

// listenFor opens the local end. What the caller asked for counts, and then
// what the session says: a document may have the port fixed. Only the caller
// names a path, because the other side is a machine that may be hostile.
func listenFor(ctx context.Context, request pluginRequest, port tunnel.Port) (_ net.Listener, where string, err error) {
	var lc net.ListenConfig
	if path := port.LocalUnixSocket; port.LocalConnectionType == "unix" {
		shown := printable.Quoted(path)
		if path == "" || !request.names(path) {
			return nil, "", problem.New(problem.Rejected,
				"The session wants a socket at "+shown+" on this computer, which was not asked for.",
				"Give the path as a parameter of the session, if it is yours.", nil)
		}
		l, err := lc.Listen(ctx, "unix", path)
		if err != nil {
			return nil, "", problem.New(problem.Rejected, "The socket "+shown+" cannot be opened on this computer.",
				"Choose another path, or remove what is there.", err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, "", errors.Join(fmt.Errorf("keep others out of the socket: %w", err), l.Close())
		}
		return l, "Unix socket " + printable.Text(path, 256), nil
	}
	number := request.parameter("localPortNumber")
	if number == "" {
		number = port.LocalNumber
	}
	if number == "" {
		number = "0"
	}
	if n, err := strconv.ParseUint(number, 10, 16); err != nil || strconv.FormatUint(n, 10) != number {
		return nil, "", problem.New(problem.Rejected, "The local port "+printable.Quoted(number)+" is not one.",
			"Give localPortNumber a number from 1 to 65535, or 0 for any free port.", nil)
	}
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", number))
	if err != nil {
		return nil, "", problem.New(problem.Rejected, "The port "+number+" cannot be opened on this computer.",
			"Choose another localPortNumber, or end the program that has it.", err)
	}
	_, number, err = net.SplitHostPort(l.Addr().String())
	return l, "Port " + number, err
}

// names reports whether the caller gave this value to some parameter.
func (r pluginRequest) names(value string) bool {
	for _, values := range r.Parameters {
		if slices.Contains(values, value) {
			return true
		}
	}
	return false
}
