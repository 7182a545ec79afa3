package tunnel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// outages are the ways in which a network is gone: what dialling meets.
func outages(g *testGateway) map[string]func(ctx context.Context) (net.Conn, error) {
	return map[string]func(ctx context.Context) (net.Conn, error){
		"no route": func(context.Context) (net.Conn, error) { return nil, errNoRoute },
		"packets vanish": func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"connected to nobody": func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			g.running.Go(func() {
				_, _ = io.Copy(io.Discard, far)
				_ = far.Close()
			})
			return near, nil
		},
		"the proxy finds no way": func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			g.running.Go(func() {
				_, _ = http.ReadRequest(bufio.NewReader(far))
				_, _ = io.WriteString(far, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
				_ = far.Close()
			})
			return near, nil
		},
	}
}

// awaitState waits, in virtual time, until the tunnel has a state.
func awaitState(t *testing.T, tunnel *Tunnel, state State, limit time.Duration) (took time.Duration) {
	t.Helper()
	began := time.Now()
	for tunnel.Stats().State != state {
		if time.Since(began) > limit {
			t.Fatalf("after %v the state is %s", limit, tunnel.Stats().State)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// TestTheNetworksReturnIsNoticedWithinTwoSeconds: however the network was gone,
// and for however long within the limit.
func TestTheNetworksReturnIsNoticedWithinTwoSeconds(t *testing.T) {
	for name := range outages(nil) {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			for range 25 {
				gone := 5*time.Millisecond + upTo(random, 115*time.Second)
				inBubble(t, func(t *testing.T, g *testGateway) {
					tunnel := g.open(g.options(nil))
					readString(t, tunnel, len(banner))
					g.set(func() { g.dialer = outages(g)[name] })
					g.drop()
					if _, err := io.WriteString(tunnel, "typed meanwhile"); err != nil {
						t.Fatal(err)
					}
					time.Sleep(gone)
					if s := tunnel.Stats(); s.State != StateReconnecting {
						t.Fatalf("%+v", s)
					}
					g.set(func() { g.dialer = nil })
					if took := awaitState(t, tunnel, StateOpen, time.Minute); took > 2*time.Second {
						t.Errorf("gone for %v; the return was noticed after %v", gone, took)
					}
					synctest.Wait()
					if g.got() != "typed meanwhile" {
						t.Errorf("the agent got %q", g.got())
					}
				})
			}
		})
	}
}

// TestTenMinutesWithoutANetwork end the tunnel with a sentence, after the time
// that a silent socket is given and the time that is given to find another.
func TestTenMinutesWithoutANetwork(t *testing.T) {
	for name := range outages(nil) {
		for _, silent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, silent %v", name, silent), func(t *testing.T) {
				inBubble(t, func(t *testing.T, g *testGateway) {
					tunnel := g.open(g.options(nil))
					readString(t, tunnel, len(banner))
					g.set(func() { g.dialer, g.mute = outages(g)[name], true })
					limit := tunnel.o.ReconnectLimit
					if silent {
						limit += tunnel.o.DeadAfter
					} else {
						g.drop()
					}
					began := time.Now()
					time.Sleep(10 * time.Minute)
					select {
					case <-tunnel.Done():
					default:
						t.Fatalf("%+v", tunnel.Stats())
					}
					if took := tunnel.Stats().Since.Sub(began); took > limit {
						t.Errorf("ended after %v, later than %v", took, limit)
					}
					checkProblem(t, tunnel.Err(), problem.Unreachable, "could not be restored within 2m0s")
					if g.dials < 20 || g.dials > 130 {
						t.Errorf("%d dials", g.dials)
					}
				})
			})
		}
	}
}

// TestAttemptsThatHangAreFew: while packets vanish, attempts do not pile up.
func TestAttemptsThatHangAreFew(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		running, most := 0, 0
		g.set(func() {
			g.dialer = func(ctx context.Context) (net.Conn, error) {
				g.set(func() { running++; most = max(most, running) })
				<-ctx.Done()
				g.set(func() { running-- })
				return nil, ctx.Err()
			}
		})
		g.drop()
		time.Sleep(time.Minute)
		g.set(func() {
			if most > abreast+1 || running > abreast {
				t.Errorf("%d attempts at the same time", most)
			}
			g.dialer = nil
		})
		awaitState(t, tunnel, StateOpen, 2*time.Second)
		synctest.Wait()
		g.set(func() {
			if running != 0 {
				t.Errorf("%d attempts go on although there is a socket", running)
			}
		})
	})
}

