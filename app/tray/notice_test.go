package tray

import (
	"fmt"
	"testing"
	"time"
)

func TestNotices(t *testing.T) {
	since := func(tunnel Tunnel, ago time.Duration) Tunnel {
		tunnel.Since = noon.Add(-ago)
		return tunnel
	}
	connecting := tunnelOf(research, Connecting)
	keyed := func(key ...string) Snapshot {
		s := shot(tunnelOf(research, Connected))
		s.Keys = map[string][]string{research.Alias: key}
		return s
	}
	windows := func(s Snapshot) Snapshot { s.Windows = true; return s }
	for name, c := range map[string]struct {
		start  State
		shots  []Snapshot
		passed time.Duration // from the first snapshot to the last
		want   []string      // titles
	}{
		"quick":                  {shots: []Snapshot{shot(since(connecting, time.Second)), shot(tunnelOf(research, Connected))}, passed: 8 * time.Second},
		"after a wait":           {shots: []Snapshot{shot(since(connecting, time.Second)), shot(tunnelOf(research, Ready))}, passed: 10 * time.Second, want: []string{"Research is connected"}},
		"a window has shown it":  {shots: []Snapshot{shot(since(connecting, time.Minute)), windows(shot(tunnelOf(research, Ready)))}, passed: time.Minute},
		"an ssh that comes late": {shots: []Snapshot{shot(tunnelOf(research, Ready)), shot(tunnelOf(research, Connected))}, passed: time.Hour},
		"the click was long ago": {start: State{}.Asked(research.Alias, noon.Add(-time.Minute)), shots: []Snapshot{shot(since(connecting, 0)), shot(tunnelOf(research, Ready))}, passed: time.Second, want: []string{"Research is connected"}},
		"a tunnel that is told of when it is open": {shots: []Snapshot{shot(), shot(tunnelOf(research, Ready))}},
		"asked for, and told of when it is open":   {start: way(shot()).Asked(research.Alias, noon.Add(-time.Minute)), shots: []Snapshot{shot(), shot(tunnelOf(research, Ready))}, want: []string{"Research is connected"}},
		"asked for, and quick":                     {start: way(shot()).Asked(research.Alias, noon.Add(-time.Second)), shots: []Snapshot{shot(), shot(tunnelOf(research, Ready))}},
		"asked again, while it was open":           {start: way(shot(tunnelOf(research, Ready))).Asked(research.Alias, noon.Add(-time.Minute)), shots: []Snapshot{shot(), shot(tunnelOf(research, Connected))}, want: []string{"Research is connected"}},
		"the click was answered":                   {start: State{}.Asked(research.Alias, noon.Add(-time.Minute)).Answered(research.Alias), shots: []Snapshot{shot(since(connecting, 0)), shot(tunnelOf(research, Ready))}, passed: time.Second},
		"still connecting":                         {shots: []Snapshot{shot(since(connecting, time.Hour)), shot(since(connecting, time.Hour))}, passed: time.Hour},
		"first sight":                              {shots: []Snapshot{shot(tunnelOf(research, Connected))}},
		"lost":                                     {shots: []Snapshot{shot(tunnelOf(research, Connected)), shot(lost(research))}, want: []string{"The connection to Research is lost"}},
		"lost while reconnecting":                  {shots: []Snapshot{shot(tunnelOf(research, Reconnecting)), windows(shot(lost(research)))}, want: []string{"The connection to Research is lost"}},
		"lost is told once":                        {shots: []Snapshot{shot(tunnelOf(research, Connected)), shot(lost(research)), shot(), shot(lost(research))}},
		"closed":                                   {shots: []Snapshot{shot(tunnelOf(research, Connected)), shot(Tunnel{Alias: research.Alias, Ended: true})}},
		"failed before it was connected":           {shots: []Snapshot{shot(connecting), shot(lost(research))}},
		"a short loss of the network":              {shots: []Snapshot{shot(tunnelOf(research, Connected)), shot(tunnelOf(research, Reconnecting)), shot(tunnelOf(research, Connected))}, passed: 20 * time.Second},
		"a long loss of the network":               {shots: []Snapshot{shot(tunnelOf(research, Connected)), shot(tunnelOf(research, Reconnecting)), windows(shot(tunnelOf(research, Connected)))}, passed: 30 * time.Second, want: []string{"Research is connected again"}},
		"reconnecting by steps":                    {shots: []Snapshot{shot(tunnelOf(research, Reconnecting)), shot(tunnelOf(research, Reconnecting)), shot(tunnelOf(research, Paused))}, passed: 12 * time.Second, want: []string{"Research is connected again"}},
		"the first key":                            {shots: []Snapshot{keyed(), keyed("one")}},
		"the same key":                             {shots: []Snapshot{keyed("one"), keyed("one")}},
		"one more key":                             {shots: []Snapshot{keyed("one"), keyed("one", "two")}},
		"another key":                              {shots: []Snapshot{keyed("one"), windows(keyed("two"))}, want: []string{"research.hatch has a new host key"}},
		"another key, step by step":                {shots: []Snapshot{keyed("one"), keyed(), keyed(), keyed("two")}, want: []string{"research.hatch has a new host key"}},
		"both": {shots: []Snapshot{shot(tunnelOf(research, Connected), tunnelOf(gpu, Connected)), shot(lost(research), lost(gpu))},
			want: []string{"The connection to gpu-big is lost", "The connection to Research is lost"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, before, at := c.start, State{}, noon
			for i, shot := range c.shots {
				if len(c.shots) > 1 {
					at = noon.Add(c.passed * time.Duration(i) / time.Duration(len(c.shots)-1))
				}
				before, s = s, s.Next(shot, at)
			}
			var got []string
			for _, n := range Notices(before, s, at) {
				got = append(got, n.Title)
				if n.About == "" || n.Body == "" || n.For == 0 && !n.Urgent {
					t.Errorf("%+v", n)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
