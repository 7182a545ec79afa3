package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// watchRest is how long the processor time of idle clients is counted: two
	// of our pings fall into it.
	watchRest = 30 * time.Second
	// idleMemory is the target for each of our processes, in MiB, and
	// idleCPU for a tunnel with all its processes, in ms/s.
	idleMemory = 12
	idleCPU    = 0.3
	// manyTunnels are open at once, and manyCPU is the target for all of them.
	manyTunnels = 100
	manyCPU     = 30
)

// measureRest measures what idle clients hold and use, all of them at once.
func (s *stand) measureRest(ctx context.Context, r *results) (err error) {
	if _, err := s.open(ctx); err != nil {
		return err
	}
	names := []string{ownTunnel, byCredentials, bothAsUsed, awsPlugin}
	lines, err := s.openLines(ctx, names...)
	defer func() { err = errors.Join(err, endAll(lines), s.disconnect(ctx)) }()
	if err != nil {
		return err
	}
	if err := pause(ctx, restAfter); err != nil {
		return err
	}
	held := map[string][]float64{}
	for i, l := range lines {
		for _, kind := range []memoryKind{vmRSS, pss} {
			each, err := resident(l.pids, kind)
			if err != nil {
				return err
			}
			for j, mib := range each {
				name := names[i]
				if name == bothAsUsed {
					name = []string{"spacehatch proxy, with a tunnel", "spacehatch tunnel, with a proxy"}[j]
				}
				held[name+"|"+kind.name] = append(held[name+"|"+kind.name], mib)
			}
		}
	}
	addMemory(r, "resident, idle, no ssh", held)
	used, err := s.watchRest(ctx, lines)
	if err != nil {
		return err
	}
	for i, name := range names {
		w := what{name: "processor time, idle, no ssh", client: name, rtt: s.rtt, metric: "all its processes", unit: "ms/s"}
		if name != awsPlugin {
			w.most = idleCPU
		}
		r.add(w, []float64{used[i]})
	}
	return nil
}

// watchRest counts the processor time of each line, in ms/s.
func (s *stand) watchRest(ctx context.Context, lines []*line) ([]float64, error) {
	count := func() (used []float64, err error) {
		for _, l := range lines {
			sum, err := cpu(l.pids)
			if err != nil {
				return nil, err
			}
			used = append(used, milliseconds(sum))
		}
		return used, nil
	}
	before, err := count()
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, watchRest); err != nil {
		return nil, err
	}
	after, err := count()
	if err != nil {
		return nil, err
	}
	for i := range after {
		after[i] = (after[i] - before[i]) / watchRest.Seconds()
	}
	return after, nil
}

// measureMany measures many idle tunnels at once.
func (s *stand) measureMany(ctx context.Context, r *results) (err error) {
	if _, err := s.open(ctx); err != nil {
		return err
	}
	var lines []*line
	defer func() { err = errors.Join(err, endAll(lines), s.disconnect(ctx)) }()
	for range manyTunnels {
		l, err := s.waitingTunnel(ctx, far{target: "bytes", pace: agentPace, payload: smallPayload})
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	if err := pause(ctx, restAfter); err != nil {
		return err
	}
	var all []int
	for _, l := range lines {
		all = append(all, l.pids...)
	}
	for _, kind := range []memoryKind{vmRSS, pss} {
		each, err := resident(all, kind)
		if err != nil {
			return err
		}
		w := what{name: "many idle tunnels at once", client: "spacehatch tunnel", rtt: s.rtt, metric: kind.name + " of each", unit: "MiB"}
		if kind == vmRSS {
			w.most = idleMemory
		}
		r.add(w, each)
	}
	used, err := s.watchRest(ctx, lines)
	if err != nil {
		return err
	}
	sum := 0.0
	for _, each := range used {
		sum += each
	}
	w := what{name: "many idle tunnels at once", client: "spacehatch tunnel", rtt: s.rtt, metric: "processor time of each", unit: "ms/s"}
	r.add(w, used)
	w.metric, w.most = fmt.Sprintf("processor time of all %d", len(used)), manyCPU
	r.add(w, []float64{sum})
	return nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
