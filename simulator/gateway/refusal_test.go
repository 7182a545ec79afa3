package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/space"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// idle is a space whose agent does nothing but wait.
type idle struct{ name string }

func (i idle) Name() string { return i.name }

func (idle) Attend(ctx context.Context, _ space.Session, _ space.Channel) string {
	<-ctx.Done()
	return ""
}

// parrot is a space whose agent sends every stream message back.
type parrot struct{ name string }

func (p parrot) Name() string { return p.name }

func (parrot) Attend(ctx context.Context, _ space.Session, channel space.Channel) string {
	for {
		frame, err := channel.Receive(ctx)
		if err != nil {
			return ""
		}
		if m, err := wire.Decode(frame); err == nil && m.Type == wire.TypeInputStreamData && channel.Send(ctx, frame) != nil {
			return ""
		}
	}
}

func startGateway(t *testing.T, config Config) *Gateway {
	t.Helper()
	config.Plain = true
	g, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// dial upgrades without a word after it. status is 0 on success.
func dial(t *testing.T, address string) (c *client, status int) {
	t.Helper()
	d := ws.Dialer{TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Timeout: 10 * time.Second}
	conn, early, _, err := d.Dial(t.Context(), address)
	if err != nil {
		var refused ws.StatusError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return nil, int(refused)
	}
	if early != nil {
		t.Fatal("the gateway speaks first")
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{conn: conn}, 0
}

// hello sends the client's open message with a token.
func hello(t *testing.T, c *client, token secret.String) {
	t.Helper()
	text, err := wire.OpenDataChannel{MessageSchemaVersion: "1.0", RequestID: newID(), Token: token, ClientID: newID(), ClientVersion: "1.3.0.0"}.Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteFrame(c.conn, ws.MaskFrameInPlace(ws.NewTextFrame(text))); err != nil {
		t.Fatal(err)
	}
}

// say sends a stream message, cut into frames as AWS's plugin does.
func say(t *testing.T, c *client, sequence int64, payload string) {
	t.Helper()
	m := wire.Message{Type: wire.TypeInputStreamData, CreatedDate: 1, SequenceNumber: sequence, ID: newID(), PayloadType: wire.PayloadOutput, Payload: []byte(payload)}
	sayMessage(t, c, m)
}

func sayMessage(t *testing.T, c *client, m wire.Message) {
	t.Helper()
	b := m.AppendTo(nil)
	for _, f := range []ws.Frame{ws.NewFrame(ws.OpBinary, false, b[:50]), ws.NewFrame(ws.OpContinuation, true, b[50:])} {
		if err := ws.WriteFrame(c.conn, ws.MaskFrame(f)); err != nil {
			t.Fatal(err)
		}
	}
}

// hear returns the next message that the gateway sends.
func hear(t *testing.T, c *client) (wire.Message, ws.StatusCode) {
	t.Helper()
	f, err := ws.ReadFrame(c.conn)
	if err != nil {
		t.Fatal(err)
	}
	if f.Header.OpCode == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return wire.Message{}, code
	}
	m, err := wire.Decode(f.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return m, 0
}

// wantPayloads compares the next stream messages.
func wantPayloads(t *testing.T, c *client, want ...string) {
	t.Helper()
	for _, w := range want {
		if m, code := hear(t, c); code != 0 || string(m.Payload) != w {
			t.Fatalf("heard %s %q (close code %d), want %q", m.Type, m.Payload, code, w)
		}
	}
}

func create(t *testing.T, g *Gateway, to Space, request Request) Session {
	t.Helper()
	s, err := g.CreateSession(to, request)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestURLsThatAreNotTheSessions(t *testing.T) {
	g := startGateway(t, Config{})
	change := func(from, to string) func(string) string {
		return func(s string) string {
			changed := strings.Replace(s, from, to, 1)
			if changed == s {
				t.Errorf("%q is not in the URL", from)
			}
			return changed
		}
	}
	add := func(s string) func(string) string { return func(u string) string { return u + s } }
	for name, c := range map[string]struct {
		presigned bool
		change    func(string) string
		status    int
	}{
		"as it is":                 {false, add(""), 0},
		"presigned as it is":       {true, add(""), 0},
		"unknown session":          {false, change("SageMaker-remote-", "SageMaker-remote-0"), 404},
		"other path":               {false, change("/v1/data-channel/", "/v1/control-channel/"), 404},
		"no role":                  {false, change("role=publish_subscribe&", ""), 403},
		"plus as a space":          {false, change("%2B", "+"), 403},
		"other encoding, same":     {true, change("%2F", "/"), 0},
		"cell number twice":        {false, add("&cell-number=x"), 403},
		"signature nobody asked":   {false, add("&X-Amz-Signature=00"), 403},
		"presigned, plus as space": {true, func(u string) string { i := strings.LastIndex(u, "%2B"); return u[:i] + "+" + u[i+3:] }, 403},
		"longer life":              {true, change("X-Amz-Expires=60", "X-Amz-Expires=600"), 403},
		"no signature":             {true, func(u string) string { s, _, _ := strings.Cut(u, "&X-Amz"); return s }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := create(t, g, idle{"s"}, Request{Presigned: c.presigned})
			if _, status := dial(t, c.change(s.StreamURL.Reveal())); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
		})
	}
}

func TestAPresignedURLExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gateway{scheme: "wss", host: "h", signKey: []byte("k"), config: Config{}.withDefaults()}
		s := &session{gateway: g, id: "id", cell: "a+/", request: Request{Presigned: true, Expires: time.Minute}}
		u, err := url.Parse(g.streamURL(s))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if err := g.checkURL(s, u.Query()); err != nil {
			t.Errorf("in time: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := g.checkURL(s, u.Query()); err == nil {
			t.Error("too late: no error")
		}
	})
}

