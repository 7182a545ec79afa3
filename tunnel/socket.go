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
	receive() (frame, error)
	// send writes frames that appendFrame made, in one go.
	send(frames []byte) error
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

var errTooLarge = fmt.Errorf("a message of more than %d bytes", messageLimit)

// webSocket is a socket over the network.
type webSocket struct {
	conn      net.Conn
	reader    *bufio.Reader
	deadAfter time.Duration

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
	if rest == nil {
		rest = conn
	}
	return &webSocket{conn: conn, reader: bufio.NewReaderSize(rest, readBuffer), deadAfter: deadAfter}
}

func (s *webSocket) receive() (frame, error) {
	for {
		if s.reader.Buffered() == 0 {
			if err := s.conn.SetReadDeadline(time.Now().Add(s.deadAfter)); err != nil {
				return frame{}, fmt.Errorf("set the read deadline: %w", err)
			}
		}
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
	if _, err := s.conn.Write(frames); err != nil {
		return fmt.Errorf("write to the gateway: %w", err)
	}
	return nil
}

// close closes the connection below TLS, whose farewell would wait for room
// where the other end takes nothing any more.
func (s *webSocket) close() {
	s.closing.Do(func() {
		conn := s.conn
		for secured, ok := conn.(*tls.Conn); ok; secured, ok = conn.(*tls.Conn) {
			conn = secured.NetConn()
		}
		_ = conn.Close()
	})
}

// appendFrame appends a whole client frame: header, mask, masked payload.
func appendFrame(dst []byte, kind ws.OpCode, mask [4]byte, payload []byte) []byte {
	const fin, masked = 0x80, 0x80
	dst = append(dst, fin|byte(kind))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, masked|byte(n))
	case n < 1<<16:
		dst = append(dst, masked|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, masked|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	dst = append(dst, mask[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	ws.Cipher(dst[start:], mask, 0)
	return dst
}

// isTimeout reports whether err means that a deadline has passed.
func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
