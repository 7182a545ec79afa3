package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel/wire"
)

const banner = "SSH-2.0-test\r\n"

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// inBubble runs f with a gateway, in a bubble of fake time in which every
// goroutine has to end.
func inBubble(t *testing.T, f func(t *testing.T, g *testGateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway(t)
		defer g.end()
		f(t, g)
	})
}

func TestOpenReadWriteClose(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		var notices []string
		o := g.options(nil)
		o.Notice = func(text string) { notices = append(notices, text) }
		g.agent.message = "welcome\x07"
		tunnel := g.open(o)
		// Nobody reads for a long time: the banner is kept.
		time.Sleep(100 * time.Second)
		if got := readString(t, tunnel, len(banner)); got != banner {
			t.Errorf("read %q", got)
		}
		if _, err := io.WriteString(tunnel, "hello"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if g.got() != "hello" {
			t.Errorf("the agent got %q", g.got())
		}
		s := tunnel.Stats()
		if s.State != StateOpen || s.BytesIn != int64(len(banner)) || s.BytesOut != 5 || s.Unacknowledged != 0 || s.Reconnects != 0 {
			t.Errorf("%+v", s)
		}
		if err := tunnel.Err(); err != nil {
			t.Error(err)
		}
		if err := tunnel.Close(); err != nil {
			t.Error(err)
		}
		if fmt.Sprint(g.agent.signals) != "[2]" {
			t.Errorf("signals %v", g.agent.signals)
		}
		if _, err := tunnel.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("Read: %v", err)
		}
		if _, err := tunnel.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write: %v", err)
		}
		if err := tunnel.Close(); err != nil || tunnel.Err() != nil || tunnel.Stats().State != StateClosed {
			t.Errorf("after the end: %v, %v", err, tunnel.Err())
		}
		if fmt.Sprint(notices) != "[welcome]" {
			t.Errorf("notices %q", notices)
		}
		if g.uris[0] != "/v1/data-channel/s-1?role=publish_subscribe&cell-number=a%2Bb&X-Amz-Signature="+canaryQuery {
			t.Errorf("dialled %s", g.uris[0])
		}
		if g.opens[0].Token.Reveal() != canaryToken || g.opens[0].ClientVersion != "1.3.0.0" || g.opens[0].MessageSchemaVersion != "1.0" {
			t.Errorf("opened with %+v", g.opens[0])
		}
	})
}

