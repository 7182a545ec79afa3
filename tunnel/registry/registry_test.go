package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// pipeTunnel is a tunnel whose far end is in the test's hand.
type pipeTunnel struct {
	net.Conn
	state State
}

func (t pipeTunnel) Measure(context.Context) (gateway, agent time.Duration) {
	return 3 * time.Millisecond, 5 * time.Millisecond
}

func (t pipeTunnel) Describe(s *Status) { s.State, s.BytesIn, s.RTT = t.state, 7, 1.5 }

func announce(t *testing.T, dir, alias string) *Entry {
	t.Helper()
	e := NewEntry(alias, "arn:"+alias, "link", false)
	if err := e.Announce(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.End(nil) })
	return e
}

func TestListShowsWhatTheTunnelTells(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	all, err := List(t.Context(), dir)
	if err != nil || len(all) != 1 || all[0].State != Connecting || all[0].PID != os.Getpid() {
		t.Fatalf("while connecting: %+v, %v", all, err)
	}
	near, far := net.Pipe()
	defer far.Close()
	e.Bind(pipeTunnel{near, Connected})
	all, err = List(t.Context(), dir)
	if err != nil || len(all) != 1 || all[0].State != Waiting || all[0].BytesIn != 7 || all[0].SpaceARN != "arn:a.hatch" {
		t.Fatalf("without an ssh: %+v, %v", all, err)
	}
	e.End(nil)
	if all, err = List(t.Context(), dir); err != nil || len(all) != 0 {
		t.Errorf("after the end: %+v, %v", all, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestADeadSocketIsSwept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, socketName("a.hatch", 1))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := List(t.Context(), dir); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead socket stays: %v", err)
	}
}

func TestOneSSHTakesTheStreamAndLearnsTheOutcome(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	near, far := net.Pipe()
	defer far.Close()
	type result struct {
		a   *Attachment
		err error
	}
	early := make(chan result)
	go func() { // an ssh that comes before the tunnel is open
		a, err := Attach(t.Context(), dir, "a.hatch")
		early <- result{a, err}
	}()
	e.Bind(pipeTunnel{near, Connected})
	r := <-early
	if r.err != nil {
		t.Fatal(r.err)
	}
	if r.a.Origin != "link" {
		t.Errorf("the origin is %q", r.a.Origin)
	}
	conn := <-e.Attached()
	if got := e.Status().State; got != Connected {
		t.Errorf("with an ssh the state is %s", got)
	}
	if _, err := Attach(t.Context(), dir, "a.hatch"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second ssh gets %v", err)
	}
	if _, err := Attach(t.Context(), dir, "b.hatch"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another alias gets %v", err)
	}
	if _, err := io.WriteString(conn, "SSH-2.0-x"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r.a); err != nil || string(got) != "SSH-2.0-x" {
		t.Errorf("read %q, %v", got, err)
	}
	why := problem.New(problem.TunnelRefused, "The session ended.", "Connect again.", errors.New("why"))
	why.Paste = "what the hint speaks of"
	go e.End(why)
	p := problem.From(r.a.Outcome())
	if p.Code != problem.TunnelRefused || p.Sentence != "The session ended." || p.Cause == nil || p.Paste != why.Paste {
		t.Errorf("outcome %+v", p)
	}
	if err := r.a.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnSSHThatWaitsForATunnelThatFailsFindsNone(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	got := make(chan error)
	go func() {
		_, err := Attach(t.Context(), dir, "a.hatch")
		got <- err
	}()
	awaitSSH(e)
	e.End(errors.New("refused"))
	if err := <-got; !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// awaitSSH returns when an ssh waits for the tunnel.
func awaitSSH(e *Entry) {
	for {
		e.mu.Lock()
		taken := e.taken
		e.mu.Unlock()
		if taken {
			return
		}
		runtime.Gosched()
	}
}

// TestAnSSHThatGoesWhileItWaitsTakesTheTunnelAlong: nobody else could have it,
// and it would count against the space's ten.
func TestAnSSHThatGoesWhileItWaitsTakesTheTunnelAlong(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := Attach(ctx, dir, "a.hatch")
		gone <- err
	}()
	awaitSSH(e)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	near, far := net.Pipe()
	defer far.Close()
	e.Bind(pipeTunnel{near, Connected})
	<-e.Closing()
}

// mute is a tunnel whose gateway and agent say nothing.
type mute struct {
	pipeTunnel
	asked chan context.Context
}

func (m mute) Measure(ctx context.Context) (gateway, agent time.Duration) {
	m.asked <- ctx
	<-ctx.Done()
	return 0, 0
}

func TestPing(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	if trips, err := Ping(t.Context(), dir, e.Status()); err == nil || trips != (Trips{}) {
		t.Errorf("of a tunnel that is connecting: %+v, %v", trips, err)
	}
	near, far := net.Pipe()
	defer far.Close()
	e.Bind(pipeTunnel{near, Connected})
	for range 2 {
		trips, err := Ping(t.Context(), dir, e.Status())
		if err != nil || trips != (Trips{3 * time.Millisecond, 5 * time.Millisecond}) {
			t.Errorf("%+v, %v", trips, err)
		}
	}
	e.End(nil)
	if _, err := Ping(t.Context(), dir, e.Status()); err == nil {
		t.Error("a tunnel that has ended answers")
	}
	// Whoever asks goes away: nothing goes on measuring for them.
	m := mute{pipeTunnel{near, Connected}, make(chan context.Context, 1)}
	b := announce(t, dir, "b.hatch")
	b.Bind(m)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := Ping(ctx, dir, b.Status())
		answered <- err
	}()
	measuring := <-m.asked
	cancel()
	if err := <-answered; err == nil {
		t.Error("an answer without a measurement")
	}
	<-measuring.Done()
}

