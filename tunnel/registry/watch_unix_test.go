//go:build unix

package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// watching runs Watch until the test ends and gives what it tells.
func watching(t *testing.T, dir string) <-chan []Status {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan []Status)
	ended := make(chan error)
	go func() {
		ended <- Watch(ctx, dir, func(all []Status) {
			select {
			case told <- all:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return told
}

// until returns the first list in which alias has the state.
func until(t *testing.T, told <-chan []Status, alias string, state State) Status {
	t.Helper()
	for all := range told {
		for _, s := range all {
			if s.Alias == alias && s.State == state {
				return s
			}
		}
	}
	return Status{}
}

// shortFolder is not below t.TempDir, whose path is too long for sockets.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "shw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestWatchTellsEveryChange(t *testing.T) {
	dir := filepath.Join(shortFolder(t), "run", "spacehatch")
	told := watching(t, dir)
	if all := <-told; all == nil || len(all) != 0 {
		t.Fatalf("without a folder: %+v", all)
	}
	for range 2 { // a folder that goes and comes again
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		e := announce(t, dir, "a.hatch")
		until(t, told, "a.hatch", Connecting)
		near, far := net.Pipe()
		e.Bind(pipeTunnel{near, Connected})
		until(t, told, "a.hatch", Waiting)
		b := announce(t, dir, "b.hatch")
		until(t, told, "b.hatch", Connecting)
		a, err := Attach(t.Context(), dir, "a.hatch")
		if err != nil {
			t.Fatal(err)
		}
		until(t, told, "a.hatch", Connected)
		e.End(problem.New(problem.TunnelRefused, "The session ended.", "Connect again.", nil))
		if s := until(t, told, "a.hatch", Closed); s.Problem == nil || s.Problem.Sentence != "The session ended." {
			t.Errorf("%+v", s)
		}
		b.End(nil)
		for all := range told { // a.hatch's end was told
			if len(all) != 1 || all[0].Alias != "b.hatch" {
				t.Errorf("after the end of a.hatch: %+v", all)
			}
			if all[0].State == Closed {
				break
			}
		}
		// A socket that is open keeps the folder that its file was in.
		for _, c := range []io.Closer{a, far, <-e.Attached()} {
			_ = c.Close()
		}
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatchBeginsWithWhatIsThere(t *testing.T) {
	dir := shortFolder(t)
	for _, alias := range []string{"b.hatch", "a.hatch", "c.hatch"} {
		announce(t, dir, alias)
	}
	all := <-watching(t, dir)
	if len(all) != 3 || all[0].Alias != "a.hatch" || all[2].Alias != "c.hatch" {
		t.Errorf("%+v", all)
	}
}

// bind makes a socket file that nobody listens on yet.
func bind(t *testing.T, path string) (listen func() net.Listener) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return func() net.Listener {
		if err := unix.Listen(fd, 8); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
}

func TestWatchDoesNotSweepWhatIsJustBeginning(t *testing.T) {
	dir := shortFolder(t)
	told := watching(t, dir)
	<-told
	path := filepath.Join(dir, socketName("a.hatch", 1))
	listen := bind(t, path)
	announce(t, dir, "b.hatch") // its answer takes longer than a refusal
	until(t, told, "b.hatch", Connecting)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the socket of a tunnel that is starting is gone: %v", err)
	}
	conn, err := listen().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var r request
	if err := ipc.Receive(conn, &r); err != nil || r.Op != opFollow {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := ipc.Send(conn, Status{Alias: "a.hatch", State: Connected}); err != nil {
		t.Fatal(err)
	}
	until(t, told, "a.hatch", Connected)
}

func TestWatchTellsOfAProcessThatDied(t *testing.T) {
	dir := shortFolder(t)
	path := filepath.Join(dir, socketName("a.hatch", 1))
	l := bind(t, path)()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = ipc.Receive(conn, new(request))
		_ = ipc.Send(conn, Status{Alias: "a.hatch", State: Connected})
		_, _ = l.Close(), conn.Close() // the file stays, as after a kill
	}()
	told := watching(t, dir)
	if s := until(t, told, "a.hatch", Closed); s.Problem == nil || s.Problem.Sentence == "" {
		t.Errorf("%+v", s)
	}
	b := announce(t, dir, "b.hatch")
	until(t, told, "b.hatch", Connecting)
	for { // the sweep is not told
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			break
		}
		b.Changed()
		until(t, told, "b.hatch", Connecting)
	}
}

func TestWatchTellsAnEndOnce(t *testing.T) {
	dir := shortFolder(t)
	told := watching(t, dir)
	<-told
	l := bind(t, filepath.Join(dir, socketName("a.hatch", 1)))() // it stays
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := ipc.Receive(conn, new(request)); err != nil {
		t.Fatal(err)
	}
	if err := ipc.Send(conn, Status{Alias: "a.hatch", State: Closed}); err != nil {
		t.Fatal(err)
	}
	until(t, told, "a.hatch", Closed)
	announce(t, dir, "b.hatch")
	if all := <-told; len(all) != 1 || all[0].Alias != "b.hatch" {
		t.Errorf("%+v", all)
	}
}

func TestWatchLeavesOutWhoDoesNotAnswer(t *testing.T) {
	dir := shortFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "t-strange-1.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := bind(t, filepath.Join(dir, "t-mute-1.sock"))()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	announce(t, dir, "a.hatch")
	if all := <-watching(t, dir); len(all) != 1 || all[0].Alias != "a.hatch" {
		t.Errorf("%+v", all)
	}
}

// TestATunnelIsReachedAgain after a time in which the system had no descriptor
// left for whoever came.
func TestATunnelIsReachedAgain(t *testing.T) {
	dir := t.TempDir()
	announce(t, dir, "a.hatch")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, socketName("a.hatch", os.Getpid()))})
	for stacks := make([]byte, 1<<20); err == nil; { // until it was not taken
		if n := runtime.Stack(stacks, true); !bytes.Contains(stacks[:n], []byte("AcceptUnix")) {
			break
		}
	}
	if err := errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)); err != nil {
		t.Fatal(err)
	}
	if all, err := List(t.Context(), dir); err != nil || len(all) != 1 || all[0].Alias != "a.hatch" {
		t.Errorf("%+v, %v", all, err)
	}
}