func TestEndFromTheOtherSide(t *testing.T) {
	for _, output := range []string{"", "idle for too long"} {
		inBubble(t, func(t *testing.T, g *testGateway) {
			tunnel := g.open(g.options(nil))
			g.do(func(a *modelAgent) { a.output(time.Now(), []byte("bye")); a.close(time.Now(), output) })
			<-tunnel.Done()
			got, err := io.ReadAll(tunnel)
			if string(got) != banner+"bye" {
				t.Errorf("read %q", got)
			}
			if output == "" && (err != nil || tunnel.Err() != nil) {
				t.Errorf("ended with %v, %v", err, tunnel.Err())
			}
			if output != "" && (code(err) != problem.TunnelRefused || !strings.Contains(err.Error(), output)) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestAThousandSockets loses the socket again and again, in orderly ways and
// not, while bytes go both ways.
func TestAThousandSockets(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		random := rand.New(rand.NewPCG(8, 9))
		upload, download := randomBytes(random, 1<<20), randomBytes(random, 200<<10)
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := tunnel.Write(upload); err != nil {
				t.Error(err)
			}
		})
		var got []byte
		both.Go(func() {
			p := make([]byte, len(banner)+len(download))
			if _, err := io.ReadFull(tunnel, p); err != nil {
				t.Error(err)
			}
			got = p[len(banner):]
		})
		for i := range 1000 {
			g.do(func(a *modelAgent) {
				a.output(time.Now(), download[i*len(download)/1000:(i+1)*len(download)/1000])
			})
			switch i % 3 {
			case 0:
				g.control(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
			case 1:
				g.drop()
			case 2:
				time.Sleep(time.Second)
				g.drop()
			}
			time.Sleep(time.Millisecond)
		}
		both.Wait()
		for g.got() != string(upload) {
			time.Sleep(time.Second)
			if len(g.got()) > len(upload) || !strings.HasPrefix(string(upload), g.got()) {
				t.Fatal("the agent got something else")
			}
		}
		if !bytes.Equal(got, download) {
			t.Error("the bytes received differ")
		}
		for _, o := range g.opens {
			if o.ClientID != g.opens[0].ClientID || o.Token.Reveal() != canaryToken {
				t.Fatal("a reconnect changed the client id or the token")
			}
		}
		if n := tunnel.Stats().Reconnects; n < 600 || n != int64(len(g.opens)-1) {
			t.Errorf("%d reconnects, %d sockets", n, len(g.opens))
		}
	})
}

func TestHourlyCloseIsNotTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		readString(t, tunnel, len(banner))
		time.Sleep(time.Hour)
		g.control(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "Going away\n"+canaryToken)))
		synctest.Wait()
		if _, err := io.WriteString(tunnel, "still here"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s := tunnel.Stats()
		if g.got() != "still here" || s.Reconnects != 1 || s.State != StateOpen || s.LastReconnectReason != "closed by AWS with code 1000: Going away ***" {
			t.Errorf("the agent got %q, %+v", g.got(), s)
		}
		if since := time.Since(s.LastLoss); since != 0 {
			t.Errorf("lost %v ago", since)
		}
	})
}

func TestStatsTellTheThroughput(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		readString(t, tunnel, len(banner))
		second := make([]byte, 100<<10)
		for range 10 {
			g.do(func(a *modelAgent) { a.output(time.Now(), second) })
			readString(t, tunnel, len(second))
			if _, err := tunnel.Write(second[:1<<10]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		// A second after the last byte: bytes that come in bursts are less
		// than they were, right before the next burst.
		s := tunnel.Stats()
		if s.RateIn < 70<<10 || s.RateIn > 110<<10 || s.RateOut < 700 || s.RateOut > 1100 {
			t.Errorf("%.0f and %.0f bytes a second", s.RateIn, s.RateOut)
		}
		time.Sleep(time.Minute)
		if s = tunnel.Stats(); s.RateIn >= 1 || s.RateOut >= 1 {
			t.Errorf("%.0f and %.0f bytes a second, a minute later", s.RateIn, s.RateOut)
		}
	})
}

func TestPingsAndADeadPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if g.pings != 40 || tunnel.Stats().Reconnects != 0 {
			t.Errorf("%d pings in ten minutes, %d reconnects", g.pings, tunnel.Stats().Reconnects)
		}
		g.set(func() { g.mute = true })
		time.Sleep(14 * time.Second)
		if tunnel.Stats().State != StateOpen {
			t.Error("given up too early")
		}
		time.Sleep(31 * time.Second)
		s := tunnel.Stats()
		if s.Reconnects != 1 || s.LastReconnectReason != "silent for 45s" {
			t.Errorf("%+v", s)
		}
	})
}

func TestPingsOfTheGatewayAreAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.control(ws.NewPingFrame([]byte("are you there?")))
		synctest.Wait()
		if n := tunnel.Stats().Reconnects; n != 0 {
			t.Errorf("%d reconnects", n)
		}
		if fmt.Sprintf("%q", g.pongs) != `["are you there?"]` {
			t.Errorf("pongs %q", g.pongs)
		}
	})
}

