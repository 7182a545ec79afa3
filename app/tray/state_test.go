package tray

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	research = Space{Alias: "research.hatch", Name: "Research", Domain: "d-abc", Region: "us-east-1"}
	gpu      = Space{Alias: "gpu-big.hatch", Name: "gpu-big", Domain: "d-abc", Region: "us-east-1"}
	twin     = Space{Alias: "research.d-xyz.hatch", Name: "research", Domain: "d-xyz", Region: "eu-west-1"}
	hostile  = Space{Alias: "evil.hatch", Name: "a_b & <b>\u202etxt\n\x1b[31m" + strings.Repeat("x", 200)}
)

func tunnelOf(space Space, phase Phase) Tunnel {
	return Tunnel{Alias: space.Alias, Phase: phase, Since: noon.Add(-90 * time.Minute)}
}

func lost(space Space) Tunnel {
	return Tunnel{Alias: space.Alias, Ended: true, Failure: "The gateway ended the session.", Hint: "Connect again."}
}

// way walks through snapshots, a minute each.
func way(shots ...Snapshot) State {
	var s State
	for i, shot := range shots {
		s = s.Next(shot, noon.Add(time.Duration(i)*time.Minute))
	}
	return s
}

func shot(tunnels ...Tunnel) Snapshot {
	return Snapshot{Tunnels: tunnels, Spaces: []Space{gpu, research}}
}

