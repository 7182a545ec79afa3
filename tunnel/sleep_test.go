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
		"nobody does anything": func(_ *testing.T, tunnel *Tunnel) time.Duration { return tunnel.o.PingInterval + wakeLimit },
		"a key is pressed": func(t *testing.T, tunnel *Tunnel) time.Duration {
			if _, err := io.WriteString(tunnel, "x"); err != nil {
				t.Fatal(err)
			}
			return wakeLimit
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
	var s sleepWatch
	if s.over(epoch, epoch, 0) || s.over(epoch.Add(time.Second), epoch.Add(-time.Hour), 0) || s.over(epoch.Add(2*time.Second), epoch.Add(time.Second-time.Hour), 0) {
		t.Error("a sleep was noticed")
	}
	if !s.over(epoch.Add(3*time.Second), epoch, 0) || s.over(epoch.Add(4*time.Second), epoch.Add(time.Second), 0) {
		t.Error("a sleep was noticed at another time")
	}
}