func TestTokenIsRefreshedWhenTheOldOneIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		o := g.options(nil)
		asked := 0
		o.Refresh = func(context.Context) (secret.String, secret.String, error) {
			asked++
			if asked == 1 {
				return secret.String{}, secret.String{}, errors.New("not yet")
			}
			return secret.New("ws://gateway.test/fresh?X=" + canaryQuery), secret.New("fresh-" + canaryToken), nil
		}
		tunnel := g.open(o)
		readString(t, tunnel, len(banner))
		g.set(func() { g.status = bytesOf(http.StatusForbidden, 3) })
		g.drop()
		if _, err := io.WriteString(tunnel, "hello"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if g.got() != "hello" || asked != 2 || g.opens[1].Token.Reveal() != "fresh-"+canaryToken || g.opens[1].ClientID != g.opens[0].ClientID {
			t.Errorf("the agent got %q, asked %d times, opened with %+v", g.got(), asked, g.opens)
		}
		if want := "/v1 /v1 /v1 /v1 /fresh"; shortPaths(g.uris) != want {
			t.Errorf("dialled %s, want %s", shortPaths(g.uris), want)
		}
	})
}

func shortPaths(uris []string) string {
	var short []string
	for _, u := range uris {
		part, _, _ := strings.Cut(u[1:], "/")
		part, _, _ = strings.Cut(part, "?")
		short = append(short, "/"+part)
	}
	return strings.Join(short, " ")
}

func TestLossThatCannotBeRepairedEndsTheTunnel(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(g *testGateway)
		after  time.Duration // at least, and at most 10 s more
		code   problem.Code
		text   string
	}{
		{"refused", func(g *testGateway) { g.status = []int{403, 403, 403} }, 0, problem.TunnelRefused, "taken up again"},
		{"closed at once", func(g *testGateway) {
			g.greet = func(p *peer) {
				p.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusPolicyViolation, "no "+canaryToken)))
			}
		}, 0, problem.TunnelRefused, "no ***"},
		{"welcomed and closed", func(g *testGateway) {
			g.greet = func(p *peer) {
				for _, kind := range []wire.MessageType{wire.TypeStartPublication, wire.TypePausePublication} {
					m := wire.Message{Type: kind, CreatedDate: 1}
					p.write(ws.NewBinaryFrame(m.AppendTo(nil)))
				}
				p.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
			}
		}, 0, problem.TunnelRefused, "code 1000"},
		{"cut at once", func(g *testGateway) { g.greet = func(*peer) {} }, 0, problem.TunnelRefused, "taken up again"},
		{"no route", func(g *testGateway) { g.dialErr = errNoRoute }, 2 * time.Minute, problem.Unreachable, "within 2m0s"},
		{"busy", func(g *testGateway) { g.status = bytesOf(503, 1000) }, 2 * time.Minute, problem.Unreachable, "within 2m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *testGateway) {
				var log bytes.Buffer
				tunnel := g.open(g.options(&log))
				g.set(func() { c.damage(g) })
				g.drop()
				began := time.Now()
				<-tunnel.Done()
				took := time.Since(began)
				if took < c.after || took > c.after+10*time.Second {
					t.Errorf("ended after %v", took)
				}
				if g.dials > 120 {
					t.Errorf("%d dials", g.dials)
				}
				checkProblem(t, tunnel.Err(), c.code, c.text)
				if _, err := io.ReadAll(tunnel); err != tunnel.Err() { //nolint:errorlint // the very error
					t.Errorf("Read ends with %v", err)
				}
				checkNoCanary(t, log.String())
			})
		})
	}
}

func bytesOf(status, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = status
	}
	return all
}

func checkProblem(t *testing.T, err error, want problem.Code, text string) {
	t.Helper()
	p, ok := errors.AsType[*problem.Problem](err)
	if !ok || p.Code != want || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %s with %q", err, want, text)
		return
	}
	if !strings.HasSuffix(p.Sentence, ".") || p.Hint != "" && !strings.HasSuffix(p.Hint, ".") {
		t.Errorf("no whole sentences: %q, %q", p.Sentence, p.Hint)
	}
	checkNoCanary(t, fmt.Sprintf("%v %+v %#v %s", err, err, p.Cause, p.Hint))
}

