package tunnel

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// paper is what a log is written on while a test reads it.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(line)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// logging has everything logged on p.
func (p *paper) logging(o Options) Options {
	o.Log = slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return o
}

// payloadCanary is in everything that is carried both ways.
const payloadCanary = "payload-of-the-person"

// TestTheLogExplainsAStall names the cause in each case, says when it is over,
// and never holds a byte of what is carried.
func TestTheLogExplainsAStall(t *testing.T) {
	carried := []byte(strings.Repeat(payloadCanary+"\n", 1<<15))
	write := func(tunnel *Tunnel, p []byte) { go func() { _, _ = tunnel.Write(p) }() }
	pause := func(kind wire.MessageType) func(*testGateway) {
		return func(g *testGateway) { g.do(func(a *modelAgent) { a.service(time.Now(), kind, nil) }) }
	}
	for _, c := range []struct {
		name  string
		stall func(t *testing.T, g *testGateway, tunnel *Tunnel)
		cause string
		goOn  func(t *testing.T, g *testGateway, tunnel *Tunnel)
		over  string
	}{
		{
			"window full",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.set(func() { g.agent.withholdAcks = true })
				write(tunnel, carried)
			},
			`"sending stands still" cause="the window is full and nothing is acknowledged" for=1s unacknowledged=65536 window=65536`,
			func(_ *testing.T, g *testGateway, _ *Tunnel) { g.set(func() { g.agent.withholdAcks = false }) },
			`"sending goes on" after=`,
		},
		{
			"nothing acknowledged",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.set(func() { g.agent.withholdAcks = true })
				write(tunnel, carried[:100])
			},
			`"sending stands still" cause="nothing is acknowledged" for=1s unacknowledged=100`,
			func(_ *testing.T, g *testGateway, _ *Tunnel) { g.set(func() { g.agent.withholdAcks = false }) },
			`"sending goes on" after=`,
		},
		{
			"pause",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				pause(wire.TypePausePublication)(g)
				synctest.Wait()
				write(tunnel, carried[:100])
			},
			`"sending stands still" cause="the gateway has asked for a pause" for=1s`,
			func(_ *testing.T, g *testGateway, _ *Tunnel) { pause(wire.TypeStartPublication)(g) },
			`"sending goes on" after=`,
		},
		{
			"retransmission",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.set(func() { g.agent.withholdAcks = true })
				write(tunnel, carried[:100])
			},
			`"messages were sent again" cause="their time was over" count=1`,
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.drop()
				time.Sleep(2 * time.Second)
			},
			`"messages were sent again" cause="the socket is a new one" count=`,
		},
		{
			"slow reader",
			func(_ *testing.T, g *testGateway, _ *Tunnel) {
				g.do(func(a *modelAgent) { a.output(time.Now(), carried) })
			},
			`"reading stands still" cause="the reader does not take what has come" for=1s kept=`,
			func(t *testing.T, g *testGateway, tunnel *Tunnel) {
				readString(t, tunnel, len(carried))
				g.do(func(a *modelAgent) { a.output(time.Now(), carried[:10]) })
			},
			`"reading goes on" after=`,
		},
		{
			"reader far behind",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.do(func(a *modelAgent) { a.output(time.Now(), bytes.Repeat(carried, 10)) })
				synctest.Wait()
				write(tunnel, carried[:100])
			},
			`"sending stands still" cause="the reader is so far behind that nothing is received, acknowledgements included"`,
			func(t *testing.T, g *testGateway, tunnel *Tunnel) { readString(t, tunnel, 10*len(carried)) },
			`"sending goes on" after=`,
		},
		{
			"missing message",
			func(t *testing.T, g *testGateway, tunnel *Tunnel) {
				g.do(func(a *modelAgent) {
					listed, out := len(a.unacked), len(a.out)
					a.output(time.Now(), carried[:5000])
					a.unacked[listed].last = time.Now().Add(10 * time.Second) // it is not repeated before
					a.out = append(a.out[:out], a.out[out+1:]...)
				})
			},
			`"receiving stands still" cause="a message is missing" for=1s missing=3 kept_messages=4 kept=3976`,
			func(*testing.T, *testGateway, *Tunnel) { time.Sleep(11 * time.Second) },
			`"receiving goes on" after=`,
		},
		{
			"silent socket",
			func(_ *testing.T, g *testGateway, _ *Tunnel) {
				g.set(func() { g.mute = true })
				time.Sleep(17 * time.Second)
			},
			`"the socket stands still" cause="the socket is silent" for=17s`,
			func(_ *testing.T, g *testGateway, _ *Tunnel) {
				g.set(func() { g.mute = false })
				time.Sleep(16 * time.Second)
			},
			`"the socket goes on" after=`,
		},
		{
			"no socket",
			func(_ *testing.T, g *testGateway, tunnel *Tunnel) {
				g.set(func() { g.dialErr = errNoRoute })
				g.drop()
				write(tunnel, carried[:100])
			},
			`"the data channel could not be opened" attempt=1 reason="AWS could not be reached`,
			func(_ *testing.T, g *testGateway, _ *Tunnel) { g.set(func() { g.dialErr = nil }) },
			`from=reconnecting to=open`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log paper
			inBubble(t, func(t *testing.T, g *testGateway) {
				tunnel := g.open(log.logging(g.options(nil)))
				readString(t, tunnel, len(banner))
				c.stall(t, g, tunnel)
				time.Sleep(1500 * time.Millisecond)
				synctest.Wait()
				stalled := len(log.String())
				if text := log.String(); strings.Count(text, c.cause) != 1 || strings.Contains(text, "goes on") {
					t.Errorf("want %s in\n%s", c.cause, text)
				}
				c.goOn(t, g, tunnel)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if text := log.String()[stalled:]; !strings.Contains(text, c.over) {
					t.Errorf("want %s in\n%s", c.over, text)
				}
			})
			for _, part := range []string{payloadCanary, payloadCanary[:8], "canary"} {
				if strings.Contains(log.String(), part) {
					t.Errorf("the log holds %q", part)
				}
			}
		})
	}
}

// TestAHealthyStreamIsNotTalkedAbout, at rest or at work, and nobody is woken
// for the log.
func TestAHealthyStreamIsNotTalkedAbout(t *testing.T) {
	var log paper
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(log.logging(g.options(nil)))
		readString(t, tunnel, len(banner))
		before := len(log.String())
		for range 20 {
			if _, err := tunnel.Write(make([]byte, 300<<10)); err != nil {
				t.Fatal(err)
			}
			g.do(func(a *modelAgent) { a.output(time.Now(), make([]byte, 100<<10)) })
			readString(t, tunnel, 100<<10)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if text := log.String()[before:]; text != "" {
			t.Errorf("the log says\n%s", text)
		}
		tunnel.mu.Lock()
		defer tunnel.mu.Unlock()
		if at := tunnel.witness.deadline(); !at.IsZero() && time.Until(at) < tunnel.o.PingInterval-time.Second {
			t.Errorf("a tunnel at rest is woken in %v", time.Until(at))
		}
	})
}

func TestWithoutDebugNothingIsWatched(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn} {
		o := Options{Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level}))}.withDefaults()
		w := newWitness(o)
		if w != nil {
			t.Errorf("at %v there is a witness", level)
		}
		w.look(epoch, nil) // and that is none of anybody's business
	}
}
