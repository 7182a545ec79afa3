package forward

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// The frames of smux, version 1: version, command, payload length and stream
// id, both little-endian, then the payload (github.com/xtaci/smux, frame.go,
// which is what AWS's agent runs).
const (
	muxVersion = 1
	headerSize = 8

	cmdOpen  = 0 // SYN: a new stream
	cmdClose = 1 // FIN: no more of it, either way
	cmdData  = 2 // PSH
	cmdNoop  = 3 // NOP: a sign of life
)

// The times of smux's own settings.
const (
	aliveEvery = 10 * time.Second
	deadAfter  = 30 * time.Second
)

var (
	errFrame  = errors.New("a frame is not one of smux, version 1")
	errSilent = errors.New("the other end gave no sign of life")
	errEnded  = errors.New("the session has ended")
)

// session is the client's end of many streams over one.
type session struct {
	conn   io.ReadWriteCloser
	closed chan struct{}

	writing sync.Mutex // one frame after the other
	frame   []byte     // the one that is written

	mu      sync.Mutex // all below
	room    *sync.Cond // there is room for more bytes, or all is over
	streams map[uint32]*muxStream
	last    uint32 // the id given last
	kept    int    // bytes that no stream's reader has taken
	heard   time.Time
	err     error // of the end
}

// newSession returns a session that nobody reads yet; call run.
func newSession(conn io.ReadWriteCloser) *session {
	s := &session{conn: conn, closed: make(chan struct{}), streams: map[uint32]*muxStream{}, heard: time.Now()}
	// A client's ids are odd; the library begins with 3.
	s.last = 1
	s.room = sync.NewCond(&s.mu)
	return s
}

// run takes in what comes until the session ends, and returns why.
func (s *session) run() error {
	header := make([]byte, headerSize)
	for {
		if _, err := io.ReadFull(s.conn, header); err != nil {
			return s.end(err)
		}
		if header[0] != muxVersion || header[1] > cmdNoop {
			return s.end(errFrame)
		}
		length, id := int(binary.LittleEndian.Uint16(header[2:])), binary.LittleEndian.Uint32(header[4:])
		if length > 0 && header[1] != cmdData {
			return s.end(errFrame)
		}
		var payload []byte
		if length > 0 {
			payload = make([]byte, length)
			if _, err := io.ReadFull(s.conn, payload); err != nil {
				return s.end(err)
			}
		}
		if !s.receive(header[1], id, payload) {
			return s.end(errEnded)
		}
	}
}

// receive deals with one frame, and waits while too much is kept. It reports
// whether the session goes on.
func (s *session) receive(command byte, id uint32, payload []byte) bool {
	s.mu.Lock()
	s.heard = time.Now()
	to := s.streams[id]
	if to != nil && command == cmdData {
		to.keep(payload)
		s.kept += len(payload)
		to.readable.Broadcast()
	}
	if to != nil && command == cmdClose {
		to.far = true
		to.readable.Broadcast()
	}
	for s.kept >= receiveBuffer && s.err == nil {
		s.room.Wait()
	}
	// What was waited for was our own doing.
	s.heard = time.Now()
	goesOn := s.err == nil
	s.mu.Unlock()
	if command == cmdOpen && goesOn {
		// Nobody opens connections from there.
		goesOn = s.send(cmdClose, id, nil) == nil
	}
	return goesOn
}

// end closes the session and every stream; the first reason counts.
func (s *session) end(why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.err = why
	close(s.closed)
	for _, stream := range s.streams {
		stream.readable.Broadcast()
	}
	s.room.Broadcast()
	return why
}

// send writes one frame, of at most frameSize bytes.
func (s *session) send(command byte, id uint32, payload []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.frame = append(s.frame[:0], muxVersion, command)
	s.frame = binary.LittleEndian.AppendUint16(s.frame, uint16(len(payload)))
	s.frame = binary.LittleEndian.AppendUint32(s.frame, id)
	s.frame = append(s.frame, payload...)
	if _, err := s.conn.Write(s.frame); err != nil {
		return s.end(fmt.Errorf("write a frame: %w", err))
	}
	return nil
}

// keepAlive shows that this end is there, and ends a session whose other end
// shows nothing, until the session is closed.
func (s *session) keepAlive() {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		silent := time.Since(s.heard) > deadAfter && s.kept < receiveBuffer
		s.mu.Unlock()
		if silent {
			_ = s.end(errSilent)
			return
		}
		if s.send(cmdNoop, 0, nil) != nil {
			return
		}
	}
}

// open begins a stream.
func (s *session) open() (*muxStream, error) {
	s.mu.Lock()
	if s.err != nil || s.last > 1<<32-3 { // two thousand million streams
		s.mu.Unlock()
		return nil, errEnded
	}
	s.last += 2
	stream := &muxStream{session: s, id: s.last}
	stream.readable = sync.NewCond(&s.mu)
	// Known before the other end hears of it: its first bytes may come at once.
	s.streams[stream.id] = stream
	s.mu.Unlock()
	if err := s.send(cmdOpen, stream.id, nil); err != nil {
		return nil, err
	}
	return stream, nil
}

// muxStream is one connection's stream. One goroutine may read it, one write
// it, and any close it.
type muxStream struct {
	session  *session
	id       uint32
	readable *sync.Cond // of session.mu
	chunks   [][]byte   // not read yet
	far      bool       // the far side has closed it
	near     bool       // we have
}

// keep puts aside what has come, small pieces together: each by itself would
// cost more than it holds. It is called with the session's lock held.
func (m *muxStream) keep(payload []byte) {
	last := len(m.chunks) - 1
	switch {
	case len(payload) == 0:
	case last >= 0 && len(m.chunks[last])+len(payload) <= frameSize:
		m.chunks[last] = append(m.chunks[last], payload...)
	default:
		m.chunks = append(m.chunks, payload)
	}
}

// Read returns what has come; io.EOF where the far side has closed the stream
// and all has been read.
func (m *muxStream) Read(p []byte) (int, error) {
	s := m.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case m.near:
			return 0, io.ErrClosedPipe
		case len(m.chunks) > 0:
			n := copy(p, m.chunks[0])
			if m.chunks[0] = m.chunks[0][n:]; len(m.chunks[0]) == 0 {
				m.chunks = m.chunks[1:]
			}
			s.release(n)
			return n, nil
		case m.far:
			return 0, io.EOF
		case s.err != nil:
			return 0, s.err
		}
		m.readable.Wait()
	}
}

// release notes that n kept bytes are gone. It is called with the lock held.
func (s *session) release(n int) {
	full := s.kept >= receiveBuffer
	s.kept -= n
	if full && s.kept < receiveBuffer {
		s.room.Broadcast()
	}
}

// Write sends p in frames. Between two of them others have their turn.
func (m *muxStream) Write(p []byte) (n int, err error) {
	for n < len(p) {
		m.session.mu.Lock()
		over := m.near || m.far
		m.session.mu.Unlock()
		if over {
			return n, io.ErrClosedPipe
		}
		part := p[n:min(len(p), n+frameSize)]
		if err := m.session.send(cmdData, m.id, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// Close ends the stream both ways and forgets what was not read.
func (m *muxStream) Close() error {
	s := m.session
	s.mu.Lock()
	if m.near {
		s.mu.Unlock()
		return nil
	}
	m.near = true
	delete(s.streams, m.id)
	for _, chunk := range m.chunks {
		s.release(len(chunk))
	}
	m.chunks = nil
	m.readable.Broadcast()
	over := s.err != nil
	s.mu.Unlock()
	if over {
		return nil
	}
	return s.send(cmdClose, m.id, nil)
}
