//go:build linux

package main

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func TestPingMeasuresAnOpenTunnel(t *testing.T) {
	t.Parallel()
	const rtt = 40 * time.Millisecond
	d, s := newDesk(t), newStudio(t, func(c *simulator.Config) { c.RTT = rtt })
	d.at(s)
	d.waitingTunnel(t, s)
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	before := d.awaitTunnel(t, registry.Connected)

	got := d.run(t, "", "ping", alias, "-c", "3", "-i", "1ms")
	want := regexp.MustCompile(`^The tunnel to my-space\.hatch, process \d+:\n(  \d  gateway \d+ ms +agent \d+ ms\n){3}` +
		`gateway  \d+ ms at least, \d+ ms median, \d+ ms at most \(3 of 3 WebSocket pings to AWS and back\)\n` +
		`agent    \d+ ms at least, \d+ ms median, \d+ ms at most \(3 of 3 messages to the space and their acknowledgements\)\n$`)
	if got.code != exitOK || got.errors != "" || !want.MatchString(got.out) {
		t.Errorf("%v", got)
	}
	got = d.run(t, "", "ping", "MY-SPACE.hatch", "-c", "2", "-i", "0", "--json")
	var m measured
	if err := json.Unmarshal([]byte(got.out), &m); err != nil || got.code != exitOK {
		t.Fatalf("%v: %v", got, err)
	}
	if m.Alias != alias || m.PID != before.PID || len(m.Trips) != 2 || m.Gateway.Answers != 2 || m.Agent.Answers != 2 {
		t.Errorf("%s", got.out)
	}
	// The simulator's round trip lies on both ways.
	if least := float64(rtt.Milliseconds()); *m.Gateway.Least < least || *m.Agent.Least < least {
		t.Errorf("less than the network takes: %s", got.out)
	}
	if after := d.awaitTunnel(t, registry.Connected); after.BytesIn != before.BytesIn || after.BytesOut != before.BytesOut {
		t.Errorf("the stream was touched: %+v, before %+v", after, before)
	}

	s.Gateway().SetFaults(gateway.Faults{Silence: true})
	proxied := d.start(t, "ping", alias, "-c", "1")
	proxied.expect(t, "process")
	proxied.interrupt(t) // nobody has to wait for a network that is gone
	if e := proxied.end(t); e.code != exitOK || e.errors != "" {
		t.Errorf("interrupted: %v", e)
	}
}

func TestPingOfNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	told(t, d.run(t, "", "ping", "other.hatch"), exitFailed, "other.hatch")
	d.knows(t)
	told(t, d.run(t, "", "ping", alias), exitFailed, "No tunnel to "+alias+" is open.")
	if got := d.run(t, "", "ping", alias, "-c", "0"); got.code != exitUsage {
		t.Errorf("%v", got)
	}
}

func TestAMedianHasWholeMicroseconds(t *testing.T) {
	a, b := 0.202, 0.211
	s := summarize([]trip{{Agent: &a}, {}, {Agent: &b}}, func(t trip) *float64 { return t.Agent })
	if s.Answers != 2 || *s.Least != a || *s.Most != b || *s.Median != 0.207 {
		t.Errorf("%d answers: %v, %v, %v", s.Answers, *s.Least, *s.Median, *s.Most)
	}
}