func TestOpenMessagesThatAreRefused(t *testing.T) {
	g := startGateway(t, Config{})
	for name, c := range map[string]struct {
		request Request
		frame   func(token string) ws.Frame
	}{
		"wrong token": {Request{}, func(token string) ws.Frame {
			return ws.NewTextFrame([]byte(`{"RequestId":"00112233-4455-4677-8899-aabbccddeeff","ClientVersion":"1","TokenValue":"` + token[1:] + `"}`))
		}},
		"expired session": {Request{TTL: -time.Second}, func(token string) ws.Frame {
			return ws.NewTextFrame([]byte(`{"RequestId":"00112233-4455-4677-8899-aabbccddeeff","ClientVersion":"1","TokenValue":"` + token + `"}`))
		}},
		"an agent": {Request{}, func(token string) ws.Frame {
			return ws.NewTextFrame([]byte(`{"RequestId":"00112233-4455-4677-8899-aabbccddeeff","ClientInstanceId":"i","TokenValue":"` + token + `"}`))
		}},
		"binary":   {Request{}, func(token string) ws.Frame { return ws.NewBinaryFrame([]byte(token)) }},
		"not JSON": {Request{}, func(string) ws.Frame { return ws.NewTextFrame([]byte("hello")) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := create(t, g, idle{"s"}, c.request)
			peer, status := dial(t, s.StreamURL.Reveal())
			if status != 0 {
				t.Fatal(status)
			}
			if err := ws.WriteFrame(peer.conn, ws.MaskFrame(c.frame(s.Token.Reveal()))); err != nil {
				t.Fatal(err)
			}
			if _, code := hear(t, peer); code != closeRefused {
				t.Errorf("close code %d", code)
			}
			if g.Count("s") != 0 {
				t.Error("the session was opened")
			}
		})
	}
}

func TestTokensComeAgainUnlessForbidden(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, parrot{"s"}, Request{})
	open := func(token secret.String) *client {
		c, status := dial(t, s.StreamURL.Reveal())
		if status != 0 {
			t.Fatal(status)
		}
		hello(t, c, token)
		return c
	}
	first := open(s.Token)
	say(t, first, 0, "one")
	wantPayloads(t, first, "one")
	second := open(s.Token)
	say(t, second, 1, "two")
	wantPayloads(t, second, "two")
	if _, err := io.ReadAll(first.conn); err == nil {
		t.Error("the first client was not turned out by a reset")
	}
	g.SetFaults(Faults{TokenOnce: true})
	if _, code := hear(t, open(s.Token)); code != closeRefused {
		t.Errorf("close code %d", code)
	}
	fresh, err := g.ResumeSession(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	third := open(fresh.Token)
	say(t, third, 2, "three")
	wantPayloads(t, third, "three")
	if c := g.Counters(); c.Reconnects != 2 || c.Opened != 1 || c.Refused != 1 || c.Sessions != 1 || c.Dials != 4 || c.Upgrades != 4 {
		t.Errorf("counters %+v", c)
	}
}

