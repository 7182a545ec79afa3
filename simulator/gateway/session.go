package gateway

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/space"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// ErrTooManyConnections says that a space has all the open sessions it may
// have.
var ErrTooManyConnections = errors.New("the space has too many connections")

// ErrNoSession says that there is no such session, or that it has ended.
var ErrNoSession = errors.New("there is no such session")

// Request asks for a session.
type Request struct {
	// Presigned adds a signed query to the stream URL, as links carry; it is
	// then refused after Expires even where the session is still alive.
	Presigned bool
	// Expires is the life of a presigned URL, 60 s by default as in AWS's
	// samples.
	Expires time.Duration
	// TTL is how long the session may wait for its first client; 0 is the
	// gateway's default.
	TTL time.Duration
	// IDPrefix begins the session's id; "SageMaker-remote-" by default.
	IDPrefix string
	// Host and Port are what the agent dials; empty is its own machine, and
	// the SSH server's port.
	Host, Port string
	// SessionType, Forward and LocalPort are those of the session document
	// (package space); the zero values are those of SSH.
	SessionType string
	Forward     bool
	LocalPort   string
	// CustomerMessage is a text that the agent sends for the user.
	CustomerMessage string
	// Agent gives the agent of this session its pace and payload size; nil is
	// the gateway's.
	Agent *space.Session
}

// Session is what StartSession returns.
type Session struct {
	ID        string
	StreamURL secret.String // used untouched
	Token     secret.String
	Expires   time.Time // the first client must have come by then
}

// state is where a session is in its life.
type state int

const (
	waiting state = iota // for its first client
	open
	ended
)

// session is one session and all that outlives its client's socket.
type session struct {
	gateway  *Gateway
	id       string
	cell     string // the cell number, part of the URL
	space    Space
	request  Request
	expires  time.Time
	toAgent  chan []byte
	upFaults frameFaults // touched by the client's reader alone

	ctx    context.Context
	cancel context.CancelFunc

	mu         sync.Mutex
	state      state
	endedAt    time.Time
	reason     string // for the client, after the end
	tokens     []issued
	client     *client // nil: away
	away       *time.Timer
	kept       [][]byte // for a client that is away
	downFaults frameFaults
	terminated bool // the client has asked for the end
}

var _ space.Channel = (*session)(nil)

// issued is a token and whether a client has used it.
type issued struct {
	token string
	used  bool
}

const (
	defaultExpires = time.Minute
	defaultPrefix  = "SageMaker-remote-"
	agentQueue     = 256  // messages between a client's socket and the agent
	keptForClient  = 4096 // messages for a client that is away; more are lost
	keptEnded      = 10 * time.Minute
)

// CreateSession makes a session in front of a space. It returns
// [ErrTooManyConnections] where the space has as many open sessions as it may.
func (g *Gateway) CreateSession(to Space, request Request) (Session, error) {
	if request.Expires == 0 {
		request.Expires = defaultExpires
	}
	if request.TTL == 0 {
		request.TTL = g.config.SessionTTL
	}
	if request.IDPrefix == "" {
		request.IDPrefix = defaultPrefix
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return Session{}, errors.New("the gateway is closed")
	}
	g.forgetOld()
	if g.count(to.Name()) >= g.config.ConnectionLimit {
		return Session{}, ErrTooManyConnections
	}
	s := &session{
		gateway: g, id: request.IDPrefix + randomHex(9), cell: randomText("AAEAA", 42), space: to, request: request,
		expires: time.Now().Add(request.TTL), toAgent: make(chan []byte, agentQueue),
	}
	s.ctx, s.cancel = context.WithCancel(g.ctx)
	g.sessions[s.id] = s
	g.counters.sessions.Add(1)
	return s.credentials(), nil
}

// credentials gives the session's next token and URL.
func (s *session) credentials() Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := randomText("AAEAA", 200)
	s.tokens = append(s.tokens, issued{token: token})
	return Session{ID: s.id, StreamURL: secret.New(s.gateway.streamURL(s)), Token: secret.New(token), Expires: s.expires}
}

