// Package registry makes the runtime folder the list of open tunnels: each
// tunnel process announces itself by an owner-only socket there, and whoever
// wants to see, use or end a tunnel asks that socket. There is no daemon.
//
// It must not know how a tunnel works, where sessions come from or what
// travels through.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// State is how a tunnel is, as a word.
type State string

// The states of a tunnel.
const (
	Connecting   State = "connecting"   // dialling, or in the handshake
	Waiting      State = "waiting"      // open, and no ssh has come yet
	Connected    State = "connected"    // open, with an ssh in it
	Reconnecting State = "reconnecting" // the web socket is gone; the session is being kept
	Paused       State = "paused"       // the gateway asked for a pause
	Closed       State = "closed"       // ended
	// Unresponsive: the process lives and does not answer, as one that was
	// stopped. Of such a tunnel only the process is known.
	Unresponsive State = "unresponsive"
)

// Status is what a tunnel tells about itself. It holds no secret.
type Status struct {
	Alias    string `json:"alias"`
	SpaceARN string `json:"space_arn"`
	// Origin says where the tunnel's session came from, in the words of
	// whoever opened it.
	Origin   string    `json:"origin,omitempty"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"`     // when the tunnel process started
	BytesIn  int64     `json:"bytes_in"`  // from the space
	BytesOut int64     `json:"bytes_out"` // to the space
	// LastActive is when somebody was last seen to work through the tunnel;
	// zero where nobody was yet.
	LastActive time.Time `json:"last_active,omitzero"`
	// RateIn and RateOut are how fast they moved in the last seconds, in
	// bytes a second.
	RateIn  int64 `json:"rate_in"`
	RateOut int64 `json:"rate_out"`
	// RTT is the smoothed round-trip time of acknowledgements in
	// milliseconds, 0 where nothing was measured yet.
	RTT float64 `json:"rtt_ms"`
	// Unacknowledged is how many bytes are on their way to the space, and
	// Window how many may be.
	Unacknowledged int `json:"unacknowledged"`
	Window         int `json:"window"`
	// Retransmissions counts messages that were sent again.
	Retransmissions int64 `json:"retransmissions"`
	// Reconnects counts web sockets that replaced a lost one.
	Reconnects int `json:"reconnects"`
	// LastLoss is why a new web socket was last needed; nil where none was.
	LastLoss *Loss `json:"last_loss,omitempty"`
	PID      int   `json:"pid"`
	// Problem says why the tunnel ended; nil while it lives and after a normal
	// end.
	Problem *Failure `json:"problem,omitempty"`
}

// Loss is the loss of a web socket.
type Loss struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // printable, one line
}

// Failure carries a problem.Problem to another process.
type Failure struct {
	Code     problem.Code `json:"code"`
	Sentence string       `json:"sentence"`
	Hint     string       `json:"hint,omitempty"`
	Detail   string       `json:"detail,omitempty"`
	Paste    string       `json:"paste,omitempty"`
}

// AsError returns the problem again, or nil.
func (f *Failure) AsError() error {
	if f == nil {
		return nil
	}
	var cause error
	if f.Detail != "" {
		cause = errors.New(f.Detail)
	}
	p := problem.New(f.Code, f.Sentence, f.Hint, cause)
	p.Paste = f.Paste
	return p
}

// Ended is the last status of a tunnel that ended with err, for one that may
// never have been announced.
func Ended(alias string, err error) Status {
	return Status{Alias: alias, State: Closed, Since: time.Now().Truncate(time.Second), PID: os.Getpid(), Problem: failureOf(err)}
}

func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	p := problem.From(err)
	f := &Failure{Code: p.Code, Sentence: p.Sentence, Hint: p.Hint, Paste: p.Paste}
	if p.Cause != nil {
		f.Detail = p.Cause.Error()
	}
	return f
}

// ErrNotFound says that no tunnel that would serve is announced.
var ErrNotFound = errors.New("no such tunnel")

const (
	// answerLimit bounds the wait for a first word, and openingLimit the wait
	// for a tunnel that is connecting.
	answerLimit  = 5 * time.Second
	openingLimit = 90 * time.Second
	// pingLimit bounds a measurement: what comes later counts as no answer.
	pingLimit = 10 * time.Second
)

