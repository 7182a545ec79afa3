package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/ipc"
)

// say opens a connection to the entry's socket, sends bytes and returns the
// connection.
func say(t *testing.T, dir, alias string, data []byte) net.Conn {
	t.Helper()
	conn, err := ipc.Dial(t.Context(), filepath.Join(dir, socketName(alias, os.Getpid())))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	return conn
}

// hostileRequests are what no program of ours says.
func hostileRequests() map[string][]byte {
	frame := func(body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	return map[string][]byte{
		"nothing":               nil,
		"half a length":         {0, 0},
		"a length and no more":  {0, 0, 0, 9},
		"a length out of bound": {0xff, 0xff, 0xff, 0xff},
		"no JSON":               frame("nonsense"),
		"JSON of another kind":  frame(`[1,2]`),
		"an unknown request":    frame(`{"op":"explode"}`),
		"no request":            frame(`{}`),
		"another alias":         frame(`{"op":"attach","alias":"b.hatch"}`),
		"no alias":              frame(`{"op":"attach"}`),
		"a web page's request":  []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"an ssh":                []byte("SSH-2.0-OpenSSH_9.2\r\n"),
	}
}

// Whoever says something strange harms neither the tunnel nor the next one.
func TestStrangeRequestsChangeNothing(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	near, far := net.Pipe()
	defer far.Close()
	e.Bind(pipeTunnel{near, Connected})
	for name, data := range hostileRequests() {
		conn := say(t, dir, "a.hatch", data)
		if unix, ok := conn.(*net.UnixConn); ok {
			_ = unix.CloseWrite()
		}
		got, err := io.ReadAll(conn)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(string(got), `"ok":true`) {
			t.Errorf("%s: allowed: %s", name, got)
		}
		_ = conn.Close()
	}
	all, err := List(t.Context(), dir)
	if err != nil || len(all) != 1 || all[0].State != Waiting {
		t.Fatalf("%+v, %v", all, err)
	}
	a, err := Attach(t.Context(), dir, "a.hatch")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-e.Closing():
		t.Error("somebody closed it")
	default:
	}
}

// A socket that answers nonsense, or nothing, is left out and left alone.
func TestStrangeSocketsAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	announce(t, dir, "a.hatch")
	for name, answer := range map[string]string{
		"t-nonsense-1.sock": "nonsense and more of it",
		"t-nothing-2.sock":  "",
		"t-huge-3.sock":     "\xff\xff\xff\xff",
	} {
		l, err := ipc.Listen(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			for {
				conn, err := l.Accept()
				if err != nil {
					return // closed below
				}
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}()
		defer func() {
			_ = l.Close()
			<-served
		}()
	}
	for _, name := range []string{"t-file-4.sock", "other.sock", "t-file-5"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "t-folder-6.sock"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := List(t.Context(), dir)
	if err != nil || len(all) != 1 || all[0].Alias != "a.hatch" {
		t.Errorf("%+v, %v", all, err)
	}
	for _, name := range []string{"t-nonsense-1.sock", "t-nothing-2.sock", "t-huge-3.sock", "other.sock", "t-file-5"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	if none, err := List(t.Context(), filepath.Join(dir, "missing")); err != nil || len(none) != 0 {
		t.Errorf("without a folder: %v, %v", none, err)
	}
}

// An ssh that gives up while it waits takes the tunnel with it: nobody else may
// have what it saw.
func TestAnSSHThatGivesUpWhileItWaits(t *testing.T) {
	dir := t.TempDir()
	e := announce(t, dir, "a.hatch")
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := Attach(ctx, dir, "a.hatch")
		got <- err
	}()
	for !func() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.taken }() { // until it waits
	}
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("it gets %v", err)
	}
	if _, err := Attach(t.Context(), dir, "a.hatch"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the next one gets %v", err)
	}
}

// Any bytes on the socket leave a tunnel that can still be asked.
func FuzzRequest(f *testing.F) {
	for _, data := range hostileRequests() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("close")) {
			t.Skip("that is a request")
		}
		dir := t.TempDir()
		e := announce(t, dir, "a.hatch")
		conn := say(t, dir, "a.hatch", data)
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if unix, ok := conn.(*net.UnixConn); ok {
			_ = unix.CloseWrite()
		}
		if !bytes.Contains(data, []byte("attach")) { // which waits
			_, _ = io.Copy(io.Discard, conn)
		}
		_ = conn.Close()
		if s := e.Status(); s.State != Connecting || s.Alias != "a.hatch" {
			t.Errorf("%+v", s)
		}
		e.End(nil)
	})
}
