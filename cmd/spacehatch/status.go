package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "List the open tunnels",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			all, err := registry.List(cmd.Context(), q.runtime)
			if err != nil {
				return err
			}
			if asJSON {
				if all == nil {
					all = []registry.Status{}
				}
				return p.printJSON(all)
			}
			return p.printStatus(all, time.Now())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func (p *program) printStatus(all []registry.Status, now time.Time) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(p.out, "No tunnel is open. Open a space from Studio, or `ssh` to one that you opened before.")
		return err
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SPACE\tSTATE\tAGE\tIN\tIN/S\tOUT\tOUT/S\tRTT\tUNACKED\tRESENT\tRECONNECTS\tPROCESS")
	for _, s := range all {
		if s.State == registry.Unresponsive {
			fmt.Fprintf(table, "-\t%s\t-\t-\t-\t-\t-\t-\t-\t-\t-\t%d\n", s.State, s.PID)
			continue
		}
		rtt := "-"
		if s.RTT > 0 {
			rtt = milliseconds(s.RTT)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", s.Alias, s.State, age(now.Sub(s.Since)),
			size(s.BytesIn), size(s.RateIn), size(s.BytesOut), size(s.RateOut), rtt, size(int64(s.Unacknowledged)),
			s.Retransmissions, s.Reconnects, s.PID)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return p.printLosses(all, now)
}

// printLosses says why connections had to be made anew.
func (p *program) printLosses(all []registry.Status, now time.Time) error {
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	title := "\nLast reconnect:\n"
	for _, s := range all {
		if s.LastLoss == nil {
			continue
		}
		fmt.Fprintf(table, "%s  %s\t%d\t%s ago\t%s\n", title, s.Alias, s.PID, age(now.Sub(s.LastLoss.At)), s.LastLoss.Reason)
		title = ""
	}
	return table.Flush()
}

// age writes a time that has passed.
func age(d time.Duration) string { return max(d, 0).Round(time.Second).String() }

// milliseconds writes a time that was measured, with as many digits as tell
// something.
func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// size writes a number of bytes as a person reads it.
func size(n int64) string {
	const units = "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + " " + units[unit:unit+1] + "iB"
}
