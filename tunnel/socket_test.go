package tunnel

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// canned is a connection that gives some bytes and then ends.
type canned struct {
	net.Conn
	io.Reader
}

func (c canned) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c canned) SetReadDeadline(time.Time) error { return nil }

func receiveFrom(frames ...ws.Frame) *webSocket {
	var b bytes.Buffer
	for _, f := range frames {
		ws.MustWriteFrame(&b, f)
	}
	return newWebSocket(canned{Reader: &b}, nil, time.Second)
}

func TestFragmentsBecomeOneMessage(t *testing.T) {
	s := receiveFrom(
		ws.NewFrame(ws.OpBinary, false, []byte("one ")),
		ws.NewPingFrame([]byte("ping")),
		ws.NewFrame(ws.OpContinuation, false, nil),
		ws.NewFrame(ws.OpContinuation, true, []byte("message")),
		ws.NewTextFrame([]byte("text")),
		ws.NewPongFrame(nil),
		ws.NewBinaryFrame(make([]byte, 70_000)),
		ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "bye")),
	)
	for _, want := range []frame{
		{ws.OpPing, []byte("ping")}, {ws.OpBinary, []byte("one message")}, {ws.OpText, []byte("text")},
		{ws.OpPong, nil}, {ws.OpBinary, make([]byte, 70_000)},
	} {
		f, err := s.receive(nil)
		if err != nil || f.kind != want.kind || !bytes.Equal(f.payload, want.payload) {
			t.Fatalf("got %v with %d bytes, %v", f.kind, len(f.payload), err)
		}
	}
	_, err := s.receive(nil)
	if c, ok := errors.AsType[*closeError](err); !ok || c.code != 1000 || c.reason != "bye" {
		t.Errorf("got %v", err)
	}
}

func TestFramesThatNoGatewayMaySend(t *testing.T) {
	large := ws.NewFrame(ws.OpBinary, false, make([]byte, messageLimit))
	for name, frames := range map[string][]ws.Frame{
		"masked":               {ws.MaskFrame(ws.NewBinaryFrame([]byte("x")))},
		"continuation of none": {ws.NewFrame(ws.OpContinuation, true, nil)},
		"message in a message": {ws.NewFrame(ws.OpBinary, false, nil), ws.NewBinaryFrame(nil)},
		"fragmented ping":      {ws.NewFrame(ws.OpPing, false, nil)},
		"too large a ping":     {ws.NewPingFrame(make([]byte, 126))},
		"unknown kind":         {ws.NewFrame(5, true, nil)},
		"reserved bits":        {{Header: ws.Header{Fin: true, Rsv: 4, OpCode: ws.OpBinary}}},
		"too large":            {ws.NewBinaryFrame(make([]byte, messageLimit+1))},
		"too large in sum":     {large, ws.NewFrame(ws.OpContinuation, true, []byte("x"))},
		"close":                {ws.NewCloseFrame(nil)},
		"close with one byte":  {ws.NewCloseFrame([]byte{3})},
		"nothing":              nil,
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := receiveFrom(frames...).receive(nil); err == nil {
				t.Errorf("got %v with %d bytes", f.kind, len(f.payload))
			}
		})
	}
}

func TestOurFramesAreReadByOthers(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 100_000} {
		payload := bytes.Repeat([]byte("x"), n)
		b := appendFrame([]byte("before"), ws.OpBinary, [4]byte{1, 2, 3, 4}, payload)
		kind, got, err := readClientFrame(bytes.NewReader(b[len("before"):]))
		if err != nil || kind != ws.OpBinary || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %v, %v", n, kind, err)
		}
	}
}

func FuzzReceive(f *testing.F) {
	var b bytes.Buffer
	ws.MustWriteFrame(&b, ws.NewFrame(ws.OpBinary, false, []byte("x")))
	ws.MustWriteFrame(&b, ws.NewFrame(ws.OpContinuation, true, []byte("y")))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newWebSocket(canned{Reader: bytes.NewReader(b)}, nil, time.Second)
		for total := 0; ; {
			f, err := s.receive(nil)
			if err != nil {
				return
			}
			if total += len(f.payload); total > len(b) {
				t.Fatal("more came out than went in")
			}
		}
	})
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"plain, ünïcode 漢字":               "plain, ünïcode 漢字",
		"\x1b[31mred\x1b[0m\r\nline":      "[31mred [0m line",
		"a\u202eb\u009bc\x00d\xffe\u2028": "a b c d e",
	} {
		if got := oneLine(in, 100); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
	if got := oneLine("ééé", 2); got != "éé…" {
		t.Errorf("cut wrongly: %q", got)
	}
}

// TestCloseDoesNotWaitForAPeerThatTakesNothing: a socket whose packets vanish
// must make room for the next one at once.
func TestCloseDoesNotWaitForAPeerThatTakesNothing(t *testing.T) {
	a := newAuthority(t)
	real := time.Now() // the certificate is valid today
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12})
		shaken := make(chan error, 1)
		go func() { shaken <- server.Handshake() }()
		client := tls.Client(near, &tls.Config{RootCAs: a.pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, Time: func() time.Time { return real }})
		if err := errors.Join(client.Handshake(), <-shaken); err != nil {
			t.Fatal(err)
		}
		s := newWebSocket(client, nil, 45*time.Second)
		began := time.Now()
		s.close()
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		_ = far.Close()
	})
}
