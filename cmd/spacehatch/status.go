package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON, window bool
	c := &cobra.Command{
		Use:   "status [ALIAS]",
		Short: "List the open tunnels, or tell all about one connection",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || window && (len(args) == 0 || asJSON) {
				return errors.New("status takes at most one alias; --window takes one, and goes without --json")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return p.status(cmd.Context(), q, asJSON)
			}
			space, err := q.space(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if window {
				return p.detailsWindow(cmd.Context(), q, space)
			}
			return p.statusOf(cmd.Context(), q, space, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.Flags().BoolVar(&window, "window", false, "show the connection in a window, and keep the figures new")
	return c
}

func (p *program) status(ctx context.Context, q *places, asJSON bool) error {
	all, err := registry.List(ctx, q.runtime)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(append([]registry.Status{}, all...))
	}
	return p.printStatus(all, time.Now())
}

// statusOf tells of the tunnels of one space.
func (p *program) statusOf(ctx context.Context, q *places, space session.Space, asJSON bool) error {
	all, err := registry.List(ctx, q.runtime)
	if err != nil {
		return err
	}
	all = tunnelsOf(all, space.Alias)
	if asJSON {
		return p.printJSON(append([]registry.Status{}, all...))
	}
	_, err = fmt.Fprint(p.out, detailsText(detailsOf(space, all, time.Now())))
	return err
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