const (
	opStatus = "status" // one Status
	opFollow = "follow" // a Status now and at every change, the last one Closed
	opAttach = "attach" // an answer, then the raw stream
	opPing   = "ping"   // a pong, when the answers have come or pingLimit is over
	opClose  = "close"  // an answer, when the tunnel has ended
)

type request struct {
	Op    string `json:"op"`
	Alias string `json:"alias,omitempty"` // attach: whose tunnel is meant
}

type answer struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

// Trips is how long answers took; 0 is no answer.
type Trips struct {
	Gateway time.Duration `json:"gateway"` // a WebSocket ping to the gateway and back
	Agent   time.Duration `json:"agent"`   // a message to the space's agent and its acknowledgement
}

type pong struct {
	answer
	Trips
}

// socketName is short, since a socket's path has at most 104 bytes on macOS,
// and begins with what the alias alone decides.
func socketName(alias string, pid int) string {
	return fmt.Sprintf("%s%d.sock", socketPrefix(alias), pid)
}

// pidOf is the process in a socket's name, 0 where there is none.
func pidOf(path string) int {
	name := strings.TrimSuffix(filepath.Base(path), ".sock")
	pid, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil {
		return 0
	}
	return pid
}

func socketPrefix(alias string) string {
	sum := sha256.Sum256([]byte(alias))
	return "t-" + hex.EncodeToString(sum[:4]) + "-"
}

// List asks every announced tunnel for its status, sorted by alias and start.
// Sockets of dead processes are swept on the way; a tunnel that does not
// answer within two seconds is [Unresponsive].
func List(ctx context.Context, dir string) ([]Status, error) {
	paths, err := sockets(dir, "t-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var (
		mu   sync.Mutex
		all  []Status
		wait sync.WaitGroup
	)
	for _, path := range paths {
		wait.Go(func() {
			status, err := ask(ctx, path)
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
				status, err = Status{State: Unresponsive, PID: pidOf(path)}, nil
			}
			if err != nil {
				return // dead and swept, or just ending
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, status)
		})
	}
	wait.Wait()
	slices.SortFunc(all, byAliasAndStart)
	return all, nil
}

func byAliasAndStart(a, b Status) int {
	if c := strings.Compare(a.Alias, b.Alias); c != 0 {
		return c
	}
	return a.Since.Compare(b.Since)
}

func sockets(dir, prefix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the runtime folder: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) && strings.HasSuffix(entry.Name(), ".sock") {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, nil
}

