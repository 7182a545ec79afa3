package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// The problems of a measurement.
const (
	notOpen  problem.Code = "not-open"  // no tunnel to be measured
	noAnswer problem.Code = "no-answer" // nobody answered
)

func (p *program) pingCommand() *cobra.Command {
	var (
		asJSON   bool
		count    int
		interval time.Duration
	)
	c := &cobra.Command{
		Use:   "ping ALIAS",
		Short: "Measure how long the way through a tunnel is",
		Long: "Measures two ways through the open tunnel to a space, and puts nothing into the\n" +
			"ssh connection for it:\n\n" +
			"  gateway  a WebSocket ping to AWS's gateway and back\n" +
			"  agent    a message to the agent in the space and its acknowledgement, with\n" +
			"           all that it has to wait for: what a key stroke takes, but for ssh\n\n" +
			"It ends with exit code 1 where nobody answered.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || interval < 0 {
				return errUsage{errors.New("ping measures at least once, and not before it has measured")}
			}
			return p.ping(cmd.Context(), args[0], count, interval, asJSON)
		},
	}
	c.Flags().IntVarP(&count, "count", "c", 5, "how often")
	c.Flags().DurationVarP(&interval, "interval", "i", time.Second, "the time from one measurement to the next")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end")
	return c
}

// measured is what `ping --json` prints.
type measured struct {
	Alias   string  `json:"alias"`
	PID     int     `json:"pid"`
	Trips   []trip  `json:"trips"`
	Gateway summary `json:"gateway"`
	Agent   summary `json:"agent"`
}

// trip is one measurement in milliseconds; null is no answer.
type trip struct {
	Gateway *float64 `json:"gateway_ms"`
	Agent   *float64 `json:"agent_ms"`
}

// summary is over the answers that came, in milliseconds; null where none did.
type summary struct {
	Answers int      `json:"answers"`
	Least   *float64 `json:"least_ms"`
	Median  *float64 `json:"median_ms"`
	Most    *float64 `json:"most_ms"`
}

func (p *program) ping(ctx context.Context, host string, count int, interval time.Duration, asJSON bool) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	space, err := q.space(ctx, host)
	if err != nil {
		return err
	}
	tunnel, err := q.tunnelTo(ctx, space.Alias)
	if err != nil {
		return err
	}
	m := measured{Alias: tunnel.Alias, PID: tunnel.PID, Trips: []trip{}}
	if !asJSON {
		fmt.Fprintf(p.out, "The tunnel to %s, process %d:\n", m.Alias, m.PID)
	}
	failed := p.measure(ctx, q, tunnel, &m, count, interval, asJSON)
	m.Gateway = summarize(m.Trips, func(t trip) *float64 { return t.Gateway })
	m.Agent = summarize(m.Trips, func(t trip) *float64 { return t.Agent })
	if asJSON {
		err = p.printJSON(m)
	} else {
		err = p.printMeasured(m)
	}
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case m.Gateway.Answers+m.Agent.Answers == 0 && len(m.Trips) > 0:
		return problem.New(noAnswer, "Neither AWS nor the space answered.",
			"`spacehatch status` says how the tunnel is; it looks for a way by itself.", nil)
	}
	return nil
}

// tunnelTo returns the open tunnel to a space that has been there longest: the
// one of the ssh master, where there is one.
func (q *places) tunnelTo(ctx context.Context, alias string) (registry.Status, error) {
	all, err := registry.List(ctx, q.runtime)
	if err != nil {
		return registry.Status{}, err
	}
	i := slices.IndexFunc(all, func(s registry.Status) bool { return s.Alias == alias })
	if i < 0 {
		return registry.Status{}, problem.New(notOpen, "No tunnel to "+alias+" is open.",
			"`ssh "+alias+"` opens one.", nil)
	}
	return all[i], nil
}

// measure fills in the trips, and shows each where they are not for a machine.
// A person may end it at any time.
func (p *program) measure(ctx context.Context, q *places, tunnel registry.Status, m *measured, count int, interval time.Duration, quiet bool) error {
	next := time.NewTicker(max(interval, 1))
	defer next.Stop()
	for i := range count {
		trips, err := registry.Ping(ctx, q.runtime, tunnel)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return problem.New(notOpen, "The tunnel to "+tunnel.Alias+" could not be asked: it is just beginning, or has ended.",
				"`spacehatch status` shows which tunnels are open.", err)
		}
		m.Trips = append(m.Trips, trip{inMilliseconds(trips.Gateway), inMilliseconds(trips.Agent)})
		if t := m.Trips[i]; !quiet {
			if _, err := fmt.Fprintf(p.out, "%3d  gateway %-10s  agent %s\n", i+1, answered(t.Gateway), answered(t.Agent)); err != nil {
				return err
			}
		}
		if i == count-1 {
			break
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func inMilliseconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := float64(d.Microseconds()) / 1000
	return &ms
}

func answered(ms *float64) string {
	if ms == nil {
		return "no answer"
	}
	return milliseconds(*ms)
}

func summarize(trips []trip, of func(trip) *float64) (s summary) {
	var all []float64
	for _, t := range trips {
		if ms := of(t); ms != nil {
			all = append(all, *ms)
		}
	}
	if s.Answers = len(all); s.Answers > 0 {
		slices.Sort(all)
		s.Least, s.Most = &all[0], &all[len(all)-1]
		middle := math.Round((all[(len(all)-1)/2]+all[len(all)/2])/2*1000) / 1000 // whole microseconds, as the others
		s.Median = &middle
	}
	return s
}

func (p *program) printMeasured(m measured) error {
	for _, row := range []struct {
		name, what string
		s          summary
	}{
		{"gateway", "WebSocket pings to AWS and back", m.Gateway},
		{"agent", "messages to the space and their acknowledgements", m.Agent},
	} {
		line := "no answer"
		if row.s.Answers > 0 {
			line = fmt.Sprintf("%s at least, %s median, %s at most", milliseconds(*row.s.Least), milliseconds(*row.s.Median), milliseconds(*row.s.Most))
		}
		if _, err := fmt.Fprintf(p.out, "%-8s %s (%d of %d %s)\n", row.name, line, row.s.Answers, len(m.Trips), row.what); err != nil {
			return err
		}
	}
	return nil
}
