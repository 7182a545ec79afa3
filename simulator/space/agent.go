package space

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// Channel is the agent's end of a data channel: whole messages, each way. It
// lasts as long as the session, however often the client's socket changes.
type Channel interface {
	// Send gives frame to the gateway and keeps it. It blocks while the
	// gateway has no room.
	Send(ctx context.Context, frame []byte) error
	// Receive returns the next message for the agent, which then owns it.
	Receive(ctx context.Context) ([]byte, error)
}

// Session is what the agent is told about a session.
type Session struct {
	ID string
	// Host and Port are the document's properties. Empty: the space itself,
	// and its SSH port.
	Host, Port string
	// SessionType is the document's; empty is a Port session. One with a
	// terminal ends after its handshake: there is none here.
	SessionType string
	// Forward has the stream carry many connections, as the documents for port
	// forwarding ask, and LocalPort is the client's port that they name.
	Forward   bool
	LocalPort string
	// Pace is how long the agent sleeps after every read from the TCP
	// connection. AWS's agent sleeps 1 ms (port_basic.go), and so never gives
	// more than about 0.9 MiB/s. 0 is an agent without that flaw.
	Pace time.Duration
	// PayloadSize is the most that the agent reads at once, in bytes. 0 is
	// AWS's 1024.
	PayloadSize int
	// CustomerMessage is a text for the user, sent with HandshakeComplete.
	CustomerMessage string
}

// What AWS's agent 3.3 does, by its published source.
const (
	agentVersion     = "3.3.0.0"
	defaultPayload   = 1024
	handshakeTimeout = 15 * time.Second
	drainTimeout     = 2 * time.Second
	maxAhead         = 100000 // messages kept ahead of the expected one
	maxUnacked       = 100000 // beyond these a message is sent and forgotten
)

// The ways in which a session ends by itself.
var (
	errTerminated = errors.New("the client ended the session")
	errClosed     = errors.New("the gateway closed the channel")
)

// agent is one session worker. Where its behaviour looks wrong, AWS's agent is
// wrong in the same way, and clients have to live with it.
type agent struct {
	session Session
	channel Channel
	log     *slog.Logger
	out     sender
	in      receiver
}

// Attend is the agent's side of one session from its start to its end. It
// returns the text for the user with which the gateway closes the channel,
// empty where the session ended normally. When ctx is done, it just ends.
func (s *Space) Attend(ctx context.Context, session Session, channel Channel) string {
	if session.PayloadSize == 0 {
		session.PayloadSize = defaultPayload
	}
	if session.Port == "" {
		session.Port = SSHPort
	}

	a := &agent{session: session, channel: channel, log: s.log.With("session", session.ID)}
	a.out.init(channel)
	a.in.init(a)
	reason, err := a.run(ctx, s.Dial)
	a.log.Debug("the agent's session ended", "reason", reason, "error", err)
	return reason
}

// run owns the agent's goroutines.
func (a *agent) run(ctx context.Context, dial func(ctx context.Context, host, port string) (net.Conn, error)) (reason string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel(nil)
	others.Go(func() { cancel(a.in.run(ctx)) })
	others.Go(func() { a.out.repair(ctx) })

	response, err := a.handshake(ctx)
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "The handshake failed: " + err.Error() + ".", err
	case a.sessionType() != wire.SessionTypePort:
		return "A simulated host has no terminal.", nil
	case a.session.Forward && multiplexes(response.ClientVersion):
		return "", a.forward(ctx, dial)
	}
	conn, err := dial(ctx, a.session.Host, a.session.Port)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return "", cause
		}
		return "Unable to connect to specified port: " + err.Error(), err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	a.in.ready(conn)
	return "", a.pump(ctx, conn)
}

// handshake returns when bytes may flow.
func (a *agent) handshake(ctx context.Context) (response wire.HandshakeResponse, err error) {
	started := time.Now()
	wanted := wire.PortProperties{Host: a.session.Host, PortNumber: a.session.Port, LocalPortNumber: a.session.LocalPort}
	if a.session.Forward {
		wanted.Type = wire.TypeLocalPortForwarding
	}
	properties, err := json.Marshal(wanted)
	if err != nil {
		return response, err
	}
	parameters, err := json.Marshal(wire.SessionTypeParameters{SessionType: a.sessionType(), Properties: properties})
	if err != nil {
		return response, err
	}
	request := wire.HandshakeRequest{AgentVersion: agentVersion, RequestedClientActions: []wire.RequestedClientAction{
		{ActionType: wire.ActionSessionType, ActionParameters: parameters},
	}}
	if err := a.sendJSON(ctx, wire.PayloadHandshakeRequest, request); err != nil {
		return response, err
	}
	limit := time.NewTimer(handshakeTimeout)
	defer limit.Stop()
	select {
	case response = <-a.in.responses:
	case <-limit.C:
		return response, fmt.Errorf("the client did not answer within %v", handshakeTimeout)
	case <-ctx.Done():
		return response, context.Cause(ctx)
	}
	for _, action := range response.ProcessedClientActions {
		if action.ActionStatus != wire.ActionSuccess {
			return response, fmt.Errorf("the client failed on %s: %s", action.ActionType, action.Error)
		}
	}
	if len(response.ProcessedClientActions) != len(request.RequestedClientActions) {
		return response, fmt.Errorf("the client processed %d of %d actions", len(response.ProcessedClientActions), len(request.RequestedClientActions))
	}
	err = a.sendJSON(ctx, wire.PayloadHandshakeComplete, wire.HandshakeComplete{
		HandshakeTimeToComplete: time.Since(started), CustomerMessage: a.session.CustomerMessage})
	if err != nil {
		return response, err
	}
	// Only now, after the client may have heard of it: what a quick client
	// has sent in between is acknowledged and lost.
	a.in.handshakeDone()
	return response, a.sendState(ctx)
}

func (a *agent) sessionType() string { return cmp.Or(a.session.SessionType, wire.SessionTypePort) }

func (a *agent) sendJSON(ctx context.Context, kind wire.PayloadType, body any) error {
	payload, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.out.send(ctx, kind, payload)
}

// sendState tells the gateway that the session is up.
func (a *agent) sendState(ctx context.Context) error {
	payload, err := json.Marshal(wire.AgentSessionState{SchemaVersion: 1, SessionState: "Connected", SessionID: a.session.ID})
	if err != nil {
		return err
	}
	m := wire.Message{Type: wire.TypeAgentSessionState, CreatedDate: now(), Flags: wire.FlagSYN | wire.FlagFIN, ID: newID(), Payload: payload}
	return a.channel.Send(ctx, m.AppendTo(nil))
}

// pump carries what the TCP connection gives until its end.
func (a *agent) pump(ctx context.Context, conn net.Conn) error {
	buffer := make([]byte, a.session.PayloadSize)
	pace := time.NewTimer(a.session.Pace)
	defer pace.Stop()
	for {
		if err := a.out.waitUntilStarted(ctx); err != nil {
			return err
		}
		n, err := conn.Read(buffer)
		if n > 0 {
			if err := a.out.send(ctx, wire.PayloadOutput, buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			a.out.drain(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if a.session.Pace > 0 {
			pace.Reset(a.session.Pace)
			select {
			case <-pace.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

func now() uint64 { return uint64(time.Now().UnixMilli()) }

func newID() wire.UUID { return wire.RandomUUID(rand.Uint64(), rand.Uint64()) }