func TestFaultsOnMessages(t *testing.T) {
	for name, c := range map[string]struct {
		faults Faults
		want   []string
	}{
		// Both ways count from 1, and the parrot repeats what came up.
		"none":      {Faults{}, []string{"1", "2", "3", "4", "5", "6"}},
		"lose":      {Faults{LoseEvery: 3}, []string{"1", "2", "5"}},
		"duplicate": {Faults{DuplicateEvery: 4}, []string{"1", "2", "3", "4", "4", "4", "5", "6"}},
		"reorder":   {Faults{ReorderEvery: 4}, []string{"1", "2", "3", "4", "5"}},
		"far":       {Faults{ReorderEvery: 2, ReorderSpan: 3}, []string{"1", "5"}},
		"other way": {Faults{LoseAcksEvery: 1}, []string{"1", "2", "3", "4", "5", "6"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGateway(t, Config{Faults: c.faults})
			s := create(t, g, parrot{"s"}, Request{})
			peer, _ := dial(t, s.StreamURL.Reveal())
			hello(t, peer, s.Token)
			for i := range 6 {
				say(t, peer, int64(i), string(rune('1'+i)))
			}
			wantPayloads(t, peer, c.want...)
		})
	}
}

// comeAndGo opens a session as a client that is away when it returns.
func comeAndGo(t *testing.T, g *Gateway, s Session) *session {
	t.Helper()
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	_ = c.conn.Close()
	inside := g.find(s.ID)
	wantAgentHears(t, inside, wire.TypePausePublication)
	return inside
}

func wantAgentHears(t *testing.T, inside *session, want wire.MessageType) {
	t.Helper()
	frame, err := inside.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := wire.Decode(frame); err != nil || m.Type != want {
		t.Fatalf("the agent hears %s, %v", m.Type, err)
	}
}

func TestAMessageForAClientThatIsAwayIsKept(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, idle{"s"}, Request{})
	inside := comeAndGo(t, g, s)
	m := wire.Message{Type: wire.TypeOutputStreamData, CreatedDate: 1, Payload: []byte("kept")}
	if err := inside.Send(t.Context(), m.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	second, _ := dial(t, s.StreamURL.Reveal())
	hello(t, second, s.Token)
	wantPayloads(t, second, "kept")
	wantAgentHears(t, inside, wire.TypeStartPublication)
}

func TestAClientThatStaysAwayLosesItsSession(t *testing.T) {
	g := startGateway(t, Config{AwayLimit: time.Millisecond})
	s := create(t, g, idle{"s"}, Request{})
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	_ = c.conn.Close()
	inside := g.find(s.ID)
	<-inside.ctx.Done()
	again, _ := dial(t, s.StreamURL.Reveal())
	hello(t, again, s.Token)
	m, _ := hear(t, again)
	closed, err := wire.ParseChannelClosed(m.Payload)
	if err != nil || m.Type != wire.TypeChannelClosed || closed.Output != "The session timed out." || closed.SessionID != s.ID {
		t.Errorf("heard %s %+v, %v", m.Type, closed, err)
	}
}

// TestAMutedClientHoldsNobodyUp: neither whoever ends its session, nor whoever
// asks about it, nor the client itself on another socket, nor Close.
func TestAMutedClientHoldsNobodyUp(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, parrot{"s"}, Request{})
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	say(t, c, 0, "here")
	wantPayloads(t, c, "here")
	if n := g.Mute(s.ID); n != 1 {
		t.Fatalf("%d clients", n)
	}
	if err := g.TerminateSession(s.ID, "over"); err != nil {
		t.Fatal(err)
	}
	if n := g.Count("s"); n != 0 || g.list()[0].Reason != "over" {
		t.Errorf("%d open sessions: %v", n, g.list())
	}
	again, _ := dial(t, s.StreamURL.Reveal())
	hello(t, again, s.Token)
	if m, _ := hear(t, again); m.Type != wire.TypeChannelClosed || !strings.Contains(string(m.Payload), "over") {
		t.Errorf("heard %s %q", m.Type, m.Payload)
	}
}