// dial opens a conversation and says what it is about.
func dial(ctx context.Context, path string, r request) (*ipc.Conn, error) {
	conn, err := ipc.Dial(ctx, path)
	if errors.Is(err, ipc.ErrDead) {
		_ = os.Remove(path) // swept by whoever finds it
	}
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if err := ipc.Send(conn, r); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func ask(ctx context.Context, path string) (Status, error) {
	conn, err := dial(ctx, path, request{Op: opStatus})
	if err != nil {
		return Status{}, err
	}
	defer func() { _ = conn.Close() }()
	var status Status
	if err := ipc.Receive(conn, &status); err != nil {
		return Status{}, err
	}
	return status, nil
}

// Attachment is the stream of a tunnel, as its one ssh sees it.
type Attachment struct {
	*ipc.Conn
	// Origin is the tunnel's [Status].Origin.
	Origin string

	follow *ipc.Conn
}

// Attach takes the stream of a tunnel for alias that no ssh has taken yet. It
// waits while that tunnel is still connecting. It returns [ErrNotFound] where
// there is none to take, one that failed meanwhile included: the caller then
// makes its own.
func Attach(ctx context.Context, dir, alias string) (*Attachment, error) {
	paths, err := sockets(dir, socketPrefix(alias))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		a, err := attach(ctx, path, alias)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("attach to %s: %w", alias, ErrNotFound)
}

func attach(ctx context.Context, path, alias string) (*Attachment, error) {
	soon, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	follow, err := dial(soon, path, request{Op: opFollow})
	if err != nil {
		return nil, err
	}
	var status Status
	if err := ipc.Receive(follow, &status); err != nil {
		_ = follow.Close()
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, openingLimit)
	defer cancel()
	conn, err := dial(waiting, path, request{Op: opAttach, Alias: alias})
	if err != nil {
		_ = follow.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	var a answer
	err = ipc.Receive(conn, &a)
	if err == nil && !a.OK {
		err = errors.New(a.Reason)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_, _ = conn.Close(), follow.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	_ = follow.SetDeadline(time.Time{})
	return &Attachment{Conn: conn, Origin: status.Origin, follow: follow}, nil
}

// Outcome returns why the tunnel ended, to be called when the stream has
// ended: nil after a normal end. It waits at most two seconds.
func (a *Attachment) Outcome() error {
	_ = a.follow.SetDeadline(time.Now().Add(2 * time.Second))
	for {
		var status Status
		if err := ipc.Receive(a.follow, &status); err != nil {
			return problem.New(problem.TunnelRefused, "The tunnel process ended without a word.",
				"Connect again.", err)
		}
		if status.State == Closed {
			return status.Problem.AsError()
		}
	}
}

// Close gives the stream up, and with it the tunnel.
func (a *Attachment) Close() error {
	return errors.Join(a.Conn.Close(), a.follow.Close())
}

// listen calls f with what a tunnel says that was asked to tell of every
// change, until f returns false or the tunnel has ended ([Closed], the last
// call). It returns io.ErrUnexpectedEOF where the tunnel's process died, and
// closes conn.
func listen(ctx context.Context, conn net.Conn, f func(Status) bool) error {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		var status Status
		if err := ipc.Receive(conn, &status); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return io.ErrUnexpectedEOF
		}
		if !f(status) || status.State == Closed {
			return nil
		}
	}
}

// Ping has the tunnel of a status measure its way. It returns within about ten
// seconds, with what has been answered by then; an error where the tunnel cannot
// be asked.
func Ping(ctx context.Context, dir string, s Status) (Trips, error) {
	ctx, cancel := context.WithTimeout(ctx, pingLimit+answerLimit)
	defer cancel()
	conn, err := dial(ctx, filepath.Join(dir, socketName(s.Alias, s.PID)), request{Op: opPing})
	if err != nil {
		return Trips{}, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var p pong
	if err := ipc.Receive(conn, &p); err != nil {
		return Trips{}, errors.Join(ctx.Err(), err)
	}
	if !p.OK {
		return Trips{}, errors.New(p.Reason)
	}
	return p.Trips, nil
}

// End ends the tunnels of alias (all tunnels where alias is empty) and returns
// the status of each as it was just before. It returns when they have ended.
func End(ctx context.Context, dir, alias string) ([]Status, error) {
	all, err := List(ctx, dir)
	if err != nil {
		return nil, err
	}
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		ended []Status
		fails []error
	)
	for _, status := range all {
		if status.State == Unresponsive {
			if alias == "" || isOf(dir, alias, status.PID) {
				mu.Lock()
				fails = append(fails, fmt.Errorf("the tunnel process %d does not answer", status.PID))
				mu.Unlock()
			}
			continue
		}
		if alias != "" && status.Alias != alias {
			continue
		}
		wait.Go(func() {
			err := end(ctx, filepath.Join(dir, socketName(status.Alias, status.PID)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fails = append(fails, fmt.Errorf("end the tunnel to %s (process %d): %w", status.Alias, status.PID, err))
				return
			}
			ended = append(ended, status)
		})
	}
	wait.Wait()
	return ended, errors.Join(fails...)
}

// isOf reports whether a process that does not say whose its tunnel is has one
// of the alias: the name of its socket tells.
func isOf(dir, alias string, pid int) bool {
	_, err := os.Lstat(filepath.Join(dir, socketName(alias, pid)))
	return err == nil
}

func end(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := dial(ctx, path, request{Op: opClose})
	if err == nil {
		var a answer
		err = errors.Join(ipc.Receive(conn, &a), conn.Close())
	}
	if err != nil {
		// A tunnel that ends in this very moment takes its answer with it.
		if _, gone := ask(ctx, path); errors.Is(gone, ipc.ErrDead) {
			return nil
		}
	}
	return err
}
