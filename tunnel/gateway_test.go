package tunnel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// The secrets of all tests: none of them may show anywhere.
const (
	canaryQuery = "canary-signature"
	canaryToken = "canary-token"
)

// testGateway is the gateway with a modelAgent behind it, on connections in
// memory or on any listener. It owns its goroutines; wait ends them.
type testGateway struct {
	t       *testing.T
	running sync.WaitGroup
	stop    chan struct{}
	tunnels []*Tunnel // to be closed in the end

	mu      sync.Mutex
	agent   *modelAgent
	status  []int                                   // answers to the next upgrades; 0 or none: welcome
	dialErr error                                   // what dialling gives
	dialer  func(context.Context) (net.Conn, error) // dials in its place
	greet   func(s *peer)                           // instead of serving
	opens   []wire.OpenDataChannel
	uris    []string
	dials   int
	peer    *peer // the present one
	mute    bool  // takes everything, says nothing
	pings   int
	pongs   []string
}

// peer is one socket as the gateway sees it. What it is to send waits without
// bound.
type peer struct {
	conn   net.Conn
	mu     sync.Mutex
	more   *sync.Cond
	queue  [][]byte
	closed bool
}

func newPeer(conn net.Conn) *peer {
	p := &peer{conn: conn}
	p.more = sync.NewCond(&p.mu)
	return p
}

// send has frames written by the goroutine that runs writeAll.
func (p *peer) send(frames ...ws.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range frames {
		b, err := ws.CompileFrame(f)
		if err != nil {
			panic(err)
		}
		p.queue = append(p.queue, b)
	}
	p.more.Signal()
}

// write writes a frame at once; only before writeAll runs.
func (p *peer) write(f ws.Frame) {
	b, err := ws.CompileFrame(f)
	if err != nil {
		panic(err)
	}
	_, _ = p.conn.Write(b)
}

func (p *peer) writeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.queue) == 0 {
			if p.closed {
				return
			}
			p.more.Wait()
		}
		b := p.queue[0]
		p.queue = p.queue[1:]
		p.mu.Unlock()
		_, err := p.conn.Write(b)
		p.mu.Lock()
		if err != nil {
			return
		}
	}
}

func (p *peer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.more.Signal()
	_ = p.conn.Close()
}

func newTestGateway(t *testing.T) *testGateway {
	g := &testGateway{t: t, stop: make(chan struct{}), agent: newModelAgent(rand.New(rand.NewPCG(5, 6)))}
	g.agent.notify = func(problem string) { t.Error(problem) }
	g.agent.banner = "SSH-2.0-test\r\n"
	g.running.Go(g.tick)
	return g
}

// end stops the gateway; to be called before the test ends.
func (g *testGateway) end() {
	for _, tunnel := range g.tunnels {
		_ = tunnel.Close()
	}
	close(g.stop)
	g.drop()
	g.running.Wait()
}

func (g *testGateway) tick() {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-ticker.C:
			g.do(func(a *modelAgent) { a.tick(time.Now()) })
		}
	}
}

// do lets f act on the agent, and sends what it has to say.
func (g *testGateway) do(f func(a *modelAgent)) {
	g.mu.Lock()
	f(g.agent)
	p := g.peer
	if p == nil || g.mute {
		g.mu.Unlock()
		return
	}
	g.agent.openPort(time.Now())
	for _, frame := range g.agent.out {
		p.send(ws.NewBinaryFrame(frame))
	}
	g.agent.out = nil
	g.mu.Unlock()
}

// control sends a frame of the gateway's own.
func (g *testGateway) control(f ws.Frame) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peer.send(f)
}

// drop cuts the present socket; what is on its way is lost.
func (g *testGateway) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peer != nil {
		g.peer.close()
	}
}