// TestCloseWaitsForNobodyWhoDoesNotRead, also while somebody asks about the
// session whose client that is.
func TestCloseWaitsForNobodyWhoDoesNotRead(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, idle{"s"}, Request{})
	inside := comeAndGo(t, g, s)
	for range 2 * maxUnderWay / maxMessage {
		if err := inside.Send(t.Context(), make([]byte, maxMessage)); err != nil {
			t.Fatal(err)
		}
	}
	second, _ := dial(t, s.StreamURL.Reveal())
	hello(t, second, s.Token)
	held := func(mu *sync.Mutex) {
		for mu.TryLock() {
			mu.Unlock()
			runtime.Gosched()
		}
	}
	held(&inside.mu) // by the gateway, which gives the client what was kept
	asked := make(chan []listed, 1)
	go func() { asked <- g.list() }()
	held(&g.mu)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	<-asked
}

func TestPings(t *testing.T) {
	g := startGateway(t, Config{PingInterval: time.Millisecond})
	s := create(t, g, idle{"s"}, Request{})
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	f, err := ws.ReadFrame(c.conn)
	if err != nil || f.Header.OpCode != ws.OpPing {
		t.Fatalf("%v, %v", f.Header.OpCode, err)
	}
	if err := ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewPingFrame([]byte("mine")))); err != nil {
		t.Fatal(err)
	}
	for f.Header.OpCode != ws.OpPong {
		if f, err = ws.ReadFrame(c.conn); err != nil {
			t.Fatal(err)
		}
	}
	if string(f.Payload) != "mine" {
		t.Errorf("the pong says %q", f.Payload)
	}
}

func TestOnlyTheLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if g, err := Start(t.Context(), Config{Listen: address}); err == nil {
			_ = g.Close()
			t.Errorf("listens on %s", address)
		}
	}
}