func TestMenus(t *testing.T) {
	many := Snapshot{}
	for i := range 12 {
		space := Space{Alias: string(rune('a'+i)) + ".hatch", Name: string(rune('a' + i))}
		many.Spaces = append(many.Spaces, space)
		many.Tunnels = append(many.Tunnels, tunnelOf(space, Connected))
	}
	recent := Snapshot{}
	for i := range 9 {
		recent.Spaces = append(recent.Spaces, Space{Alias: string(rune('a'+i)) + ".hatch", Name: string(rune('A' + i))})
	}
	newer := shot(tunnelOf(research, Connected))
	newer.Newer = "1.4.0"
	windows := shot(tunnelOf(research, Connected))
	windows.Windows, windows.Settings = true, true
	moving := []Tunnel{tunnelOf(research, Connected), tunnelOf(gpu, Connected)}
	moving[0].In, moving[0].Out, moving[0].RTT = 3_400_000, 512, 23400*time.Microsecond
	moving[1].RTT = 300 * time.Microsecond
	old := tunnelOf(research, Connected)
	old.Since = noon.Add(-50 * time.Hour)
	for name, s := range map[string]State{
		"nothing":      way(Snapshot{}),
		"idle":         way(shot()),
		"connecting":   way(shot(tunnelOf(research, Connecting))),
		"asked":        way(shot()).Asked(research.Alias, noon).Next(shot(), noon),
		"ready":        way(shot(tunnelOf(research, Ready))),
		"connected":    way(shot(tunnelOf(research, Connected))),
		"paused":       way(shot(tunnelOf(research, Paused))),
		"reconnecting": way(shot(tunnelOf(research, Reconnecting), tunnelOf(gpu, Connected))),
		"lost":         way(shot(tunnelOf(research, Connected)), shot(lost(research))),
		"windows":      way(windows),
		"newer":        way(newer),
		"lost-windows": way(windows, Snapshot{Tunnels: []Tunnel{lost(research)}, Spaces: windows.Spaces, Windows: true, Settings: true}),
		"unknown":      way(Snapshot{Tunnels: []Tunnel{tunnelOf(research, Connected)}}),
		"many":         way(many),
		"recent":       way(recent),
		"days":         way(shot(old)),
		"twins":        way(Snapshot{Tunnels: []Tunnel{tunnelOf(research, Connected)}, Spaces: []Space{research, twin}}),
		"both-twins":   way(Snapshot{Tunnels: []Tunnel{tunnelOf(research, Connected), tunnelOf(twin, Connected)}, Spaces: []Space{research, twin}}),
		"hostile":      way(Snapshot{Tunnels: []Tunnel{tunnelOf(hostile, Connected)}, Spaces: []Space{hostile}}),
		"measured": way(shot(tunnelOf(research, Connected), tunnelOf(gpu, Connected))).
			Figures(moving, noon),
		"moving": way(shot(tunnelOf(research, Connected), tunnelOf(gpu, Connected))).
			Figures([]Tunnel{tunnelOf(research, Connected), tunnelOf(gpu, Connected)}, noon).
			Figures(moving, noon.Add(time.Second)),
	} {
		t.Run(name, func(t *testing.T) {
			got := "icon: " + string(s.Icon()) + "\ntooltip: " + s.Tooltip() + "\n\n" +
				s.Menu(noon.Add(time.Minute), time.UTC).String()
			path := filepath.Join("testdata", "menu-"+name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestStillForgetsFigures(t *testing.T) {
	s := way(shot(tunnelOf(research, Connected)))
	before := s.Menu(noon, time.UTC)
	fast := tunnelOf(research, Connected)
	fast.In, fast.RTT = 1<<30, time.Second
	moved := s.Figures([]Tunnel{tunnelOf(research, Connected)}, noon).Figures([]Tunnel{fast}, noon.Add(time.Second))
	if reflect.DeepEqual(moved.Menu(noon, time.UTC), before) {
		t.Error("the figures are not shown")
	}
	if got := moved.Still().Menu(noon, time.UTC); !reflect.DeepEqual(got, before) {
		t.Errorf("%s", got)
	}
	if got := s.Menu(noon, time.UTC); !reflect.DeepEqual(got, before) {
		t.Error("the state that was asked is another one now")
	}
}

func TestNext(t *testing.T) {
	type seen struct {
		alias string
		phase Phase
	}
	for name, c := range map[string]struct {
		shots []Snapshot
		want  []seen
	}{
		"two tunnels are one connection":       {[]Snapshot{shot(tunnelOf(gpu, Connected), tunnelOf(gpu, Connecting))}, []seen{{"gpu-big.hatch", Connected}}},
		"the worse tunnel counts":              {[]Snapshot{shot(tunnelOf(gpu, Connected), tunnelOf(gpu, Reconnecting))}, []seen{{"gpu-big.hatch", Reconnecting}}},
		"a normal end leaves nothing":          {[]Snapshot{shot(tunnelOf(gpu, Connected)), shot(Tunnel{Alias: gpu.Alias, Ended: true})}, nil},
		"a process that is not told of":        {[]Snapshot{shot(tunnelOf(gpu, Connected)), shot()}, nil},
		"what never connected is not lost":     {[]Snapshot{shot(tunnelOf(gpu, Connecting)), shot(lost(gpu))}, nil},
		"what was never seen is not lost":      {[]Snapshot{shot(lost(gpu))}, nil},
		"a second tunnel keeps the connection": {[]Snapshot{shot(tunnelOf(gpu, Connected)), shot(lost(gpu), tunnelOf(gpu, Connected))}, []seen{{"gpu-big.hatch", Connected}}},
		"lost stays":                           {[]Snapshot{shot(tunnelOf(gpu, Paused)), shot(lost(gpu)), shot(), shot(tunnelOf(research, Ready))}, []seen{{"gpu-big.hatch", Lost}, {"research.hatch", Ready}}},
		"until it is open again":               {[]Snapshot{shot(tunnelOf(gpu, Connected)), shot(lost(gpu)), shot(tunnelOf(gpu, Connecting))}, []seen{{"gpu-big.hatch", Connecting}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := way(c.shots...)
			var got []seen
			for _, c := range s.Connections {
				got = append(got, seen{c.Alias, c.Phase})
				for _, r := range s.Recent {
					if r.Alias == c.Alias {
						t.Errorf("%s is offered although it is there", r.Alias)
					}
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if len(got)+len(s.Recent) != 2 {
				t.Errorf("of two spaces %d are connections and %d are offered", len(got), len(s.Recent))
			}
		})
	}
}

func TestAskedAndAnswered(t *testing.T) {
	s := way(shot())
	menu := func(s State) string { return s.Menu(noon, time.UTC).String() }
	asked := s.Asked(research.Alias, noon)
	if got := menu(asked); !strings.Contains(got, "Research · connecting") || asked.Icon() != Busy || got != menu(asked.Next(shot(), noon)) {
		t.Errorf("asked:\n%s", got)
	}
	if got := menu(asked.Answered(research.Alias)); !strings.Contains(got, "Research  [connect") || strings.Contains(got, "connecting") {
		t.Errorf("answered with no:\n%s", got)
	}
	open := asked.Next(shot(tunnelOf(research, Ready)), noon)
	if got := menu(open.Answered(research.Alias)); got != menu(way(shot(tunnelOf(research, Ready)))) {
		t.Errorf("answered with a tunnel:\n%s", got)
	}
	if got := menu(open.Answered(research.Alias).Next(shot(), noon)); got != menu(s) {
		t.Errorf("closed again:\n%s", got)
	}
	again := way(shot(tunnelOf(research, Connected))).Asked(research.Alias, noon)
	if got := menu(again); !strings.Contains(got, "Research · connected") {
		t.Errorf("asked again:\n%s", got)
	}
	if got := again.Next(shot(Tunnel{Alias: research.Alias, Ended: true}), noon); len(got.Connections) != 1 || got.Connections[0].Phase != Connecting {
		t.Errorf("between two tunnels: %+v", got.Connections)
	}
	if got := way(shot(tunnelOf(gpu, Connected)), shot(lost(gpu))).Asked(gpu.Alias, noon); len(got.Connections) != 1 || got.Connections[0].Phase != Connecting {
		t.Errorf("a lost one: %+v", got.Connections)
	}
}

func TestDismiss(t *testing.T) {
	s := way(shot(tunnelOf(gpu, Connected), tunnelOf(research, Connected)), shot(lost(gpu), tunnelOf(research, Connected)))
	after := s.Dismiss(gpu.Alias).Dismiss(research.Alias)
	if len(after.Connections) != 1 || after.Connections[0].Alias != research.Alias || after.Recent[0] != gpu {
		t.Errorf("%+v", after)
	}
	if len(s.Connections) != 2 {
		t.Error("the state that was asked is another one now")
	}
}