func checkNoCanary(t *testing.T, s string) {
	t.Helper()
	if strings.Contains(s, "canary") {
		t.Errorf("a secret shows in %s", s)
	}
}

func TestOpenFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(g *testGateway, o *Options)
		dials  int // negative: at most
		code   problem.Code
		text   string
	}{
		{"no route", func(g *testGateway, o *Options) { g.dialErr = errNoRoute }, 1, problem.Unreachable, "gateway.test:80"},
		{"refused", func(g *testGateway, o *Options) { g.status = bytesOf(403, 9) }, 3, problem.TunnelRefused, "HTTP status 403, AccessDeniedException"},
		{"busy", func(g *testGateway, o *Options) { g.status = bytesOf(503, 9) }, 3, problem.Unreachable, "at the moment"},
		{"redirected", func(g *testGateway, o *Options) { g.status = bytesOf(302, 9) }, 1, problem.Unreachable, "no web socket"},
		{"web page", func(g *testGateway, o *Options) { g.status = bytesOf(200, 9) }, 1, problem.Unreachable, "no web socket"},
		{"closed at once", func(g *testGateway, o *Options) {
			g.greet = func(p *peer) {
				p.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, canaryToken)))
			}
		}, 3, problem.TunnelRefused, "as soon as it was opened"},
		{"silent gateway", func(g *testGateway, o *Options) { g.mute = true }, 1, problem.TunnelRefused, "within 30s"},
		{"cut in the handshake", func(g *testGateway, o *Options) {
			g.greet = func(*peer) {
				time.Sleep(12 * time.Second)
				g.set(func() { g.dialErr = errNoRoute })
			}
		}, -30, problem.Unreachable, "not be opened within 30s"},
		{"session ended", func(g *testGateway, o *Options) { g.agent.close(time.Now(), "gone: "+canaryToken) }, 1, problem.TunnelRefused, "gone: ***"},
		{"not wss", func(g *testGateway, o *Options) { o.InsecurePlain = false }, 0, problem.TunnelRefused, "not wss"},
		{"https", func(g *testGateway, o *Options) { o.StreamURL = secret.New("https://h/" + canaryQuery) }, 0, problem.TunnelRefused, "not wss"},
		{"no URL", func(g *testGateway, o *Options) { o.StreamURL = secret.New("wss://h:" + canaryQuery) }, 0, problem.TunnelRefused, "no URL"},
		{"no host", func(g *testGateway, o *Options) { o.StreamURL = secret.New("wss:" + canaryQuery) }, 0, problem.TunnelRefused, "no host"},
		{"user", func(g *testGateway, o *Options) { o.StreamURL = secret.New("wss://canary@h/") }, 0, problem.TunnelRefused, "names a user"},
		{"line feed", func(g *testGateway, o *Options) { o.StreamURL = secret.New("wss://h/?canary\nHost: x") }, 0, problem.TunnelRefused, "character"},
		{"blank", func(g *testGateway, o *Options) { o.StreamURL = secret.New("wss://h/?canary HTTP/1.1") }, 0, problem.TunnelRefused, "character"},
		{"broken proxy setting", func(g *testGateway, o *Options) {
			o.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("bad proxy canary") }
		}, 0, problem.Unreachable, "proxy setting"},
		{"socks proxy", func(g *testGateway, o *Options) {
			o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("socks5://u:canary@h") }
		}, 0, problem.Unreachable, "kind socks5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *testGateway) {
				var log bytes.Buffer
				o := g.options(&log)
				c.change(g, &o)
				tunnel, err := Open(t.Context(), o)
				if tunnel != nil {
					t.Fatal("a tunnel came out")
				}
				checkProblem(t, err, c.code, c.text)
				if c.dials >= 0 && g.dials != c.dials || g.dials > max(c.dials, -c.dials) {
					t.Errorf("dialled %d times, want %d", g.dials, c.dials)
				}
				checkNoCanary(t, log.String())
			})
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		g.mute = true
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := Open(ctx, g.options(nil))
		checkProblem(t, err, problem.Unreachable, "in time")
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = Open(ctx, g.options(nil))
		checkProblem(t, err, problem.Cancelled, "cancelled")
	})
}

