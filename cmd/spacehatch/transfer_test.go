//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/simulator/space"
)

// How much is moved while things break: little by itself, much for `make
// test-faults`.
var (
	transferMiB = flag.Int64("transfer", 8, "MiB that go each way while sockets are lost")
	losses      = flag.Int("losses", 4, "how many sockets are lost on the way")
	slow        = flag.Duration("slow", 200*time.Millisecond, "the round trip of the slow network")
	faultSeed   = flag.Uint64("faults-seed", 0, "where the losses come; 0 is another each time")
)

// seeded returns a generator and says how to have it again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *faultSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with: -args -faults-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 4))
}

// sshSetUp writes the config that makes OpenSSH use our proxy.
func (d *desk) sshSetUp(t *testing.T) {
	t.Helper()
	folder := filepath.Join(d.home, ".ssh")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("spacehatch")
	if err != nil {
		t.Fatal(err)
	}
	text := "Host *.hatch\n  User sagemaker-user\n  ProxyCommand \"" + program + "\" proxy %n\n" +
		"  StrictHostKeyChecking no\n  UserKnownHostsFile " + filepath.Join(folder, "known_hosts") + "\n" +
		"  LogLevel ERROR\n  BatchMode yes\n  IdentityFile none\n  ServerAliveInterval 15\n  ServerAliveCountMax 4\n"
	if err := os.WriteFile(filepath.Join(folder, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ssh is OpenSSH, which runs a command in the space.
func (d *desk) ssh(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ssh", alias, command)
	cmd.Env, cmd.Dir = d.env, d.home
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// noise writes n bytes that no compression makes fewer, and returns their sum.
func noise(w io.Writer, random *rand.Rand, n int64) (sum string, err error) {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	hash := sha256.New()
	_, err = io.CopyN(io.MultiWriter(w, hash), rand.NewChaCha8(seed), n)
	return fmt.Sprintf("%x", hash.Sum(nil)), err
}

// loss is one way of losing a socket. It returns when the network is back,
// which is before the client is.
type loss struct {
	name string
	do   func(ctx context.Context, g *gateway.Gateway) error
}

// waysToLose are by reset, by packets that vanish, by code 1000 as about once an
// hour, and with a proxy that answers 502 for a while on the way back.
func waysToLose() []loss {
	return []loss{
		{"reset", func(_ context.Context, g *gateway.Gateway) error { return lostOne(g.Drop("")) }},
		{"silence", func(_ context.Context, g *gateway.Gateway) error { return lostOne(g.Mute("")) }},
		{"code 1000", func(_ context.Context, g *gateway.Gateway) error { return lostOne(g.CloseSockets("")) }},
		{"proxy 502", func(ctx context.Context, g *gateway.Gateway) error {
			refused := g.Counters().Refused
			g.SetFaults(gateway.Faults{RefuseDials: true, RefuseStatus: http.StatusBadGateway})
			defer g.SetFaults(gateway.Faults{})
			if err := lostOne(g.Drop("")); err != nil {
				return err
			}
			return until(ctx, func() bool { return g.Counters().Refused >= refused+2 })
		}},
	}
}

func lostOne(n int) error {
	if n != 1 {
		return fmt.Errorf("%d sockets were there to be lost, not 1", n)
	}
	return nil
}

// until looks every few milliseconds until true, or the end of ctx.
func until(ctx context.Context, true func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// counter counts bytes that go by.
type counter struct {
	io.Writer
	n *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// together runs functions until all have ended; the first error ends them.
type together struct {
	running sync.WaitGroup
	cancel  context.CancelCauseFunc
	ctx     context.Context
}

func newTogether(ctx context.Context) (*together, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &together{cancel: cancel, ctx: ctx}, ctx
}

func (a *together) Go(f func() error) {
	a.running.Go(func() {
		if err := f(); err != nil {
			a.cancel(err)
		}
	})
}

func (a *together) Wait() error {
	a.running.Wait()
	return context.Cause(a.ctx)
}

// aheadLimit is how far the near end of a transfer may be ahead of what has
// gone through the tunnel: ssh and the pipes hold that much.
const aheadLimit = 8 << 20

// transfer is bytes that go both ways at once through one OpenSSH.
type transfer struct {
	studio studio
	moved  atomic.Int64 // both ways, as the near end sees them
	size   int64        // each way
	random *rand.Rand
}

// run moves the bytes while sabotage does its work, and holds what arrives
// against what was sent, at either end: no byte is lost, doubled or out of
// order, and ssh notices nothing.
func (x *transfer) run(t *testing.T, d *desk, sabotage func(ctx context.Context) error) {
	t.Helper()
	d.signedIn(x.studio)
	d.knows(t)
	d.sshSetUp(t)
	home, err := x.studio.Home(t.Context(), "my-space")
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.Create(filepath.Join(home, "down"))
	if err != nil {
		t.Fatal(err)
	}
	downSum, err := noise(far, x.random, x.size)
	if err := errors.Join(err, far.Close()); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	all, ctx := newTogether(ctx)
	// The checksum of what arrives there is made there.
	ssh := d.ssh(ctx, "exec 3<&0; sha256sum <&3 >up.sum & cat down; wait")
	var said buffer
	ssh.Stderr = &said
	in, err := ssh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := ssh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ssh.Start(); err != nil {
		t.Fatal(err)
	}
	var upSum string
	hash, got := sha256.New(), int64(0)
	up := rand.New(rand.NewPCG(x.random.Uint64(), 5))
	began := time.Now()
	all.Go(func() (err error) {
		upSum, err = noise(counter{in, &x.moved}, up, x.size)
		return errors.Join(err, in.Close())
	})
	all.Go(func() (err error) {
		got, err = io.Copy(counter{hash, &x.moved}, out)
		return err
	})
	all.Go(func() error {
		if err := until(ctx, func() bool { return x.studio.Gateway().Counters().Opened == 1 }); err != nil {
			return err
		}
		return sabotage(ctx)
	})
	if err := errors.Join(all.Wait(), ssh.Wait()); err != nil {
		t.Fatalf("%v; ssh said: %s; %d of %d have moved; %+v", err, &said, x.moved.Load(), 2*x.size, d.tunnels(t))
	}
	t.Logf("%d KiB each way in %v", x.size>>10, time.Since(began))
	if sum := fmt.Sprintf("%x", hash.Sum(nil)); sum != downSum || got != x.size {
		t.Errorf("down: %d of %d bytes with the sum %s, want %s", got, x.size, sum, downSum)
	}
	sum, err := os.ReadFile(filepath.Join(home, "up.sum"))
	if err != nil || !strings.HasPrefix(string(sum), upSum+" ") {
		t.Errorf("up: the sum in the space is %s, want %s (%v)", sum, upSum, err)
	}
	x.studio.noSession(t, true)
	if said.String() != "" {
		t.Errorf("ssh said: %s", &said)
	}
	d.noSocket(t)
}

// largeMessages is the machine's own sshd behind an agent that puts more into a
// message than AWS's. Agents repeat ten messages a second: in larger ones there
// is less to wait for.
func largeMessages(c *simulator.Config) { c.SSHD, c.AgentPayload = space.Auto, 64<<10 }

// lose loses sockets at random points, each when the one before has been made
// up for.
func (x *transfer) lose(ctx context.Context, t *testing.T, random *rand.Rand) error {
	g, ways := x.studio.Gateway(), waysToLose()
	points := make([]int64, *losses)
	for i := range points {
		points[i] = random.Int64N(2*x.size - aheadLimit)
	}
	slices.Sort(points)
	took := map[string]time.Duration{}
	for i, point := range points {
		way := ways[i%len(ways)]
		failed := func(err error) error { return fmt.Errorf("loss %d, %s, at %d: %w", i, way.name, point, err) }
		if err := until(ctx, func() bool { return x.moved.Load() >= point }); err != nil {
			return failed(err)
		}
		before := g.Counters().Reconnects
		if err := way.do(ctx, g); err != nil {
			return failed(err)
		}
		began := time.Now()
		if err := until(ctx, func() bool { return g.Counters().Reconnects > before }); err != nil {
			return failed(err)
		}
		took[way.name] = max(took[way.name], time.Since(began))
	}
	t.Logf("the longest way back: %v", took)
	return nil
}

// TestATransferOutlivesEveryLoss loses the web socket at random points in four
// ways.
func TestATransferOutlivesEveryLoss(t *testing.T) {
	t.Parallel()
	x := transfer{size: *transferMiB << 20, random: seeded(t)}
	x.studio = newStudio(t, largeMessages)
	d := newDesk(t)
	d.env = append(d.env, variableBounds+"=200ms,800ms,1m")
	points := rand.New(rand.NewPCG(x.random.Uint64(), 6))
	x.run(t, d, func(ctx context.Context) error { return x.lose(ctx, t, points) })
	if n := x.studio.Gateway().Counters().Reconnects; n < int64(*losses) {
		t.Errorf("%d sockets were made up for, of %d", n, *losses)
	}
}

// TestATransferOutlivesBadMessages has a network that doubles, mixes, loses and
// damages them.
func TestATransferOutlivesBadMessages(t *testing.T) {
	t.Parallel()
	const little = 256 << 10
	for name, c := range map[string]struct {
		size   int64
		faults gateway.Faults
		floods int
	}{
		"doubled":               {little, gateway.Faults{DuplicateEvery: 2}, 0},
		"mixed":                 {little, gateway.Faults{ReorderEvery: 3}, 0},
		"overtaken by 1000":     {little, gateway.Faults{ReorderEvery: 40, ReorderSpan: 1000}, 0},
		"lost":                  {little, gateway.Faults{LoseEvery: 30}, 0},
		"acknowledgements lost": {little, gateway.Faults{LoseAcksEvery: 5}, 0},
		"slow":                  {little / 16, gateway.Faults{RTT: *slow}, 0},
		"damaged":               {little, gateway.Faults{DamageEvery: 20}, 0},
		"oversize":              {32 * little, gateway.Faults{}, 1},
		"everything": {*transferMiB << 20, gateway.Faults{
			DuplicateEvery: 7, ReorderEvery: 1001, ReorderSpan: 1000, LoseEvery: 1511, LoseAcksEvery: 307, DamageEvery: 1103,
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := transfer{size: c.size, random: seeded(t)}
			x.studio = newStudio(t, largeMessages, func(config *simulator.Config) {
				if c.floods == 0 { // what is under way at a flood is lost
					config.AgentPayload = 4 << 10
				}
			})
			// No faster than what is kept of messages that came too early
			// bears, while the agent finds out that one is missing.
			c.faults.Bandwidth = 12 << 20
			x.studio.Gateway().SetFaults(c.faults)
			x.run(t, newDesk(t), func(ctx context.Context) error {
				for i := range c.floods {
					point := (2*x.size - aheadLimit) * int64(i+1) / int64(c.floods+1)
					before := x.studio.Gateway().Counters().Reconnects
					if err := until(ctx, func() bool { return x.moved.Load() >= point }); err != nil {
						return err
					}
					if err := lostOne(x.studio.Gateway().Flood("")); err != nil {
						return err
					}
					if err := until(ctx, func() bool { return x.studio.Gateway().Counters().Reconnects > before }); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}
