//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// passes lets time pass.
func passes(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TestATransferOutlivesAnOutage of the whole network, and a process that is
// stopped as in a computer's sleep, in which other things may happen.
func TestATransferOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	const longer = 1500 * time.Millisecond // than a silent socket is given
	stopped := func(meanwhile func(*gateway.Gateway) int) func(context.Context, *transfer, *desk) error {
		return func(ctx context.Context, x *transfer, d *desk) error {
			all, err := registry.List(ctx, d.runtime)
			if err != nil || len(all) != 1 {
				return fmt.Errorf("%v, %w", all, err)
			}
			if err := syscall.Kill(all[0].PID, syscall.SIGSTOP); err != nil {
				return err
			}
			if meanwhile != nil {
				if err := lostOne(meanwhile(x.studio.Gateway())); err != nil {
					return err
				}
			}
			if err := passes(ctx, longer); err != nil {
				return err
			}
			return syscall.Kill(all[0].PID, syscall.SIGCONT)
		}
	}
	for name, c := range map[string]struct {
		break_ func(ctx context.Context, x *transfer, d *desk) error
		cuts   bool // a new socket is needed
	}{
		"no packet gets through": {func(ctx context.Context, x *transfer, _ *desk) error {
			x.studio.Gateway().SetFaults(gateway.Faults{Silence: true})
			defer x.studio.Gateway().SetFaults(gateway.Faults{})
			return passes(ctx, longer)
		}, true},
		"stopped":                               {stopped(nil), false},
		"stopped while the socket is reset":     {stopped(func(g *gateway.Gateway) int { return g.Drop("") }), true},
		"stopped while packets begin to vanish": {stopped(func(g *gateway.Gateway) int { return g.Mute("") }), true},
		"stopped while AWS closes the socket":   {stopped(func(g *gateway.Gateway) int { return g.CloseSockets("") }), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := transfer{size: 2 << 20, random: seeded(t)}
			x.studio = newStudio(t, largeMessages)
			d := newDesk(t)
			d.env = append(d.env, variableBounds+"=200ms,800ms,1m")
			x.run(t, d, func(ctx context.Context) error {
				if err := until(ctx, func() bool { return x.moved.Load() >= 1<<20 }); err != nil {
					return err
				}
				return c.break_(ctx, &x, d)
			})
			if n := x.studio.Gateway().Counters().Reconnects; c.cuts && n == 0 {
				t.Error("the socket was never lost")
			}
		})
	}
}

// TestANetworkThatStaysAwayEndsSSH with one sentence, after the time that a
// silent socket is given and the time to find another one.
func TestANetworkThatStaysAwayEndsSSH(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{false, true} {
		d, s := newDesk(t), newStudio(t)
		d.env = append(d.env, variableBounds+"=200ms,500ms,1s")
		d.signedIn(s)
		d.knows(t)
		d.sshSetUp(t)
		if attached {
			d.waitingTunnel(t, s)
		}
		ssh, said := d.inside(t)
		s.Gateway().SetFaults(gateway.Faults{Silence: true})
		if code := codeOf(t, ssh.Wait()); code != 255 {
			t.Errorf("ssh ends with %d", code)
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if lines[0] != "spacehatch: The connection to AWS was lost and could not be restored within 1s." || len(lines) > 3 {
			t.Errorf("said: %s", said)
		}
		d.noSocket(t)
		d.noProcess(t)
	}
}

// TestATransferOutlivesPauses that the gateway asks for.
func TestATransferOutlivesPauses(t *testing.T) {
	t.Parallel()
	x := transfer{size: 8 << 20, random: seeded(t)}
	x.studio = newStudio(t, largeMessages)
	d, g := newDesk(t), x.studio.Gateway()
	x.run(t, d, func(ctx context.Context) error {
		for i := range int64(3) {
			if err := until(ctx, func() bool { return x.moved.Load() >= (i+1)<<21 }); err != nil {
				return err
			}
			if err := lostOne(g.Pause("")); err != nil {
				return err
			}
			var out int64
			// It has heard of the pause, or what was on its way has arrived and
			// ended it.
			if err := until(ctx, func() bool {
				all, err := registry.List(ctx, d.runtime)
				if err != nil || len(all) != 1 {
					return false
				}
				before := out
				out = all[0].BytesOut
				return all[0].State == registry.Paused && out == before || all[0].State == registry.Connected && all[0].Unacknowledged == 0
			}); err != nil {
				return err
			}
			_ = g.Resume("")
		}
		return nil
	})
}
