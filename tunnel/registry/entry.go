package registry

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/internal/ipc"
)

// acceptPause is the wait after a connection that could not be taken.
const acceptPause = 50 * time.Millisecond

// Tunnel is what an entry serves: it can tell how it is.
type Tunnel interface {
	// Describe fills in state and figures.
	Describe(*Status)
	// Measure asks the gateway and the space's agent, waits for their answers
	// or the end of ctx, and returns how long each took; 0 is no answer.
	Measure(ctx context.Context) (gateway, agent time.Duration)
}

// Entry is what a tunnel process tells of its tunnel, and how others reach it
// once it is announced. Give it the tunnel with Bind.
type Entry struct {
	listener *ipc.Listener // nil until it is announced
	attached chan net.Conn // the one ssh; closed never, taken once
	closing  chan struct{} // somebody asked for the end
	bound    chan struct{} // closed by Bind or End
	ended    chan struct{} // closed by End
	wait     sync.WaitGroup
	endOnce  sync.Once

	mu     sync.Mutex
	status Status
	tunnel Tunnel
	taken  bool
	asked  bool

	// Its own lock: a tunnel tells of a change while it holds its lock, and
	// is asked for its status while mu is held.
	news    sync.Mutex
	changed chan struct{} // closed and replaced at every change
}

// NewEntry makes an entry that nobody can reach yet. The space's ARN and the
// session's origin are only passed on. taken says that an ssh has this tunnel
// already, so that no other can attach.
func NewEntry(alias, spaceARN, origin string, taken bool) *Entry {
	return &Entry{
		attached: make(chan net.Conn, 1),
		closing:  make(chan struct{}),
		bound:    make(chan struct{}),
		ended:    make(chan struct{}),
		changed:  make(chan struct{}),
		taken:    taken,
		status: Status{
			Alias: alias, SpaceARN: spaceARN, Origin: origin, State: Connecting,
			Since: time.Now().Truncate(time.Second), PID: os.Getpid(),
		},
	}
}

// Rename gives the tunnel another alias. It is too late once it is announced.
func (e *Entry) Rename(alias string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status.Alias = alias
}

// Announce makes the entry's socket in dir (paths.MakeRuntime) and serves it
// until End. An early ssh may come before Bind: it waits.
func (e *Entry) Announce(dir string) error {
	l, err := ipc.Listen(filepath.Join(dir, socketName(e.Status().Alias, os.Getpid())))
	if err != nil {
		return err
	}
	e.listener = l
	e.wait.Go(e.accept)
	return nil
}

// Bind gives the entry its open tunnel.
func (e *Entry) Bind(t Tunnel) {
	e.mu.Lock()
	e.tunnel = t
	e.mu.Unlock()
	close(e.bound)
	e.Changed()
}

// Changed tells the followers that the tunnel's state is another one.
func (e *Entry) Changed() {
	e.news.Lock()
	defer e.news.Unlock()
	close(e.changed)
	e.changed = make(chan struct{})
}

// Attached gives the stream of the ssh that took the tunnel, at most one.
func (e *Entry) Attached() <-chan net.Conn { return e.attached }

// Closing is closed when somebody asked for the tunnel's end.
func (e *Entry) Closing() <-chan struct{} { return e.closing }

// End tells followers why the tunnel ended (nil: normally), removes the
// socket and waits until every conversation is over.
func (e *Entry) End(reason error) {
	e.endOnce.Do(func() {
		e.mu.Lock()
		e.describe()
		e.status.State = Closed
		e.status.Problem = failureOf(reason)
		e.mu.Unlock()
		close(e.ended)
		if e.listener != nil {
			_ = e.listener.Close()
		}
	})
	e.wait.Wait()
}

func (e *Entry) accept() {
	for {
		conn, err := e.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors or the like
			select {
			case <-time.After(acceptPause):
			case <-e.ended:
			}
			continue
		}
		e.wait.Go(func() { e.converse(conn) })
	}
}

func (e *Entry) converse(conn *ipc.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var r request
	if err := ipc.Receive(conn, &r); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if r.Op == opAttach {
		e.attach(conn, r.Alias)
		return
	}
	defer func() { _ = conn.Close() }()
	switch r.Op {
	case opStatus:
		_ = ipc.Send(conn, e.Status())
	case opFollow:
		e.follow(conn)
	case opPing:
		e.measure(conn)
	case opClose:
		e.close()
		<-e.ended
		_ = ipc.Send(conn, answer{OK: true})
	default:
		_ = ipc.Send(conn, answer{Reason: "unknown request"})
	}
}

// attach hands the connection over to the tunnel's owner, or refuses it.
func (e *Entry) attach(conn *ipc.Conn, alias string) {
	refuse := func(reason string) {
		_ = ipc.Send(conn, answer{Reason: reason})
		_ = conn.Close()
	}
	e.mu.Lock()
	taken := e.taken || e.status.Alias != alias
	if !taken {
		e.taken = true
	}
	e.mu.Unlock()
	if taken {
		refuse("another ssh has this tunnel")
		return
	}
	select {
	case <-e.bound:
	case <-e.ended:
		refuse("the tunnel has ended")
		return
	}
	if err := ipc.Send(conn, answer{OK: true}); err != nil {
		_ = conn.Close()
		e.close() // an ssh came and went: nobody else may have what it saw
		return
	}
	e.attached <- conn
	e.Changed()
}

// measure answers a ping. It ends with the conversation.
func (e *Entry) measure(conn *ipc.Conn) {
	e.mu.Lock()
	tunnel := e.tunnel
	e.mu.Unlock()
	if tunnel == nil {
		_ = ipc.Send(conn, pong{answer: answer{Reason: "the tunnel is still connecting"}})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pingLimit)
	defer cancel()
	e.wait.Go(func() {
		defer cancel()
		_, _ = conn.Read(make([]byte, 1)) // whoever asks says nothing: this is the end of it
	})
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	gateway, agent := tunnel.Measure(ctx)
	_ = ipc.Send(conn, pong{answer{OK: true}, Trips{gateway, agent}})
}

func (e *Entry) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.asked {
		e.asked = true
		close(e.closing)
	}
}

func (e *Entry) follow(conn *ipc.Conn) {
	gone, cancel := context.WithCancel(context.Background())
	defer cancel()
	e.wait.Go(func() {
		defer cancel()
		_, _ = conn.Read(make([]byte, 1)) // a follower says nothing: this is its end
	})
	for {
		e.news.Lock()
		changed := e.changed
		e.news.Unlock()
		status := e.Status()
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if err := ipc.Send(conn, status); err != nil || status.State == Closed {
			return
		}
		select {
		case <-changed:
		case <-e.ended:
		case <-gone.Done():
			return
		}
	}
}

// Status is how the tunnel is now.
func (e *Entry) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.describe()
	return e.status
}

// describe asks the tunnel; the lock is held.
func (e *Entry) describe() {
	if e.tunnel == nil || e.status.State == Closed {
		return
	}
	e.tunnel.Describe(&e.status)
	if e.status.State == Connected && !e.taken {
		e.status.State = Waiting
	}
}
