package tunnel

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// line is a connection that asks the system for much at once: what TLS reads
// and writes in records of its own, and in two steps each, comes and goes
// several records at a time.
type line struct {
	net.Conn
	reader *bufio.Reader
	// waiting is called before the system is asked for bytes, with what it gave
	// last and how long that took; nil where nobody wants to know.
	waiting func(last arrival)
	last    arrival

	mu     sync.Mutex // TLS may say goodbye from another goroutine
	corked bool
	corkOf []byte
}

// arrival is what one question to the system brought.
type arrival struct {
	bytes int
	took  time.Duration
}

// lineBuffer is what is asked of the system at once, in bytes.
const lineBuffer = 32 << 10

func newLine(conn net.Conn) *line {
	l := &line{Conn: conn}
	l.reader = bufio.NewReaderSize(lineSource{l}, lineBuffer)
	return l
}

// lineSource is the line's connection as its buffer reads it.
type lineSource struct{ *line }

func (s lineSource) Read(p []byte) (int, error) {
	if s.waiting != nil {
		s.waiting(s.last)
	}
	asked := time.Now()
	n, err := s.Conn.Read(p)
	s.last = arrival{n, time.Since(asked)}
	return n, err
}

func (l *line) Read(p []byte) (int, error) { return l.reader.Read(p) }

// Write writes p, or keeps it until uncork.
func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.corked {
		l.corkOf = append(l.corkOf, p...)
		return len(p), nil
	}
	return l.Conn.Write(p)
}

// cork keeps what is written from now on.
func (l *line) cork() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.corked = true
}

// uncork writes what was kept, in one go.
func (l *line) uncork() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.corked = false
	if len(l.corkOf) == 0 {
		return nil
	}
	_, err := l.Conn.Write(l.corkOf)
	l.corkOf = l.corkOf[:0]
	return err
}