// dial is Options.dial.
func (g *testGateway) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	g.mu.Lock()
	g.dials++
	err, dialer := g.dialErr, g.dialer
	g.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if dialer != nil {
		return dialer(ctx)
	}
	client, server := net.Pipe()
	g.running.Go(func() { g.serve(server) })
	return client, nil
}

// serve plays the gateway on one connection.
func (g *testGateway) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	g.mu.Lock()
	status := 0
	if len(g.status) > 0 {
		status, g.status = g.status[0], g.status[1:]
	}
	g.mu.Unlock()
	upgrader := ws.Upgrader{OnRequest: func(uri []byte) error {
		g.mu.Lock()
		g.uris = append(g.uris, string(uri))
		g.mu.Unlock()
		if status != 0 {
			return ws.RejectConnectionError(ws.RejectionStatus(status), ws.RejectionReason(canaryQuery),
				ws.RejectionHeader(ws.HandshakeHeaderHTTP(http.Header{"X-Amzn-Errortype": {"AccessDeniedException:http://x"}})))
		}
		return nil
	}}
	if _, err := upgrader.Upgrade(conn); err != nil {
		return
	}
	p := newPeer(conn)
	defer p.close()
	kind, text, err := readClientFrame(conn)
	if err != nil || kind != ws.OpText {
		if kind != ws.OpClose && err == nil {
			g.t.Errorf("the first frame is %v", kind)
		}
		return
	}
	open, err := wire.ParseOpenDataChannel(text)
	if err != nil {
		g.t.Error(err)
		return
	}
	g.mu.Lock()
	g.opens = append(g.opens, open)
	greet := g.greet
	if greet == nil {
		g.peer = p
	}
	g.mu.Unlock()
	if greet != nil {
		greet(p)
		return
	}
	g.running.Go(p.writeAll)
	g.do(func(a *modelAgent) { a.begin(time.Now()) })
	g.read(p)
}

func (g *testGateway) read(p *peer) {
	for {
		kind, payload, err := readClientFrame(p.conn)
		if err != nil {
			return
		}
		switch kind {
		case ws.OpBinary:
			g.do(func(a *modelAgent) {
				if g.peer == p && !g.mute {
					a.receive(time.Now(), payload)
				}
			})
		case ws.OpPing:
			g.mu.Lock()
			g.pings++
			mute := g.mute
			g.mu.Unlock()
			if !mute {
				p.send(ws.NewPongFrame(payload))
			}
		case ws.OpPong:
			g.set(func() { g.pongs = append(g.pongs, string(payload)) })
		case ws.OpClose:
			return
		}
	}
}

func readClientFrame(r io.Reader) (ws.OpCode, []byte, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return 0, nil, err
	}
	if err := ws.CheckHeader(h, ws.StateServerSide); err != nil {
		return 0, nil, err
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	ws.Cipher(payload, h.Mask, 0)
	return h.OpCode, payload, nil
}

// options returns what opens a tunnel to g, logging into log.
func (g *testGateway) options(log *bytes.Buffer) Options {
	o := Options{
		StreamURL:     secret.New("ws://gateway.test/v1/data-channel/s-1?role=publish_subscribe&cell-number=a%2Bb&X-Amz-Signature=" + canaryQuery),
		Token:         secret.New(canaryToken),
		InsecurePlain: true,
		Proxy:         noProxy,
		dial:          g.dial,
	}
	if log != nil {
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return o
}

// open opens a tunnel to g.
func (g *testGateway) open(o Options) *Tunnel {
	g.t.Helper()
	tunnel, err := Open(g.t.Context(), o)
	if err != nil {
		g.t.Fatal(err)
	}
	g.tunnels = append(g.tunnels, tunnel)
	return tunnel
}

// got returns what the agent's port has got.
func (g *testGateway) got() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.agent.got)
}

func (g *testGateway) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

// readString reads exactly n bytes.
func readString(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		t.Fatal(err)
	}
	return string(p)
}

var errNoRoute = errors.New("no route to host ")
