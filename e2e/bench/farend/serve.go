package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/simulator/space"
)

// spaceName is the space that everything leads to.
const spaceName = "my-space"

// connectionLimit is more than SageMaker's ten, so that many tunnels can be
// measured at once.
const connectionLimit = 200

// info is what a measurement needs to know beside the simulator's own words.
type info struct {
	// Sessions gives a session at a GET with the parameters target ("ssh" or
	// "bytes"), pace (the agent's, a duration) and payload (bytes), in the form
	// in which StartSession answers.
	Sessions string `json:"sessions"`
	// Direct is the host and port of the space's SSH server behind the bare
	// network.
	Direct string `json:"direct"`
	// Relay is the URL of the plain WebSocket relay; the paths are the targets.
	Relay string `json:"relay"`
	// RelayCA is the file of the authority to trust there.
	RelayCA string `json:"relay_ca"`
}

// far is the running far end.
type far struct {
	simulator *simulator.Simulator
	network   *gateway.Network
	bytesPort string // of the server of bytes
	working   sync.WaitGroup
}

// serve runs the far end until ctx is done. It prints what `spacehatch
// simulator --json` prints, and writes the rest to a file before.
func serve(ctx context.Context, rtt time.Duration, file string) (err error) {
	config := simulator.Defaults()
	config.RTT = rtt
	config.ConnectionLimit = connectionLimit
	s, err := simulator.Start(ctx, config)
	if err != nil {
		return err
	}
	f := &far{simulator: s, network: gateway.NewNetwork(rtt, 0)}
	defer func() {
		f.network.Close()
		err = errors.Join(err, s.Close())
		f.working.Wait()
	}()
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	listen := func() (net.Listener, error) {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
		if err == nil {
			listeners = append(listeners, l)
		}
		return l, err
	}
	var about info
	l, err := listen()
	if err != nil {
		return err
	}
	if _, f.bytesPort, err = net.SplitHostPort(l.Addr().String()); err != nil {
		return err
	}
	f.accept(ctx, l, serveBytes)

	if l, err = listen(); err != nil {
		return err
	}
	about.Direct = l.Addr().String()
	f.accept(ctx, f.network.Listener(l), func(conn net.Conn) { f.join(ctx, conn, "ssh") })

	if l, err = listen(); err != nil {
		return err
	}
	about.Relay = "wss://" + l.Addr().String() + "/"
	secured, authority, err := f.network.SecureListener(l)
	if err != nil {
		return err
	}
	about.RelayCA = file + ".ca"
	if err := os.WriteFile(about.RelayCA, authority, 0o600); err != nil {
		return err
	}
	f.accept(ctx, secured, func(conn net.Conn) { f.relay(ctx, conn) })

	if l, err = listen(); err != nil {
		return err
	}
	about.Sessions = "http://" + l.Addr().String() + "/"
	server := &http.Server{Handler: http.HandlerFunc(f.session), ReadHeaderTimeout: dialLimit}
	f.working.Go(func() { _ = server.Serve(l) }) // ends with the listener
	defer func() { _ = server.Close() }()

	data, err := json.Marshal(about)
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s.Info())
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.Done():
	}
	return nil
}

// accept serves each connection until the listener is closed.
func (f *far) accept(ctx context.Context, l net.Listener, handle func(net.Conn)) {
	f.working.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.working.Go(func() {
				defer func() { _ = conn.Close() }()
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				handle(conn)
			})
		}
	})
}

// dial connects to a target as an agent in the space does.
func (f *far) dial(ctx context.Context, target string) (net.Conn, error) {
	behind, err := f.simulator.Space(ctx, spaceName)
	if err != nil {
		return nil, err
	}
	port, err := f.port(target)
	if err != nil {
		return nil, err
	}
	return behind.Dial(ctx, "", port)
}

func (f *far) port(target string) (string, error) {
	switch target {
	case "ssh":
		return space.SSHPort, nil
	case "bytes":
		return f.bytesPort, nil
	}
	return "", fmt.Errorf("there is no target %q", target)
}

// join carries bytes between a connection and a target until either ends.
func (f *far) join(ctx context.Context, conn net.Conn, target string) {
	to, err := f.dial(ctx, target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, to)
		_ = conn.Close()
	})
	_, _ = io.Copy(to, conn)
	_ = to.Close()
	back.Wait()
}

// session answers with a session of its own.
func (f *far) session(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { http.Error(w, err.Error(), http.StatusBadRequest) }
	q := r.URL.Query()
	port, err := f.port(q.Get("target"))
	if err != nil {
		fail(err)
		return
	}
	pace, err := time.ParseDuration(q.Get("pace"))
	if err != nil {
		fail(err)
		return
	}
	payload, err := strconv.Atoi(q.Get("payload"))
	if err != nil {
		fail(err)
		return
	}
	behind, err := f.simulator.Space(r.Context(), spaceName)
	if err != nil {
		fail(err)
		return
	}
	made, err := f.simulator.Gateway().CreateSession(behind, gateway.Request{
		Port: port, Agent: &space.Session{Pace: pace, PayloadSize: payload},
	})
	if err != nil {
		fail(err)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{ // the client is gone
		"SessionId": made.ID, "StreamUrl": made.StreamURL.Reveal(), "TokenValue": made.Token.Reveal(),
	})
}
