package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The most that is under way in one direction of a connection, in bytes, where
// the bandwidth has no cap; and with a cap how much of it, in time, waits for
// the line besides what is on its way.
const (
	maxUnderWay  = 32 << 20
	minUnderWay  = 64 << 10
	lineQueue    = 200 * time.Millisecond
	maxChunk     = 64 << 10
	cappedChunk  = 4 << 10 // so that a capped line flows instead of jumping
	closingLimit = 5 * time.Second
)

// network is the simulated network before the gateway: its settings, and all
// connections that run through it.
type network struct {
	working sync.WaitGroup

	mu       sync.Mutex
	settings settings
	changed  chan struct{} // closed when settings change
	aborted  bool
	conns    map[*shapedConn]struct{}
}

// settings are the network's shape.
type settings struct {
	delay     time.Duration // each way
	bandwidth int64         // bytes per second, each way; 0: no cap
	silent    bool
}

func newNetwork() *network {
	return &network{changed: make(chan struct{}), conns: map[*shapedConn]struct{}{}}
}

// shape changes the network for what is sent from now on; silence also stops
// what is under way.
func (n *network) shape(delay time.Duration, bandwidth int64, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settings = settings{delay, bandwidth, silent}
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *network) now() (settings, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.settings, n.changed
}

// abort resets all connections, those to come too.
func (n *network) abort() {
	n.mu.Lock()
	n.aborted = true
	all := make([]*shapedConn, 0, len(n.conns))
	for c := range n.conns {
		all = append(all, c)
	}
	n.mu.Unlock()
	for _, c := range all {
		c.abort()
	}
}

func (n *network) wait() { n.working.Wait() }

// shapedListener gives connections that run through a network.
type shapedListener struct {
	net.Listener
	network  *network
	accepted *atomic.Int64
}

func (l *shapedListener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	return l.network.join(raw), nil
}

// shapedConn is a connection whose bytes take their time, each way on a line
// of its own.
type shapedConn struct {
	net.Conn  // for the addresses
	network   *network
	up, down  *line
	unread    []byte // of the last chunk; Read is called by one goroutine
	closeOnce sync.Once
}

// join starts the lines of a new connection.
func (n *network) join(raw net.Conn) *shapedConn {
	c := &shapedConn{Conn: raw, network: n, up: newLine(n), down: newLine(n)}
	n.mu.Lock()
	// The peer believes that it has waited for the TCP handshake.
	c.up.opened = time.Now().Add(2 * n.settings.delay)
	n.conns[c] = struct{}{}
	aborted := n.aborted
	n.mu.Unlock()
	var both sync.WaitGroup
	both.Add(2)
	n.working.Go(func() { defer both.Done(); c.receive() })
	n.working.Go(func() { defer both.Done(); c.deliver() })
	n.working.Go(func() {
		both.Wait()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.conns, c)
	})
	if aborted {
		c.abort()
	}
	return c
}

// receive carries the peer's bytes onto the line up.
func (c *shapedConn) receive() {
	buffer := make([]byte, maxChunk)
	for {
		n, err := c.Conn.Read(buffer)
		if n > 0 && c.up.push(buffer[:n]) != nil {
			return
		}
		if err != nil {
			c.up.end(err)
			return
		}
	}
}

// deliver carries the line down to the peer, and closes the socket behind the
// last byte.
func (c *shapedConn) deliver() {
	for {
		chunk, err := c.down.pop()
		if err == nil {
			_, err = c.Conn.Write(chunk)
		}
		if err != nil {
			c.down.fail(err)
			_ = c.Conn.Close()
			return
		}
	}
}

