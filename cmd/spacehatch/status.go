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
	fmt.Fprintln(table, "SPACE\tSTATE\tAGE\tIN\tOUT\tRTT\tRECONNECTS\tPROCESS")
	for _, s := range all {
		rtt := "-"
		if s.RTT > 0 {
			rtt = fmt.Sprintf("%.0f ms", s.RTT)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", s.Alias, s.State,
			now.Sub(s.Since).Round(time.Second), size(s.BytesIn), size(s.BytesOut), rtt, s.Reconnects, s.PID)
	}
	return table.Flush()
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
