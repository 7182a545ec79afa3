package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"
)

// mib is a MiB in bytes.
const mib = 1 << 20

// flow is one way of moving bytes through a line.
type flow struct {
	name   string
	metric string
	up     bool
	far    far
	// sizes says how much each client moves, in MiB: what takes it a second or
	// two.
	sizes map[string]float64
	// against the plugin's rate and processor time, and in MiB/s: the targets
	// of our own clients, 0 where there is none.
	cpuRatio, least float64
}

// The agent's payload sizes.
const (
	smallPayload = 1 << 10 // AWS's
	largePayload = 16 << 10
)

// flows are what is measured without ssh.
func flows() []flow {
	bytes := func(pace time.Duration, payload int, profile string) far {
		return far{target: "bytes", pace: pace, payload: payload, profile: profile}
	}
	return []flow{
		{name: "upload, no ssh", metric: "profile safe, 1 KiB payloads", up: true, far: bytes(agentPace, smallPayload, "safe"), cpuRatio: 1.0 / 8,
			sizes: map[string]float64{bareRelay: 128, ownTunnel: 48, bothAsUsed: 48, awsPlugin: 1.5}},
		{name: "upload, no ssh", metric: "profile large, 16 KiB payloads", up: true, far: bytes(agentPace, smallPayload, "large"),
			sizes: map[string]float64{bareRelay: 128, ownTunnel: 96, bothAsUsed: 96}},
		{name: "download, no ssh", metric: "agent's pace, 1 KiB payloads", far: bytes(agentPace, smallPayload, ""), cpuRatio: 1.0 / 3,
			sizes: map[string]float64{ownTunnel: 4, bothAsUsed: 4, awsPlugin: 4}},
		{name: "download, no ssh", metric: "pace off, 1 KiB payloads", far: bytes(0, smallPayload, ""), least: 60,
			sizes: map[string]float64{ownTunnel: 96, bothAsUsed: 96, awsPlugin: 4}},
		{name: "download, no ssh", metric: "pace off, 16 KiB payloads", far: bytes(0, largePayload, ""), least: 200,
			sizes: map[string]float64{bareRelay: 256, ownTunnel: 256, bothAsUsed: 256}},
	}
}

// flowClients are in the order of the table.
var flowClients = []string{bareRelay, ownTunnel, bothAsUsed, awsPlugin}

// measured is what one client did.
type measured struct {
	rate []float64 // MiB/s
	cpu  []float64 // ms/MiB, all its processes together
	peak []float64 // MiB, the largest of its processes
}

// measureRaw measures what lines carry, what that costs the client, and what
// its processes hold meanwhile.
func (s *stand) measureRaw(ctx context.Context, r *results, count int) error {
	if _, err := s.open(ctx); err != nil { // the master lets sessions be kept
		return err
	}
	data := make([]byte, mib)
	_, _ = rand.Read(data) // it never fails
	clients := s.lineClients()
	for _, f := range flows() {
		got := map[string]*measured{}
		for range count {
			for _, name := range flowClients {
				size, ok := f.sizes[name]
				if !ok {
					continue
				}
				if got[name] == nil {
					got[name] = &measured{}
				}
				if err := s.flowOnce(ctx, clients[name], f, data, int(size*mib), got[name]); err != nil {
					return fmt.Errorf("%s, %s, %s: %w", f.name, f.metric, name, err)
				}
			}
		}
		s.addFlow(r, f, got)
	}
	return s.disconnect(ctx)
}

func (s *stand) flowOnce(ctx context.Context, c lineClient, f flow, data []byte, count int, to *measured) (err error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	l, err := c.open(ctx, f.far)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.end()) }()
	before, err := cpu(l.pids)
	if err != nil {
		return err
	}
	peak := watchResident(l.pids)
	began := time.Now()
	if f.up {
		err = l.upload(data, count)
	} else {
		err = l.download(count)
	}
	took := time.Since(began)
	held := peak()
	if err != nil {
		return fmt.Errorf("after %s: %w: %s", took, err, l.said)
	}
	after, err := cpu(l.pids)
	if err != nil {
		return err
	}
	size := float64(count) / mib
	to.rate = append(to.rate, size/took.Seconds())
	to.cpu = append(to.cpu, milliseconds(after-before)/size)
	to.peak = append(to.peak, held)
	return nil
}

// watchResident looks at what processes hold until stop is called, which
// returns the most that one of them held.
func watchResident(pids []int) (stop func() (most float64)) {
	done := make(chan struct{})
	result := make(chan float64)
	go func() {
		most := 0.0
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			if held, err := resident(pids, vmRSS); err == nil {
				most = max(most, slices.Max(held))
			}
			select {
			case <-done:
				result <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 {
		close(done)
		return <-result
	}
}

// fullFlowMemory is the target for each of our processes, in MiB.
const fullFlowMemory = 24

func (s *stand) addFlow(r *results, f flow, got map[string]*measured) {
	rates, costs := map[string]row{}, map[string]row{}
	for _, name := range flowClients {
		m := got[name]
		if m == nil {
			continue
		}
		ours := name == ownTunnel || name == bothAsUsed
		w := what{name: f.name, client: name, rtt: s.rtt, metric: f.metric, unit: "MiB/s", more: true}
		if ours {
			w.least = f.least
		}
		r.add(w, m.rate)
		rates[name] = r.last()
		r.add(what{name: f.name, client: name, rtt: s.rtt, metric: "  processor time of the client", unit: "ms/MiB"}, m.cpu)
		costs[name] = r.last()
		w = what{name: f.name, client: name, rtt: s.rtt, metric: "  most resident in one process", unit: "MiB"}
		if ours {
			w.most = fullFlowMemory
		}
		r.add(w, m.peak)
	}
	plugin, ok := costs[awsPlugin]
	if !ok {
		return
	}
	for _, name := range []string{ownTunnel, bothAsUsed} {
		r.addRatio(what{name: f.name, client: name, rtt: s.rtt, metric: "  rate against the plugin"}, rates[name], rates[awsPlugin])
		r.addRatio(what{name: f.name, client: name, rtt: s.rtt, metric: "  processor time against the plugin", most: f.cpuRatio}, costs[name], plugin)
	}
}