// TestASlowHandshakeIsNotGivenUpForTheNext: where an answer takes long, the
// attempts that follow must not keep each other from coming to an end.
func TestASlowHandshakeIsNotGivenUpForTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		const slow = 6 * time.Second
		g.set(func() {
			g.dialer = func(ctx context.Context) (net.Conn, error) {
				select {
				case <-time.After(slow):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				near, far := net.Pipe()
				g.running.Go(func() { g.serve(far) })
				return near, nil
			}
		})
		g.drop()
		synctest.Wait()
		if took := awaitState(t, tunnel, StateOpen, time.Minute); took > slow+time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestABusyGatewayIsLeftAlone: one that says so is asked less often than a
// network that is gone.
func TestABusyGatewayIsLeftAlone(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		inBubble(t, func(t *testing.T, g *testGateway) {
			tunnel := g.open(g.options(nil))
			g.set(func() { g.status = bytesOf(status, 1000) })
			g.drop()
			time.Sleep(time.Minute)
			s := tunnel.Stats()
			g.set(func() {
				if s.State != StateReconnecting || g.dials > 25 {
					t.Errorf("%d dials in a minute of status %d, %+v", g.dials, status, s)
				}
			})
		})
	}
}

// TestASessionThatIsLostEndsAtOnce: ssh shall end, so that whoever started it
// can connect anew.
func TestASessionThatIsLostEndsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		asks  int
		hint  string
		paste string
	}{
		"another session": {
			problem.New(problem.TunnelRefused, "AWS gave another session.", "Connect again: a session is ready.", ErrSessionLost),
			1, "Connect again: a session is ready.", "",
		},
		"not allowed": {
			&problem.Problem{Code: problem.AccessDenied, Sentence: "No.", Hint: "Ask for the statement below.", Paste: "{}", Cause: ErrSessionLost},
			1, "Ask for the statement below.", "{}",
		},
		"no hint":       {fmt.Errorf("gone: %w", ErrSessionLost), 1, "Connect again.", ""},
		"not reachable": {problem.New(problem.Unreachable, "No "+canaryToken+".", "Check the network.", nil), refreshLimit, "Check the network.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *testGateway) {
				var log bytes.Buffer
				o := g.options(&log)
				asks := 0
				o.Refresh = func(ctx context.Context) (secret.String, secret.String, error) {
					asks++
					if _, bounded := ctx.Deadline(); !bounded {
						t.Error("nothing bounds the question")
					}
					return secret.String{}, secret.String{}, c.err
				}
				tunnel := g.open(o)
				g.set(func() { g.status = bytesOf(http.StatusForbidden, 1000) })
				began := time.Now()
				g.drop()
				<-tunnel.Done()
				if took := time.Since(began); c.asks == 1 && took > time.Second || took > 5*time.Second {
					t.Errorf("ended after %v", took)
				}
				if asks != c.asks {
					t.Errorf("asked %d times, want %d", asks, c.asks)
				}
				err := tunnel.Err()
				p := problem.From(err)
				if p.Code != problem.TunnelRefused || p.Hint != c.hint || !strings.Contains(p.Sentence, "taken up again") || p.Paste != c.paste {
					t.Errorf("ended with %+v", p)
				}
				if !errors.Is(err, c.err) {
					t.Errorf("%v does not hold %v", err, c.err)
				}
				checkNoCanary(t, log.String())
			})
		})
	}
}

// TestANetworkThatFailsAgainAndAgainIsNoRefusal: sockets that are cut before
// anything has come, or closed by a gateway that restarts, say nothing about
// the token.
func TestANetworkThatFailsAgainAndAgainIsNoRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		greet func(p *peer)
		times int
	}{
		"cut":            {func(*peer) {}, cutTries - 1},
		"going away":     {closing(ws.StatusGoingAway), 20},
		"service starts": {closing(1012), 20},
		"try again":      {closing(1013), 20},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *testGateway) {
				o := g.options(nil)
				o.Refresh = func(context.Context) (secret.String, secret.String, error) {
					t.Error("a fresh token was asked for")
					return secret.String{}, secret.String{}, ErrSessionLost
				}
				tunnel := g.open(o)
				readString(t, tunnel, len(banner))
				left := c.times
				g.set(func() {
					g.greet = func(p *peer) {
						c.greet(p)
						g.set(func() {
							if left--; left == 0 {
								g.greet = nil
							}
						})
					}
				})
				g.drop()
				if _, err := io.WriteString(tunnel, "typed meanwhile"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if s := tunnel.Stats(); s.State != StateOpen || g.got() != "typed meanwhile" || s.Reconnects != int64(c.times)+1 {
					t.Errorf("%+v, the agent got %q", s, g.got())
				}
			})
		})
	}
}

