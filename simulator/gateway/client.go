package gateway

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// maxMessage is the longest WebSocket message read, in bytes. AWS's limit is
// not known; its own clients send 1 KiB, ours at most 64.
const maxMessage = 1 << 20

// The close codes used (RFC 6455 part 7.4.1).
const (
	closeNormal  = ws.StatusNormalClosure
	closeRefused = ws.StatusPolicyViolation
)

// client is the WebSocket of a session's client.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
	socket *shapedConn // under conn

	mu     sync.Mutex // of writing
	buffer []byte
}

// dataChannel answers an upgrade of a data channel and serves it to its end.
func (g *Gateway) dataChannel(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, why string) {
		g.counters.refused.Add(1)
		g.log.Debug("an upgrade is refused", "status", status, "why", why)
		http.Error(w, why, status)
	}
	if !g.enter() {
		refuse(http.StatusServiceUnavailable, "the gateway is closed")
		return
	}
	defer g.working.Done()
	if f := g.faults.Load(); f.RefuseDials {
		refuse(cmp.Or(f.RefuseStatus, http.StatusServiceUnavailable), "refused as a fault")
		return
	}
	s := g.find(r.PathValue("id"))
	if s == nil {
		refuse(http.StatusNotFound, "there is no such session")
		return
	}
	if err := g.checkURL(s, r.URL.Query()); err != nil {
		refuse(http.StatusForbidden, err.Error())
		return
	}
	if err := g.checkSignature(s, r); err != nil {
		refuse(http.StatusForbidden, err.Error())
		return
	}
	conn, buffered, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		g.counters.refused.Add(1)
		g.log.Debug("an upgrade failed", "error", err)
		if conn != nil {
			_ = conn.Close()
		}
		return
	}
	g.counters.upgrades.Add(1)
	c := &client{conn: conn, reader: buffered.Reader}
	if c.socket, err = underlying(conn); err != nil {
		g.log.Error("a connection is not ours", "error", err)
		_ = conn.Close()
		return
	}
	defer func() { _ = conn.Close() }()
	g.serveClient(s, c)
}

// underlying finds the shaped connection below TLS.
func underlying(conn net.Conn) (*shapedConn, error) {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn()
	}
	if socket, ok := conn.(*shapedConn); ok {
		return socket, nil
	}
	return nil, fmt.Errorf("unexpected connection %T", conn)
}

// serveClient takes the client's open message and then carries its messages.
func (g *Gateway) serveClient(s *session, c *client) {
	_ = c.conn.SetReadDeadline(time.Now().Add(openTimeout))
	code, text, err := c.read()
	if err == nil && code != ws.OpText {
		err = errors.New("the first message is not text")
	}
	var hello wire.OpenDataChannel
	if err == nil {
		hello, err = wire.ParseOpenDataChannel(text)
	}
	if err == nil && hello.ClientVersion == "" {
		err = errors.New("the first message has no ClientVersion: only clients are served here")
	}
	if err == nil {
		_ = c.conn.SetReadDeadline(time.Time{})
		err = s.attach(c, hello.Token.Reveal(), g.faults.Load().TokenOnce)
	}
	if err != nil {
		g.counters.refused.Add(1)
		g.log.Debug("a client is refused", "session", s.id, "error", err)
		c.finish(closeRefused)
		c.awaitClose()
		return
	}
	defer s.detach(c)
	g.log.Debug("a client is there", "session", s.id, "version", hello.ClientVersion)
	pinging := make(chan struct{})
	var pings sync.WaitGroup
	defer pings.Wait()
	defer close(pinging)
	pings.Go(func() { c.ping(g.config.PingInterval, pinging) })
	for {
		code, message, err := c.read()
		if err != nil {
			g.log.Debug("a client is gone", "session", s.id, "error", err)
			return
		}
		if code == ws.OpBinary && !s.fromClient(message) {
			c.awaitClose()
			return
		}
	}
}

// ping keeps the connection alive until done.
func (c *client) ping(interval time.Duration, done <-chan struct{}) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			c.frame(ws.OpPing, []byte("keepalive"))
		}
	}
}

// read returns the next text or binary message. It answers pings and closes
// itself.
func (c *client) read() (ws.OpCode, []byte, error) {
	return readMessage(c.reader, func(code ws.OpCode, payload []byte) {
		if code == ws.OpPing {
			c.frame(ws.OpPong, payload)
		} else {
			c.frame(ws.OpClose, payload)
		}
	})
}

// awaitClose reads until the other side has closed, or until the deadline that
// finish has set.
func (c *client) awaitClose() {
	for {
		if _, _, err := c.read(); err != nil {
			return
		}
	}
}

// readMessage reads one message of a client, in however many frames it comes.
// answer is called for pings and closes; a close is io.EOF.
func readMessage(r io.Reader, answer func(code ws.OpCode, payload []byte)) (ws.OpCode, []byte, error) {
	var kind ws.OpCode
	var message []byte
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return 0, nil, fmt.Errorf("read a frame: %w", err)
		}
		state := ws.StateServerSide
		if kind != 0 {
			state = state.Set(ws.StateFragmented)
		}
		if err := ws.CheckHeader(h, state); err != nil {
			return 0, nil, fmt.Errorf("read a frame: %w", err)
		}
		if h.Length > int64(maxMessage-len(message)) {
			return 0, nil, fmt.Errorf("read a frame: message of more than %d bytes", maxMessage)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0, nil, fmt.Errorf("read a frame: %w", err)
		}
		ws.Cipher(payload, h.Mask, 0)
		switch {
		case h.OpCode == ws.OpPing:
			answer(ws.OpPing, payload)
			continue
		case h.OpCode == ws.OpPong:
			continue
		case h.OpCode == ws.OpClose:
			answer(ws.OpClose, payload)
			return 0, nil, io.EOF
		case h.OpCode != ws.OpContinuation:
			kind = h.OpCode
		}
		if message == nil {
			message = payload
		} else {
			message = append(message, payload...)
		}
		if h.Fin {
			return kind, message, nil
		}
	}
}

// write sends a binary message. A dead socket is its reader's business.
func (c *client) write(message []byte) { c.frame(ws.OpBinary, message) }

func (c *client) frame(code ws.OpCode, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := ws.Header{Fin: true, OpCode: code, Length: int64(len(payload))}
	var head [ws.MaxHeaderSize]byte
	room := sliceWriter(c.buffer[:0])
	if err := ws.WriteHeaderBuffer(&room, h, head[:]); err != nil {
		return // lengths are never negative
	}
	c.buffer = append(room, payload...)
	_, _ = c.conn.Write(c.buffer)
}

// sliceWriter appends what is written.
type sliceWriter []byte

func (s *sliceWriter) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// finish closes the WebSocket in order: the client is to answer, but not to be
// waited for.
func (c *client) finish(code ws.StatusCode) {
	c.frame(ws.OpClose, ws.NewCloseFrameBody(code, ""))
	_ = c.conn.SetReadDeadline(time.Now().Add(lastMessagesLimit))
}

// abort resets the TCP connection.
func (c *client) abort() { c.socket.abort() }