// ResumeSession gives a fresh token and URL for a session that lives, as SSM's
// call of that name does. Tokens given before stay good.
func (g *Gateway) ResumeSession(id string) (Session, error) {
	s, err := g.living(id)
	if err != nil {
		return Session{}, err
	}
	return s.credentials(), nil
}

// TerminateSession ends a session as SSM's call of that name does. reason is
// what the client is told; it may be empty.
func (g *Gateway) TerminateSession(id, reason string) error {
	s, err := g.living(id)
	if err != nil {
		return err
	}
	s.end(reason)
	return nil
}

// TerminateSpace ends every session of a space.
func (g *Gateway) TerminateSpace(name, reason string) {
	g.mu.Lock()
	var those []*session
	for _, s := range g.sessions {
		if s.space.Name() == name {
			those = append(those, s)
		}
	}
	g.mu.Unlock()
	for _, s := range those {
		s.end(reason)
	}
}

// Count returns how many open sessions a space has: those that a client has
// opened and that have not ended, also while their client is away.
func (g *Gateway) Count(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count(name)
}

func (g *Gateway) count(name string) (n int) {
	for _, s := range g.sessions {
		s.mu.Lock()
		if s.space.Name() == name && s.state == open {
			n++
		}
		s.mu.Unlock()
	}
	return n
}

// forgetOld drops sessions that nobody can come back to.
func (g *Gateway) forgetOld() {
	for id, s := range g.sessions {
		s.mu.Lock()
		old := s.state == ended && time.Since(s.endedAt) > keptEnded || s.state == waiting && time.Since(s.expires) > keptEnded
		s.mu.Unlock()
		if old {
			s.cancel()
			delete(g.sessions, id)
		}
	}
}

func (g *Gateway) find(id string) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sessions[id]
}

func (g *Gateway) living(id string) (*session, error) {
	s := g.find(id)
	if s == nil {
		return nil, ErrNoSession
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == ended || s.state == waiting && time.Now().After(s.expires) {
		return nil, ErrNoSession
	}
	return s, nil
}

// useToken reports whether a client may have the session with this token.
func (s *session) useToken(token string, once bool) error {
	for i := range s.tokens {
		t := &s.tokens[i]
		if subtle.ConstantTimeCompare([]byte(t.token), []byte(token)) != 1 {
			continue
		}
		if t.used && once {
			return errors.New("the token has been used")
		}
		if s.state == waiting && time.Now().After(s.expires) {
			return errors.New("the token has expired")
		}
		t.used = true
		return nil
	}
	return errors.New("the token is not this session's")
}

// attach makes c the session's client. A client that was there before is
// turned out: it may be a socket whose death nobody has noticed.
func (s *session) attach(c *client, token string, once bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.useToken(token, once); err != nil {
		return err
	}
	if s.state == ended {
		c.write(s.closedMessage())
		return fmt.Errorf("the session has ended: %w", ErrNoSession)
	}
	before := s.client
	s.client = c
	if before != nil {
		before.abort()
	}
	if s.away != nil {
		s.away.Stop()
	}
	if s.state == waiting {
		s.state = open
		s.gateway.counters.opened.Add(1)
		s.gateway.working.Go(s.attend)
	} else {
		s.gateway.counters.reconnects.Add(1)
		s.toAgentSoon(serviceMessage(wire.TypeStartPublication, nil))
	}
	for _, frame := range s.kept {
		c.write(frame)
	}
	s.kept = nil
	return nil
}

// detach notes that c is gone.
func (s *session) detach(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != c {
		return
	}
	s.client = nil
	if s.state == open {
		s.toAgentSoon(serviceMessage(wire.TypePausePublication, nil))
		s.away = time.AfterFunc(s.gateway.config.AwayLimit, func() { s.end("The session timed out.") })
	}
}

// toAgentSoon gives the agent a message unless its queue is full.
func (s *session) toAgentSoon(frame []byte) {
	select {
	case s.toAgent <- frame:
	default:
	}
}

// attend runs the agent and ends the session with it.
func (s *session) attend() {
	agent := s.gateway.config.Agent
	if s.request.Agent != nil {
		agent = *s.request.Agent
	}
	agent.ID, agent.Host, agent.Port, agent.CustomerMessage = s.id, s.request.Host, s.request.Port, s.request.CustomerMessage
	agent.SessionType, agent.Forward, agent.LocalPort = s.request.SessionType, s.request.Forward, s.request.LocalPort
	s.end(s.space.Attend(s.ctx, agent, s))
}

// end closes the session for good and tells the client why, who may not listen:
// nobody waits for that.
func (s *session) end(reason string) {
	c, message := s.noteEnd(reason)
	if c == nil || !s.gateway.enter() {
		return
	}
	go func() { // ends with the socket at the latest; Close waits for it
		defer s.gateway.working.Done()
		c.write(message)
		c.finish(closeNormal)
	}()
}

// noteEnd ends the session and returns the client, nil where there is none or
// the session has ended before, and what that client is to be told.
func (s *session) noteEnd(reason string) (c *client, message []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == ended {
		return nil, nil
	}
	s.state, s.endedAt, s.reason = ended, time.Now(), reason
	s.kept = nil
	if s.away != nil {
		s.away.Stop()
	}
	s.cancel()
	return s.client, s.closedMessage()
}

// stop ends the session without a word to anybody.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.endedAt = ended, time.Now()
	if s.away != nil {
		s.away.Stop()
	}
	s.cancel()
}