func (c *shapedConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.unread) == 0 {
		chunk, err := c.up.pop()
		if err != nil {
			return 0, err
		}
		c.unread = chunk
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *shapedConn) Write(p []byte) (int, error) {
	if err := c.down.push(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close lets what was written arrive, for a bounded time, and drops what comes
// from the peer.
func (c *shapedConn) Close() error {
	c.closeOnce.Do(func() {
		c.up.fail(net.ErrClosed)
		c.down.end(net.ErrClosed)
		c.down.failAfter(closingLimit)
	})
	return nil
}

// mute has the packets of the connection vanish from now on, both ways; only
// abort ends it. The peer finds after a while that nothing more is taken.
func (c *shapedConn) mute() {
	c.up.mute()
	c.down.mute()
}

// abort resets the connection.
func (c *shapedConn) abort() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
	c.up.fail(errAborted)
	c.down.fail(errAborted)
}

var errAborted = errors.New("the connection was reset")

func (c *shapedConn) SetDeadline(t time.Time) error {
	c.up.setDeadline(t)
	return nil
}

func (c *shapedConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: a write that waits for room ends with the
// connection.
func (c *shapedConn) SetWriteDeadline(time.Time) error { return nil }

// line is one direction of a connection: bytes in the order in which they
// were pushed, each with the time at which it arrives.
type line struct {
	network *network
	opened  time.Time // nothing leaves earlier

	mu       sync.Mutex
	wake     chan struct{} // closed, and made anew, when anything below changes
	chunks   []chunk
	underWay int
	free     time.Time // when the last byte has left a capped sender
	last     error     // comes after the chunks
	failed   error     // comes at once
	deadline time.Time // of pop
	timer    *time.Timer
	muted    bool // nothing arrives any more, and nothing has room
}

type chunk struct {
	data []byte
	due  time.Time
}

func newLine(n *network) *line { return &line{network: n, wake: make(chan struct{})} }

// changed wakes whoever waits. The caller holds l.mu.
func (l *line) changed() {
	close(l.wake)
	l.wake = make(chan struct{})
}

// push copies p onto the line. It waits while too much is under way.
func (l *line) push(p []byte) error {
	for len(p) > 0 {
		s, reshaped := l.network.now()
		l.mu.Lock()
		if err := errors.Join(l.failed, l.last); err != nil {
			l.mu.Unlock()
			return err
		}
		if l.muted || l.underWay >= s.limit() {
			wake := l.wake
			l.mu.Unlock()
			select {
			case <-wake:
			case <-reshaped:
			}
			continue
		}
		part := p[:min(len(p), s.chunk())]
		p = p[len(part):]
		l.put(part, s)
		l.mu.Unlock()
	}
	return nil
}

// put adds one part. The caller holds l.mu.
func (l *line) put(part []byte, s settings) {
	now := later(time.Now(), l.opened)
	if s.bandwidth > 0 {
		l.free = later(l.free, now).Add(time.Duration(int64(len(part)) * int64(time.Second) / s.bandwidth))
		now = l.free
	}
	due := now.Add(s.delay)
	l.underWay += len(part)
	if n := len(l.chunks); n > 0 {
		tail := &l.chunks[n-1]
		if due.Sub(tail.due) < time.Millisecond/8 && len(tail.data)+len(part) <= maxChunk {
			tail.data = append(tail.data, part...)
			return // many small writes cost one chunk
		}
	}
	l.chunks = append(l.chunks, chunk{append([]byte(nil), part...), due})
	l.changed()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s settings) limit() int {
	if s.bandwidth == 0 {
		return maxUnderWay
	}
	return max(minUnderWay, int(float64(s.bandwidth)*(s.delay+lineQueue).Seconds()))
}

func (s settings) chunk() int {
	if s.bandwidth == 0 {
		return maxChunk
	}
	return cappedChunk
}

// pop waits for the next bytes to arrive.
func (l *line) pop() ([]byte, error) {
	for {
		s, reshaped := l.network.now()
		l.mu.Lock()
		data, wait, err := l.arrived(s)
		wake := l.wake
		l.mu.Unlock()
		if data != nil || err != nil {
			return data, err
		}
		var timeout <-chan time.Time
		var timer *time.Timer
		if wait > 0 {
			timer = time.NewTimer(wait)
			timeout = timer.C
		}
		select {
		case <-wake:
		case <-reshaped:
		case <-timeout:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// arrived returns what is there, or how long to wait; 0 is until woken. The
// caller holds l.mu.
func (l *line) arrived(s settings) (data []byte, wait time.Duration, err error) {
	if l.failed != nil {
		return nil, 0, l.failed
	}
	if !l.deadline.IsZero() {
		if wait = time.Until(l.deadline); wait <= 0 {
			return nil, 0, os.ErrDeadlineExceeded
		}
	}
	switch {
	case s.silent || l.muted:
		return nil, wait, nil
	case len(l.chunks) == 0:
		return nil, wait, l.last
	}
	if due := time.Until(l.chunks[0].due); due > 0 {
		if wait == 0 || due < wait {
			wait = due
		}
		return nil, wait, nil
	}
	data = l.chunks[0].data
	l.chunks = l.chunks[1:]
	l.underWay -= len(data)
	l.changed()
	return data, 0, nil
}

// end lets what is under way arrive and then gives err.
func (l *line) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = err
		l.changed()
	}
}

// fail gives err at once and loses what is under way.
func (l *line) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.failed == nil {
		l.failed, l.chunks = err, nil
		l.changed()
	}
}

// failAfter bounds what end lets arrive.
func (l *line) failAfter(limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.timer = time.AfterFunc(limit, func() { l.fail(io.ErrClosedPipe) })
	}
}

func (l *line) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
	l.changed()
}

func (l *line) setDeadline(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = t
	l.changed()
}