func closing(code ws.StatusCode) func(p *peer) {
	return func(p *peer) { p.write(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "later"))) }
}

// held is a network that answers no attempt before it is let go, and sees each
// connection's end.
type held struct {
	g      *testGateway
	free   chan struct{}
	opened []*endNoter
}

// endNoter is a connection that notes its end.
type endNoter struct {
	net.Conn
	ended atomic.Bool
}

func (c *endNoter) Close() error {
	c.ended.Store(true)
	return c.Conn.Close()
}

func (h *held) dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-h.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	conn := &endNoter{Conn: near}
	h.g.set(func() { h.opened = append(h.opened, conn) })
	h.g.running.Go(func() { h.g.serve(far) })
	return conn, nil
}

// hold has three attempts to replace a lost socket wait, and lets them go.
func hold(t *testing.T, g *testGateway) *held {
	t.Helper()
	h := &held{g: g, free: make(chan struct{})}
	before := 0
	g.set(func() { g.dialer, before = h.dial, g.dials })
	g.drop()
	for dials := 0; dials < before+3; {
		time.Sleep(time.Millisecond)
		g.set(func() { dials = g.dials })
	}
	close(h.free)
	return h
}

// TestOneSocketIsKept of those that attempts open at the same time.
func TestOneSocketIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		h := hold(t, g)
		awaitState(t, tunnel, StateOpen, time.Minute)
		synctest.Wait()
		left := 0
		g.set(func() {
			for _, conn := range h.opened {
				if !conn.ended.Load() {
					left++
				}
			}
		})
		if left != 1 {
			t.Errorf("%d of %d sockets are open", left, len(h.opened))
		}
	})
}

// TestARefusalCountsOnce, however many attempts dial the same at the same time.
func TestARefusalCountsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.status = bytesOf(http.StatusForbidden, 3) })
		hold(t, g)
		time.Sleep(time.Minute)
		if s := tunnel.Stats(); s.State != StateOpen {
			t.Errorf("%+v, %v", s, tunnel.Err())
		}
	})
}

// TestFreshSecretsShowNowhere, not even where the gateway repeats them.
func TestFreshSecretsShowNowhere(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		var log bytes.Buffer
		o := g.options(&log)
		const token, query = "another-token-0123", "another-query-4567"
		o.Refresh = func(context.Context) (secret.String, secret.String, error) {
			return secret.New("ws://gateway.test/fresh?X=" + query), secret.New(token), nil
		}
		tunnel := g.open(o)
		g.set(func() { g.status = bytesOf(http.StatusForbidden, sameTries) })
		g.drop()
		awaitState(t, tunnel, StateReconnecting, time.Minute)
		awaitState(t, tunnel, StateOpen, time.Minute)
		g.control(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, token+" "+query)))
		awaitState(t, tunnel, StateOpen, time.Minute)
		synctest.Wait()
		reason := tunnel.Stats().LastReconnectReason
		if all := reason + log.String(); !strings.Contains(reason, "code 1000") || strings.Contains(all, token) || strings.Contains(all, query) {
			t.Errorf("the reason is %q, the log\n%s", reason, log.String())
		}
	})
}

// deafPipe is a connection that takes nothing any more, and still gives.
type deafPipe struct {
	net.Conn
	deaf atomic.Bool
}

func (c *deafPipe) Write(p []byte) (int, error) {
	if c.deaf.Load() {
		return 0, errNoRoute
	}
	return c.Conn.Write(p)
}

// TestTheLastWordsAreHeard: what says why a socket takes nothing any more may be
// on its way here.
func TestTheLastWordsAreHeard(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		near, far := net.Pipe()
		conn := &deafPipe{Conn: near}
		g.dialer = func(context.Context) (net.Conn, error) {
			g.running.Go(func() { g.serve(far) })
			return conn, nil
		}
		tunnel := g.open(g.options(nil))
		g.set(func() { g.dialer = nil })
		conn.deaf.Store(true)
		if _, err := io.WriteString(tunnel, "typed"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lastWords / 2)
		g.control(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, "the gateway restarts")))
		time.Sleep(time.Second)
		s := tunnel.Stats()
		if s.LastReconnectReason != "closed by AWS with code 1001: the gateway restarts" || s.Reconnects != 1 || g.got() != "typed" {
			t.Errorf("%+v, the agent got %q", s, g.got())
		}
	})
}
