package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	Name   string  `json:"name"`   // what is done
	Client string  `json:"client"` // by which program
	RTT    float64 `json:"rtt_ms"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	// P90 is what nine of ten samples are at least as good as.
	P90 float64 `json:"p90"`
	N   int     `json:"n"`

	// most and least are the target for the median, 0 where there is none.
	most, least float64
	none        bool // the target is 0
}

// what says what samples are of.
type what struct {
	name, client string
	rtt          time.Duration
	metric, unit string
	most, least  float64 // the target for the median, 0 where there is none
	more         bool    // more is better
	none         bool    // the target is 0
}

// results collects rows.
type results struct{ rows []row }

// add turns samples into a row.
func (r *results) add(w what, samples []float64) {
	sorted := slices.Sorted(slices.Values(samples))
	if w.more {
		slices.Reverse(sorted)
	}
	r.put(w, rank(sorted, 0.5), rank(sorted, 0.9), len(samples))
}

// addRatio adds how two rows compare, each by its own median and its own ninth
// of ten.
func (r *results) addRatio(w what, of, to row) {
	w.unit = "×"
	r.put(w, of.Median/to.Median, of.P90/to.P90, min(of.N, to.N))
}

func (r *results) put(w what, median, p90 float64, n int) {
	r.rows = append(r.rows, row{
		Name: w.name, Client: w.client, RTT: milliseconds(w.rtt), Metric: w.metric, Unit: w.unit,
		Median: round(median), P90: round(p90), N: n, most: w.most, least: w.least, none: w.none,
	})
}

// last is the row that was added last.
func (r *results) last() row { return r.rows[len(r.rows)-1] }

// rank returns the nearest-rank quantile of samples that are sorted, the best
// first.
func rank(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// round keeps three decimals: more is noise.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func (r *results) writeJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r.rows)
}

func (r *results) writeTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) // Flush has the error of every write
	_, _ = fmt.Fprintln(w, "what\tclient\tRTT\tmetric\tmedian\tp90\tunit\tn\ttarget")
	for _, each := range r.rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%g ms\t%s\t%s\t%s\t%s\t%d\t%s\n", each.Name, each.Client, each.RTT, each.Metric,
			short(each.Median), short(each.P90), each.Unit, each.N, each.target())
	}
	return w.Flush()
}

func (r row) target() string {
	met := func(ok bool) string {
		if ok {
			return "met"
		}
		return "NOT met"
	}
	switch {
	case r.none:
		return "0: " + met(r.Median == 0)
	case r.most != 0:
		return fmt.Sprintf("≤ %g: %s", round(r.most), met(r.Median <= r.most))
	case r.least != 0:
		return fmt.Sprintf("≥ %g: %s", r.least, met(r.Median >= r.least))
	}
	return ""
}

// short writes a number with about three digits.
func short(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}
