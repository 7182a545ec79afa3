package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 4, 5, 6, 7, 8, 0, time.UTC)
	for name, all := range map[string][]registry.Status{
		"none": nil,
		"quiet": {{
			Alias: "my-space.hatch", State: registry.Waiting, Since: now.Add(-3 * time.Second), BytesIn: 41, PID: 4711,
		}},
		"many": {
			{
				Alias: "a.hatch", State: registry.Reconnecting, Since: now.Add(-90 * time.Minute), BytesIn: 3 << 30, BytesOut: 5<<20 + 7,
				RateIn: 700 << 10, RateOut: 12, RTT: 112.4, Unacknowledged: 64 << 10, Window: 256 << 10, Retransmissions: 12, Reconnects: 2, PID: 12,
				LastLoss: &registry.Loss{At: now.Add(-2 * time.Second), Reason: "silent for 45s"},
			},
			{
				Alias: "b.hatch", State: registry.Connected, Since: now.Add(-26 * time.Hour), RTT: 0.84, Reconnects: 25, PID: 123456,
				LastLoss: &registry.Loss{At: now.Add(-59 * time.Minute), Reason: "closed by AWS with code 1000"},
			},
			// The clock of this computer has been set back.
			{Alias: "c.hatch", State: registry.Connecting, Since: now.Add(time.Minute), PID: 3},
			{State: registry.Unresponsive, PID: 99},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := (&program{out: &out}).printStatus(all, now); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "status-"+name+".golden")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("got\n%swant\n%s", &out, want)
			}
		})
	}
}
