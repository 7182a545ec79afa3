package tunnel

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	// messageLimit bounds one message from the gateway, in bytes. The agent's
	// hold about 1 KiB.
	messageLimit = 1 << 20
	readBuffer   = 32 << 10
)

// frame is one message or control frame. Its payload is valid until the next
// one is received.
type frame struct {
	kind    ws.OpCode // OpText, OpBinary, OpPing, OpPong
	payload []byte
}

// socket is a connection to the gateway. receive and send may run at the same
// time, each in one goroutine; close ends both.
type socket interface {
	// receive waits for the next frame; a close frame gives a *closeError.
	// waiting is called each time before it waits for the network: all that has
	// come so far has been received then, but for the start of a frame.
	receive(waiting func(last arrival)) (frame, error)
	// send writes frames that appendFrame made, in one go.
	send(frames []byte) error
	// system is the system's connection below; nil where there is none.
	system() *net.TCPConn
	close()
}

// closeError says that the gateway closed the socket in an orderly way.
type closeError struct {
	code   ws.StatusCode
	reason string // not trusted
}

func (e *closeError) Error() string {
	return fmt.Sprintf("the gateway closed the socket with code %d", e.code)
}

// passing reports whether the code says that the gateway will take sockets
// again (RFC 6455, 7.4.1, and its registry): it goes away, restarts, has failed
// or is busy.
func (e *closeError) passing() bool {
	switch e.code {
	case ws.StatusGoingAway, ws.StatusInternalServerError, 1012, 1013, 1014:
		return true
	}
	return false
}

var errTooLarge = fmt.Errorf("a message of more than %d bytes", messageLimit)

// webSocket is a socket over the network.
type webSocket struct {
	conn      net.Conn // with a line below it, or a line
	line      *line
	reader    *bufio.Reader
	deadAfter time.Duration
	waiting   func(last arrival) // of the present receive

	header     [ws.MaxHeaderSize]byte
	control    [ws.MaxControlFramePayloadSize]byte
	message    []byte
	fragmented bool
	kind       ws.OpCode // of the fragmented message

	closing sync.Once
}

// newWebSocket takes over a connection that has been upgraded. rest holds what
// was read from it already.
func newWebSocket(conn net.Conn, rest io.Reader, deadAfter time.Duration) *webSocket {
	l := lineOf(conn)
	if l == nil {
		l = newLine(conn)
		conn = l
	}
	if rest == nil {
		rest = conn
	}
	s := &webSocket{conn: conn, line: l, reader: bufio.NewReaderSize(rest, readBuffer), deadAfter: deadAfter}
	l.waiting = s.wait
	return s
}

// wait is called before the network is waited for.
func (s *webSocket) wait(last arrival) {
	if s.waiting != nil {
		s.waiting(last)
	}
	// On a closed connection it fails, as what follows will.
	_ = s.conn.SetReadDeadline(time.Now().Add(s.deadAfter))
}

func (s *webSocket) receive(waiting func(last arrival)) (frame, error) {
	s.waiting = waiting
	for {
		h, err := ws.ReadHeaderBuffer(s.reader, s.header[:])
		if err != nil {
			return frame{}, fmt.Errorf("read from the gateway: %w", err)
		}
		state := ws.StateClientSide
		if s.fragmented {
			state = state.Set(ws.StateFragmented)
		}
		if err := ws.CheckHeader(h, state); err != nil {
			return frame{}, fmt.Errorf("read from the gateway: %w", err)
		}
		if h.OpCode.IsControl() {
			return s.receiveControl(h)
		}
		if !s.fragmented {
			s.message = s.message[:0]
			s.kind = h.OpCode
		}
		if err := s.receiveData(h.Length); err != nil {
			return frame{}, err
		}
		s.fragmented = !h.Fin
		if h.Fin {
			return frame{s.kind, s.message}, nil
		}
	}
}

