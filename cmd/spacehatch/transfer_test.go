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
	transferMiB = flag.Int64("transfer", 4, "MiB that go each way while sockets are lost")
	losses      = flag.Int("losses", 12, "how many sockets are lost on the way")
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

// newFarStudio is a Studio whose spaces have the machine's own sshd, where that
// can be had.
func newFarStudio(t *testing.T, change func(*simulator.Config)) studio {
	t.Helper()
	config := simulator.Defaults()
	config.SSHD, config.AgentPace = space.Auto, 0
	if change != nil {
		change(&config)
	}
	s, err := simulator.Start(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return studio{s}
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

// lose loses sockets at random points of a transfer of total bytes, of which
// moved have gone, each when the one before has been made up for.
func lose(ctx context.Context, t *testing.T, g *gateway.Gateway, random *rand.Rand, moved *atomic.Int64, total int64) error {
	points := make([]int64, *losses)
	for i := range points {
		points[i] = random.Int64N(total * 95 / 100)
	}
	slices.Sort(points)
	ways := waysToLose()
	took := map[string]time.Duration{}
	for i, point := range points {
		if err := until(ctx, func() bool { return moved.Load() >= point }); err != nil {
			return fmt.Errorf("loss %d at %d of %d: %w", i, point, total, err)
		}
		before := g.Counters().Reconnects
		way := ways[i%len(ways)]
		if err := way.do(ctx, g); err != nil {
			return fmt.Errorf("loss %d, %s: %w", i, way.name, err)
		}
		began := time.Now()
		if err := until(ctx, func() bool { return g.Counters().Reconnects > before }); err != nil {
			return fmt.Errorf("loss %d, %s, at %d of %d: no new socket: %w", i, way.name, point, total, err)
		}
		took[way.name] = max(took[way.name], time.Since(began))
	}
	t.Logf("the longest way back: %v", took)
	return nil
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

// TestATransferOutlivesEveryLoss moves bytes both ways through OpenSSH while
// the web socket is lost at random points in four ways: no byte is lost,
// doubled or out of order, and ssh notices nothing.
func TestATransferOutlivesEveryLoss(t *testing.T) {
	t.Parallel()
	random := seeded(t)
	d := newDesk(t)
	s := newFarStudio(t, func(c *simulator.Config) { c.AgentPayload = 16 << 10 })
	d.signedIn(s)
	d.knows(t)
	d.sshSetUp(t)
	d.env = append(d.env, variableBounds+"=200ms,800ms,1m")
	home, err := s.Home(t.Context(), "my-space")
	if err != nil {
		t.Fatal(err)
	}
	size := *transferMiB << 20
	far, err := os.Create(filepath.Join(home, "down"))
	if err != nil {
		t.Fatal(err)
	}
	downSum, err := noise(far, random, size)
	if err := errors.Join(err, far.Close()); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	all, ctx := newTogether(ctx)
	// The checksum of what arrives is made in the space.
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
	var moved atomic.Int64
	up, points := rand.New(rand.NewPCG(random.Uint64(), 5)), rand.New(rand.NewPCG(random.Uint64(), 6))
	var upSum string
	hash := sha256.New()
	var got int64
	began := time.Now()
	all.Go(func() (err error) {
		upSum, err = noise(counter{in, &moved}, up, size)
		return errors.Join(err, in.Close())
	})
	all.Go(func() (err error) {
		got, err = io.Copy(counter{hash, &moved}, out)
		return err
	})
	all.Go(func() error {
		if err := until(ctx, func() bool { return s.Gateway().Counters().Opened == 1 }); err != nil {
			return err
		}
		return lose(ctx, t, s.Gateway(), points, &moved, 2*size)
	})
	if err := errors.Join(all.Wait(), ssh.Wait()); err != nil {
		t.Fatalf("%v; ssh said: %s; %+v", err, &said, d.tunnels(t))
	}
	t.Logf("%d MiB each way in %v", *transferMiB, time.Since(began))
	if sum := fmt.Sprintf("%x", hash.Sum(nil)); sum != downSum || got != size {
		t.Errorf("down: %d of %d bytes with the sum %s, want %s", got, size, sum, downSum)
	}
	sum, err := os.ReadFile(filepath.Join(home, "up.sum"))
	if err != nil || !strings.HasPrefix(string(sum), upSum+" ") {
		t.Errorf("up: the sum in the space is %s, want %s (%v)", sum, upSum, err)
	}
	if c := s.Gateway().Counters(); c.Opened != 1 || c.Reconnects < int64(*losses) || c.Terminated != 1 {
		t.Errorf("%+v", c)
	}
	if said.String() != "" {
		t.Errorf("ssh said: %s", &said)
	}
	d.noSocket(t)
}