func TestEndEndsOnlyWhatIsMeant(t *testing.T) {
	dir := t.TempDir()
	a, b := announce(t, dir, "a.hatch"), announce(t, dir, "b.hatch")
	for _, e := range []*Entry{a, b} {
		go func() {
			<-e.Closing()
			e.End(nil)
		}()
	}
	ended, err := End(t.Context(), dir, "a.hatch")
	if err != nil || len(ended) != 1 || ended[0].Alias != "a.hatch" {
		t.Fatalf("%+v, %v", ended, err)
	}
	if all, err := List(t.Context(), dir); err != nil || len(all) != 1 || all[0].Alias != "b.hatch" {
		t.Errorf("left: %+v, %v", all, err)
	}
	if ended, err = End(t.Context(), dir, ""); err != nil || len(ended) != 1 {
		t.Errorf("%+v, %v", ended, err)
	}
}

func TestAnEntryThatIsNotAnnouncedCannotBeReached(t *testing.T) {
	dir := t.TempDir()
	e := NewEntry("a.hatch", "arn:a", "link", false)
	defer e.End(nil)
	near, far := net.Pipe()
	defer far.Close()
	e.Bind(pipeTunnel{near, Connected})
	if _, err := Attach(t.Context(), dir, "a.hatch"); !errors.Is(err, ErrNotFound) {
		t.Errorf("attached: %v", err)
	}
	e.Rename("b.hatch")
	if err := e.Announce(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), dir, "a.hatch"); !errors.Is(err, ErrNotFound) {
		t.Errorf("attached under the old name: %v", err)
	}
	a, err := Attach(t.Context(), dir, "b.hatch")
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	_ = (<-e.Attached()).Close()
}

func TestAProcessThatDoesNotAnswerIsNamed(t *testing.T) {
	dir := t.TempDir()
	// A listener that nobody serves, as that of a stopped process.
	l, err := net.Listen("unix", filepath.Join(dir, socketName("a.hatch", 4711)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	all, err := List(ctx, dir)
	if err != nil || len(all) != 1 || all[0].State != Unresponsive || all[0].PID != 4711 {
		t.Errorf("%+v, %v", all, err)
	}
	for alias, its := range map[string]bool{"": true, "a.hatch": true, "b.hatch": false} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := End(ctx, dir, alias); (err != nil) != its {
			t.Errorf("ending %q: %v", alias, err)
		}
	}
}