func TestControl(t *testing.T) {
	const token = "canary-control-5c1d"
	g := startGateway(t, Config{ControlToken: secret.New(token)})
	s := create(t, g, parrot{"my-space"}, Request{})
	c, _ := dial(t, s.StreamURL.Reveal())
	hello(t, c, s.Token)
	say(t, c, 0, "there")
	wantPayloads(t, c, "there")
	call := func(method, path, bearer, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.Host()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", bearer)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	defer http.DefaultClient.CloseIdleConnections()
	for _, step := range []struct {
		method, path, bearer, body string
		status                     int
		answer                     string
	}{
		{"POST", "/control/drop", "", "", 403, ""},
		{"POST", "/control/drop", "Bearer " + token[1:], "", 403, ""},
		{"GET", "/control/drop", "Bearer " + token, "", 405, ""},
		{"POST", "/control/unknown", "Bearer " + token, "", 404, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"rtt":"3ms","lose_every":0}`, 200, `"rtt":"3ms"`},
		{"POST", "/control/faults", "Bearer " + token, `{"bandwidth":1000000}`, 200, `"rtt":"3ms","bandwidth":1000000`},
		{"POST", "/control/faults", "Bearer " + token, `{"rtt":"-3ms"}`, 400, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"rtt":"soon"}`, 400, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"bandwidth":9223372036854775807}`, 400, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"rtts":"3ms"}`, 400, ""},
		{"POST", "/control/pause", "Bearer " + token, "", 200, `{"clients":1}`},
		{"POST", "/control/start", "Bearer " + token, `{"session":"` + s.ID + `"}`, 200, `{"clients":1}`},
		{"POST", "/control/start", "Bearer " + token, `{"session":"other"}`, 200, `{"clients":0}`},
		{"POST", "/control/faults", "Bearer " + token, `{"reorder_span":1001}`, 400, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"refuse_status":200}`, 400, ""},
		{"POST", "/control/faults", "Bearer " + token, `{"reorder_span":1000,"lose_acks_every":7,"damage_every":9}`, 200, `"reorder_span":1000,"lose_acks_every":7,"damage_every":9`},
		{"POST", "/control/faults", "Bearer " + token, `{"refuse_dials":false,"refuse_status":502}`, 200, `"refuse_dials":false,"refuse_status":502`},
		{"POST", "/control/mute", "Bearer " + token, `{"session":"other"}`, 200, `{"clients":0}`},
		{"POST", "/control/flood", "Bearer " + token, `{"session":"other"}`, 200, `{"clients":0}`},
		{"GET", "/control/state", "Bearer " + token, "", 200, `"id":"` + s.ID + `","space":"my-space","state":"open","client":true,"terminated":false`},
		{"POST", "/control/end", "Bearer " + token, `{"session":"other"}`, 404, ""},
		{"POST", "/control/end", "Bearer " + token, `{"session":"` + s.ID + `","text":"Enough."}`, 200, ""},
	} {
		status, answer := call(step.method, step.path, step.bearer, step.body)
		if status != step.status || !strings.Contains(answer, step.answer) {
			t.Errorf("%s %s %s: %d %s", step.method, step.path, step.body, status, answer)
		}
		if strings.Contains(answer, token) || strings.Contains(answer, s.Token.Reveal()) {
			t.Errorf("%s shows a token", step.path)
		}
	}
	for _, want := range []wire.MessageType{wire.TypePausePublication, wire.TypeStartPublication, wire.TypeChannelClosed} {
		if m, _ := hear(t, c); m.Type != want {
			t.Errorf("heard %s, want %s", m.Type, want)
		}
	}
	if _, code := hear(t, c); code != closeNormal {
		t.Errorf("close code %d", code)
	}
}

func TestWithoutATokenThereIsNoControl(t *testing.T) {
	g := startGateway(t, Config{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.Host()+"/control/drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusNotFound {
		t.Error(resp.Status)
	}
}

func TestSessionsPrintNoSecret(t *testing.T) {
	g := startGateway(t, Config{})
	s := create(t, g, idle{"s"}, Request{Presigned: true})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), s.Token.Reveal()) || strings.Contains(string(text), "X-Amz") {
		t.Errorf("%s", text)
	}
	if n := len(s.Token.Reveal()); n > 1024 || !strings.Contains(s.Token.Reveal(), "+/") {
		t.Errorf("the token has %d characters", n)
	}
}

func TestMessagesThatAreTooLong(t *testing.T) {
	half := bytes.Repeat([]byte("x"), maxMessage/2+1)
	for name, frames := range map[string][]ws.Frame{
		"in one frame": {{Header: ws.Header{Fin: true, OpCode: ws.OpBinary, Masked: true, Length: maxMessage + 1}}},
		"as it claims": {{Header: ws.Header{Fin: true, OpCode: ws.OpBinary, Masked: true, Length: 1 << 62}}},
		"in two":       {ws.MaskFrame(ws.NewFrame(ws.OpBinary, false, half)), ws.MaskFrame(ws.NewFrame(ws.OpContinuation, true, half))},
	} {
		var sent bytes.Buffer
		for _, f := range frames {
			if err := ws.WriteFrame(&sent, f); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := readMessage(&sent, nil); err == nil || !strings.Contains(err.Error(), "message of more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReadMessage reads what a client that means harm may send.
func FuzzReadMessage(f *testing.F) {
	for _, frame := range []ws.Frame{
		ws.NewTextFrame([]byte("{}")), ws.NewPingFrame([]byte("x")), ws.NewCloseFrame(ws.NewCloseFrameBody(closeNormal, "")),
		ws.NewFrame(ws.OpBinary, false, []byte("a")), ws.NewFrame(ws.OpContinuation, true, []byte("b")),
	} {
		masked, err := ws.CompileFrame(ws.MaskFrame(frame))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(masked)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			kind, message, err := readMessage(r, func(ws.OpCode, []byte) {})
			if err != nil {
				return
			}
			if kind != ws.OpText && kind != ws.OpBinary || len(message) > maxMessage {
				t.Fatalf("a message of kind %d with %d bytes", kind, len(message))
			}
		}
	})
}
