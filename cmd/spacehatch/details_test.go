package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func TestDetailsOf(t *testing.T) {
	now := time.Date(2026, 4, 5, 6, 7, 8, 0, time.UTC)
	space := session.Space{
		Alias: "a.hatch", Name: "a", Account: "111122223333", Region: "eu-west-1", Domain: "d-1", AppType: "JupyterLab", UserProfile: "alice",
	}
	open := registry.Status{
		Alias: "a.hatch", State: registry.Connected, Since: now.Add(-90 * time.Minute), BytesIn: 3 << 30, BytesOut: 5 << 20,
		RateIn: 700 << 10, RateOut: 12, RTT: 38.2, Unacknowledged: 64 << 10, Window: 256 << 10, Origin: string(session.FromLink), PID: 12,
	}
	second := open
	second.State, second.Since, second.RTT, second.PID = registry.Reconnecting, now.Add(-2*time.Hour), 0, 13
	second.Retransmissions, second.Reconnects = 3, 2
	second.LastLoss = &registry.Loss{At: now.Add(-2 * time.Second), Reason: "silent for 45s"}
	waiting := registry.Status{Alias: "a.hatch", State: registry.Waiting, Since: now, PID: 14}
	lost := registry.Status{Alias: "a.hatch", State: registry.Closed, Problem: &registry.Failure{
		Code: "tunnel-refused", Sentence: "AWS ended the session.", Hint: "Open it again.",
	}}
	wanted := registry.Status{Alias: "a.hatch", State: registry.Closed, Problem: &registry.Failure{Code: "cancelled", Sentence: "Cancelled."}}
	for name, test := range map[string]struct {
		all   []registry.Status
		phase view.Phase
	}{
		"none":    {nil, view.PhaseEnded},
		"one":     {[]registry.Status{open}, view.PhaseConnected},
		"two":     {[]registry.Status{open, second}, view.PhaseReconnecting},
		"waiting": {[]registry.Status{waiting}, view.PhaseReady},
		"lost":    {[]registry.Status{lost}, view.PhaseEnded},
		"wanted":  {[]registry.Status{wanted}, view.PhaseEnded},
		"again":   {[]registry.Status{lost, open}, view.PhaseConnected},
	} {
		t.Run(name, func(t *testing.T) {
			v := detailsOf(space, test.all, now)
			if v.Phase != test.phase {
				t.Errorf("the phase is %s, want %s", v.Phase, test.phase)
			}
			golden := filepath.Join("testdata", "details-"+name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(v.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if v.Text != string(want) {
				t.Errorf("it says\n%s\nwant\n%s", v.Text, want)
			}
		})
	}
}

func TestEveryFigureHasAName(t *testing.T) {
	for _, f := range figuresOf([]registry.Status{
		{Origin: "link", LastLoss: &registry.Loss{}}, {},
	}, time.Now()) {
		if figureNames[f.Kind] == "" {
			t.Errorf("%s has no name", f.Kind)
		}
	}
}
