package tunnel

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sleeper is a computer that can sleep: its clock on the wall goes on.
type sleeper struct{ slept atomic.Int64 }

func (s *sleeper) wall(now time.Time) time.Time {
	return now.Round(0).Add(time.Duration(s.slept.Load()))
}

func TestASocketThatDiedInASleepIsGivenUpSoon(t *testing.T) {
	for name, wake := range map[string]func(t *testing.T, tunnel *Tunnel) (limit time.Duration){
		"nobody does anything": func(_ *testing.T, tunnel *Tunnel) time.Duration { return tunnel.o.PingInterval + sleptLimit },
		"a key is pressed": func(t *testing.T, tunnel *Tunnel) time.Duration {
			if _, err := io.WriteString(tunnel, "x"); err != nil {
				t.Fatal(err)
			}
			return sleptLimit
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *testGateway) {
				var s sleeper
				o := g.options(nil)
				o.wall = s.wall
				tunnel := g.open(o)
				readString(t, tunnel, len(banner))
				time.Sleep(time.Minute)
				g.set(func() { g.mute = true })
				s.slept.Add(int64(8 * time.Hour))
				limit := wake(t, tunnel)
				began := time.Now()
				for tunnel.Stats().Reconnects == 0 {
					time.Sleep(10 * time.Millisecond)
					if time.Since(began) > limit+20*time.Millisecond {
						t.Fatalf("after %v: %+v", limit, tunnel.Stats())
					}
					g.set(func() {
						if len(g.opens) > 1 {
							g.mute = false
						}
					})
				}
				if s := tunnel.Stats(); s.LastReconnectReason != "silent for 5s after a sleep of this computer" {
					t.Errorf("%+v", s)
				}
				g.set(func() { g.mute = false })
				if _, err := io.WriteString(tunnel, "y"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if got := g.got(); got != "y" && got != "xy" {
					t.Errorf("the agent got %q", got)
				}
			})
		})
	}
}

func TestASocketThatOutlivesASleepStays(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		var s sleeper
		o := g.options(nil)
		o.wall = s.wall
		tunnel := g.open(o)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.slept.Add(int64(time.Hour))
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := tunnel.Stats(); s.Reconnects != 0 || s.State != StateOpen {
			t.Errorf("%+v", s)
		}
	})
}

func TestClockSetBackIsNoSleep(t *testing.T) {
	var d doubt
	look := func(now, wall time.Duration) bool {
		return d.look(epoch.Add(now), epoch.Add(wall), 1, time.Time{})
	}
	if look(0, 0) || look(time.Second, -time.Hour) || look(2*time.Second, time.Second-time.Hour) {
		t.Error("a sleep was noticed")
	}
	if !look(3*time.Second, 0) || look(4*time.Second, time.Second) {
		t.Error("a sleep was noticed at another time")
	}
}

// TestWhoWaitsForAnAnswerNeedNotWaitForFortyFiveSeconds: after a change of the
// network, say, a key shows that the socket is dead.
func TestWhoWaitsForAnAnswerNeedNotWaitForFortyFiveSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		readString(t, tunnel, len(banner))
		time.Sleep(time.Minute)
		g.set(func() { g.mute = true })
		time.Sleep(7 * time.Second)
		if _, err := io.WriteString(tunnel, "x"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for tunnel.Stats().Reconnects == 0 {
			time.Sleep(time.Millisecond)
		}
		g.set(func() { g.mute = false })
		if took := time.Since(began); took < 14*time.Second || took > 15*time.Second+time.Millisecond {
			t.Errorf("after %v", took)
		}
		if s := tunnel.Stats(); s.LastReconnectReason != "silent for 15s although an answer was due" {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second)
		if g.got() != "x" {
			t.Errorf("the agent got %q", g.got())
		}
	})
}

// TestWhoIsSlowIsNotDead: bytes that come, of whatever kind, are a sign of life.
func TestWhoIsSlowIsNotDead(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.agent.withholdAcks = true })
		if _, err := io.WriteString(tunnel, "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(stallAfter - time.Second)
		if s := tunnel.Stats(); s.Reconnects != 0 {
			t.Errorf("%+v", s)
		}
		if g.pings < 4 || g.pings > 8 {
			t.Errorf("%d pings", g.pings)
		}
	})
}
