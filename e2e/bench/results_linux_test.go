package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRows(t *testing.T) {
	one := []float64{7}
	ten := []float64{10, 1, 9, 2, 8, 3, 7, 4, 6, 5}
	for _, c := range []struct {
		name        string
		samples     []float64
		more        bool
		median, p90 float64
	}{
		{"one sample", one, false, 7, 7},
		{"less is better", ten, false, 5, 9},
		{"more is better", ten, true, 6, 2},
		{"an outlier", []float64{1, 1, 1, 1, 100}, false, 1, 100},
	} {
		r := &results{}
		r.add(what{more: c.more}, c.samples)
		if got := r.last(); got.Median != c.median || got.P90 != c.p90 || got.N != len(c.samples) {
			t.Errorf("%s: %+v, want median %g and p90 %g", c.name, got, c.median, c.p90)
		}
	}
	if !slices.Equal(ten, []float64{10, 1, 9, 2, 8, 3, 7, 4, 6, 5}) {
		t.Error("the samples were sorted in place")
	}
}

func TestTheTableAndItsTargets(t *testing.T) {
	r := &results{}
	r.add(what{name: "start", client: "spacehatch", rtt: 50 * time.Millisecond, metric: "time", unit: "ms", most: 20}, []float64{20})
	slow := what{name: "start", client: "spacehatch", metric: "time", unit: "ms", most: 19.9}
	r.add(slow, []float64{20})
	r.addRatio(what{name: "start", metric: "against itself"}, r.rows[0], row{Median: 40, P90: 10, N: 1})
	r.add(what{name: "flow", metric: "rate", unit: "MiB/s", more: true, least: 30}, []float64{30, 31, 29})
	r.add(what{name: "flow", metric: "rate", unit: "MiB/s", more: true, least: 30.5}, []float64{30})
	var table, data strings.Builder
	if err := r.writeTable(&table); err != nil {
		t.Fatal(err)
	}
	want := `what   client      RTT    metric          median  p90   unit   n  target
start  spacehatch  50 ms  time            20.0    20.0  ms     1  ≤ 20: met
start  spacehatch  0 ms   time            20.0    20.0  ms     1  ≤ 19.9: NOT met
start              0 ms   against itself  0.50    2.00  ×      1  
flow               0 ms   rate            30.0    29.0  MiB/s  3  ≥ 30: met
flow               0 ms   rate            30.0    30.0  MiB/s  1  ≥ 30.5: NOT met
`
	if table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
	if err := r.writeJSON(&data); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(data.String()), &rows); err != nil || len(rows) != 5 || rows[0]["rtt_ms"] != 50.0 || rows[0]["p90"] != 20.0 || len(rows[0]) != 8 {
		t.Errorf("%v: %s", err, data.String())
	}
}

func TestPartsAreChosenByName(t *testing.T) {
	for _, name := range partNames() {
		if names, err := chosen(name); err != nil || !slices.Equal(names, []string{name}) {
			t.Errorf("%s: %v, %v", name, names, err)
		}
	}
	if _, err := chosen("programs,nothing"); err == nil {
		t.Error("a part that is not there was chosen")
	}
	count := func(o options) (n int) {
		for _, rtt := range []time.Duration{noNetwork, 0, 50 * time.Millisecond} {
			n += len(o.due(rtt))
		}
		return n
	}
	if got := count(options{only: []string{"programs", "banner"}}); got != 3 {
		t.Errorf("%d measurements are due, want one without and two with a network", got)
	}
	all := 0
	for _, each := range parts {
		all += len(each.rtts)
	}
	if got := count(options{}); got != all {
		t.Errorf("%d of %d measurements are due", got, all)
	}
}