// Send implements [space.Channel]: from the agent to the client.
func (s *session) Send(ctx context.Context, frame []byte) error {
	if m, err := wire.Decode(frame); err == nil && m.Type == wire.TypeAgentSessionState {
		s.gateway.counters.connected.Add(1)
		return nil // that was for us
	}
	for _, frame := range s.faulty(frame) {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		s.forward(frame)
	}
	return nil
}

// faulty applies the faults on the way down.
func (s *session) faulty(frame []byte) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.downFaults.apply(s.gateway.faults.Load(), frame, true)
}

// forward gives a message to the client or keeps it for the next one.
func (s *session) forward(frame []byte) {
	s.mu.Lock()
	c := s.client
	if c == nil {
		if s.state == open && len(s.kept) < keptForClient {
			s.kept = append(s.kept, frame)
		}
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	// Not under the lock: it waits while the client does not read. A message
	// that finds the socket dead is lost, as on any network.
	c.write(frame)
}

// Receive implements [space.Channel]: from the client to the agent.
func (s *session) Receive(ctx context.Context) ([]byte, error) {
	select {
	case frame := <-s.toAgent:
		return frame, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fromClient carries a message up; false means that the session has ended.
func (s *session) fromClient(frame []byte) bool {
	if asksForTheEnd(frame) {
		s.noteTerminated()
	}
	for _, frame := range s.upFaults.apply(s.gateway.faults.Load(), frame, false) {
		select {
		case s.toAgent <- frame:
		case <-s.ctx.Done():
			return false
		}
	}
	return true
}

// asksForTheEnd reports whether a message is the client's TerminateSession.
func asksForTheEnd(frame []byte) bool {
	if len(frame) != wire.HeaderSize+4 {
		return false
	}
	m, err := wire.Decode(frame)
	if err != nil || m.Type != wire.TypeInputStreamData || m.PayloadType != wire.PayloadFlag {
		return false
	}
	signal, err := wire.ParseSignal(m.Payload)
	return err == nil && signal == wire.TerminateSession
}

// noteTerminated counts the session, once.
func (s *session) noteTerminated() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminated {
		s.terminated = true
		s.gateway.counters.terminated.Add(1)
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// randomText makes a text like AWS's tokens and cell numbers. It always holds
// the characters that clients get wrong.
func randomText(prefix string, bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // it never fails
	return prefix + "+/" + base64.StdEncoding.EncodeToString(b)
}