// TestTunnelOutlivesTheContextOfOpen: ctx bounds the opening only.
func TestTunnelOutlivesTheContextOfOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		ctx, cancel := context.WithCancel(t.Context())
		tunnel, err := Open(ctx, g.options(nil))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tunnel.Close() }()
		cancel()
		synctest.Wait()
		if tunnel.Stats().State != StateOpen {
			t.Errorf("state %s", tunnel.Stats().State)
		}
	})
}

func TestWriteWaitsForTheWindowAndEndsWithClose(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.agent.withholdAcks = true })
		written := make(chan int)
		go func() {
			n, err := tunnel.Write(make([]byte, 1<<20))
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Write: %v", err)
			}
			written <- n
		}()
		time.Sleep(time.Second)
		if s := tunnel.Stats(); s.Unacknowledged != firstWindow(safeLimits) {
			t.Errorf("%d bytes on their way", s.Unacknowledged)
		}
		began := time.Now()
		_ = tunnel.Close()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Close took %v", took)
		}
		if n := <-written; n != firstWindow(safeLimits)+pendingLimit {
			t.Errorf("%d bytes were taken", n)
		}
	})
}

func TestCloseDoesNotWaitWithoutASocket(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.dialErr = errNoRoute })
		g.drop()
		synctest.Wait()
		if s := tunnel.Stats(); s.State != StateReconnecting {
			t.Errorf("%+v", s)
		}
		began := time.Now()
		_ = tunnel.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if err := tunnel.Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestSlowReaderHoldsTheGatewayUp(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		readString(t, tunnel, len(banner))
		block := randomBytes(rand.New(rand.NewPCG(1, 2)), 12<<20)
		g.do(func(a *modelAgent) { a.output(time.Now(), block) })
		time.Sleep(10 * time.Second)
		tunnel.mu.Lock()
		kept := tunnel.ch.in.kept.size
		tunnel.mu.Unlock()
		if kept < inboundLimit || kept > inboundLimit+1024 {
			t.Errorf("%d bytes are kept", kept)
		}
		began := time.Now()
		p := make([]byte, len(block))
		if _, err := io.ReadFull(tunnel, p); err != nil || !bytes.Equal(p, block) {
			t.Errorf("the bytes differ, %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("what did not fit was lost and had to be repeated, for %v", took)
		}
		if s := tunnel.Stats(); s.Reconnects != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestPauseOnTheWire(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.do(func(a *modelAgent) { a.service(time.Now(), wire.TypePausePublication, nil) })
		synctest.Wait()
		if _, err := io.WriteString(tunnel, "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := tunnel.Stats(); s.State != StatePaused || g.got() != "" {
			t.Errorf("%+v, the agent got %q", s, g.got())
		}
		g.do(func(a *modelAgent) { a.service(time.Now(), wire.TypeStartPublication, nil) })
		synctest.Wait()
		if s := tunnel.Stats(); s.State != StateOpen || g.got() != "x" {
			t.Errorf("%+v, the agent got %q", s, g.got())
		}
	})
}

func TestStalledAgentCostsASocket(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.agent.withholdAcks = true })
		if _, err := io.WriteString(tunnel, "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(stallAfter + time.Second)
		if s := tunnel.Stats(); s.Reconnects != 1 || !strings.Contains(s.LastReconnectReason, "acknowledged") {
			t.Errorf("%+v", s)
		}
		<-tunnel.Done()
		checkProblem(t, tunnel.Err(), problem.Unreachable, "stopped answering")
	})
}
