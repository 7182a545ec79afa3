package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

func TestPingPutsNothingIntoTheStream(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		readString(t, tunnel, len(banner))
		for range 3 {
			trips, err := tunnel.Ping(t.Context())
			if err != nil || trips.Gateway <= 0 || trips.Agent <= 0 {
				t.Errorf("%+v, %v", trips, err)
			}
		}
		if _, err := io.WriteString(tunnel, "typed"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := tunnel.Stats(); g.got() != "typed" || g.agent.sizes != 3 || s.BytesOut != int64(len("typed")) || s.BytesIn != int64(len(banner)) {
			t.Errorf("the agent got %q and %d questions, %+v", g.got(), g.agent.sizes, s)
		}
	})
}

// TestPingMeasuresEachWay: the gateway answers at once, the agent later.
func TestPingMeasuresEachWay(t *testing.T) {
	const far = 70 * time.Millisecond
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.agent.withholdAcks = true })
		got := make(chan Trips)
		go func() {
			trips, err := tunnel.Ping(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- trips
		}()
		time.Sleep(far)
		g.set(func() { g.agent.withholdAcks = false })
		// The acknowledgement was withheld: the next one follows a repetition.
		trips := <-got
		if trips.Gateway > time.Millisecond || trips.Agent < far || trips.Agent > time.Second {
			t.Errorf("%+v", trips)
		}
	})
}

func TestPingWaitsForTheEndOfAPauseAndNoLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.do(func(a *modelAgent) { a.service(time.Now(), wire.TypePausePublication, nil) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		trips, err := tunnel.Ping(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || trips.Gateway == 0 || trips.Agent != 0 {
			t.Errorf("in a pause: %+v, %v", trips, err)
		}
		g.do(func(a *modelAgent) { a.service(time.Now(), wire.TypeStartPublication, nil) })
		if trips, err = tunnel.Ping(t.Context()); err != nil || trips.Agent == 0 || trips.Agent > time.Second {
			t.Errorf("after the pause: %+v, %v", trips, err)
		}
	})
}

func TestPingGoesOnOnTheNextSocket(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.dialer = func(context.Context) (net.Conn, error) { return nil, errNoRoute } })
		g.drop()
		synctest.Wait()
		got := make(chan Trips)
		go func() {
			trips, err := tunnel.Ping(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- trips
		}()
		time.Sleep(5 * time.Second)
		g.set(func() { g.dialer = nil })
		if trips := <-got; trips.Gateway < 5*time.Second || trips.Agent < 5*time.Second {
			t.Errorf("%+v", trips)
		}
	})
}

// TestPingIsAskedAgainOnTheNextSocket: the first one took the question along.
func TestPingIsAskedAgainOnTheNextSocket(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.mute = true })
		go func() {
			time.Sleep(time.Second)
			g.set(func() { g.mute = false })
			g.drop()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if trips, err := tunnel.Ping(ctx); err != nil || trips.Gateway < time.Second || trips.Agent < time.Second {
			t.Errorf("%+v, %v", trips, err)
		}
	})
}

func TestPingEndsWithTheTunnel(t *testing.T) {
	inBubble(t, func(t *testing.T, g *testGateway) {
		tunnel := g.open(g.options(nil))
		g.set(func() { g.mute = true })
		go func() {
			time.Sleep(time.Second)
			_ = tunnel.Close()
		}()
		if trips, err := tunnel.Ping(t.Context()); err == nil || trips != (Trips{}) {
			t.Errorf("%+v, %v", trips, err)
		}
		if _, err := tunnel.Ping(t.Context()); err == nil {
			t.Error("a tunnel that has ended answers")
		}
	})
}