func (s *webSocket) receiveControl(h ws.Header) (frame, error) {
	payload := s.control[:h.Length]
	if _, err := io.ReadFull(s.reader, payload); err != nil {
		return frame{}, fmt.Errorf("read from the gateway: %w", err)
	}
	if h.OpCode != ws.OpClose {
		return frame{h.OpCode, payload}, nil
	}
	if len(payload) < 2 {
		return frame{}, &closeError{code: ws.StatusNoStatusRcvd}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	return frame{}, &closeError{code, reason}
}

// receiveData appends n bytes to the message.
func (s *webSocket) receiveData(n int64) error {
	have := len(s.message)
	if n > messageLimit-int64(have) {
		return fmt.Errorf("read from the gateway: %w", errTooLarge)
	}
	size := have + int(n)
	if size > cap(s.message) {
		s.message = append(make([]byte, 0, max(size, 2*cap(s.message), 4096)), s.message...)
	}
	s.message = s.message[:size]
	if _, err := io.ReadFull(s.reader, s.message[have:]); err != nil {
		return fmt.Errorf("read from the gateway: %w", err)
	}
	return nil
}

func (s *webSocket) send(frames []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.deadAfter)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	s.line.cork()
	_, err := s.conn.Write(frames)
	if err := errors.Join(err, s.line.uncork()); err != nil {
		return fmt.Errorf("write to the gateway: %w", err)
	}
	return nil
}

// close closes the connection below TLS, whose farewell would wait for room
// where the other end takes nothing any more.
func (s *webSocket) close() {
	s.closing.Do(func() { _ = bottom(s.conn).Close() })
}

func (s *webSocket) system() *net.TCPConn {
	conn, _ := bottom(s.conn).(*net.TCPConn)
	return conn
}

// bottom is the network's own connection below one of ours.
func bottom(conn net.Conn) net.Conn {
	for inner := below(conn); inner != nil; inner = below(conn) {
		conn = inner
	}
	return conn
}

// below returns what a connection of ours stands on, nil for the network's own.
func below(conn net.Conn) net.Conn {
	switch conn := conn.(type) {
	case *tls.Conn:
		return conn.NetConn()
	case *line:
		return conn.Conn
	}
	return nil
}

// lineOf finds the topmost line in a connection, nil where there is none.
func lineOf(conn net.Conn) *line {
	for ; conn != nil; conn = below(conn) {
		if l, ok := conn.(*line); ok {
			return l
		}
	}
	return nil
}

// frameRoom is what openFrame leaves for a frame's header, in bytes: that of a
// client's message of 126 to 65535 bytes.
const frameRoom = 2 + 2 + 4

// openFrame appends room for a frame's header. What is appended behind it is
// the payload, until sealFrame.
func openFrame(dst []byte) []byte { return append(dst, 0, 0, 0, 0, 0, 0, 0, 0) }

// sealFrame makes a client frame of what stands in dst from start on, where
// openFrame was called.
func sealFrame(dst []byte, start int, kind ws.OpCode, mask [4]byte) []byte {
	const fin, masked = 0x80, 0x80
	n := len(dst) - start - frameRoom
	var header [14]byte
	h := append(header[:0], fin|byte(kind))
	switch {
	case n < 126:
		h = append(h, masked|byte(n))
	case n < 1<<16:
		h = append(h, masked|126, byte(n>>8), byte(n))
	default:
		h = append(h, masked|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	h = append(h, mask[:]...)
	if more := len(h) - frameRoom; more > 0 {
		dst = append(dst, header[:more]...) // any bytes: room
	}
	payload := dst[start+len(h):][:n]
	if len(h) != frameRoom {
		copy(payload, dst[start+frameRoom:][:n])
	}
	copy(dst[start:], h)
	ws.Cipher(payload, mask, 0)
	return dst[:start+len(h)+n]
}

// appendFrame appends a whole client frame.
func appendFrame(dst []byte, kind ws.OpCode, mask [4]byte, payload []byte) []byte {
	start := len(dst)
	return sealFrame(append(openFrame(dst), payload...), start, kind, mask)
}

// isTimeout reports whether err means that a deadline has passed.
func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
