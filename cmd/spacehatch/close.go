package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

func (p *program) closeCommand() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "close ALIAS | --all",
		Short: "End the connection to a space, or all of them",
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) == 1) || len(args) > 1 {
				return errors.New("close takes one alias, or --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			alias := ""
			if !all {
				space, err := q.space(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				alias = space.Alias
			}
			ended, err := q.closeTunnels(cmd.Context(), alias)
			if err != nil {
				return err
			}
			return p.printEnded(ended, asJSON)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "end every connection")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array of the tunnels that were ended")
	return c
}

// closeTunnels ends the ssh master and the tunnels of the alias, of every space
// where it is empty, and returns the tunnels that there were. It needs neither
// the list of spaces nor a working ssh: who wants to leave is not kept.
func (q *places) closeTunnels(ctx context.Context, alias string) ([]registry.Status, error) {
	open, err := registry.List(ctx, q.runtime)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(s registry.Status) bool { return alias != "" && s.Alias != alias })
	var fails []error
	for _, a := range q.mastered(open, alias) {
		// The master first: it ends its own ssh in good order, and the tunnel
		// with it.
		if err := q.masters().Stop(ctx, a); err != nil {
			fails = append(fails, err)
		}
	}
	// One that did not hear of it ends with its tunnel.
	if _, err := registry.End(ctx, q.runtime, alias); err != nil {
		return nil, problem.New(problem.Internal, "Not every connection could be ended.",
			"`spacehatch status` shows what is left.", errors.Join(append(fails, err)...))
	}
	return open, nil
}

// mastered are the aliases that may have an ssh master: those with a tunnel. A
// tunnel that does not answer does not say whose it is, so then it may be any.
func (q *places) mastered(open []registry.Status, alias string) []string {
	if alias != "" {
		return []string{alias}
	}
	var all []string
	for _, s := range open {
		if s.State != registry.Unresponsive {
			all = append(all, s.Alias)
		} else if spaces, err := q.store.Spaces(); err == nil {
			for _, space := range spaces {
				all = append(all, space.Alias)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (p *program) printEnded(ended []registry.Status, asJSON bool) error {
	if asJSON {
		if ended == nil {
			ended = []registry.Status{}
		}
		return p.printJSON(ended)
	}
	if len(ended) == 0 {
		_, err := fmt.Fprintln(p.out, "Nothing was open.")
		return err
	}
	names := make([]string, 0, len(ended))
	for _, s := range ended {
		names = append(names, s.Alias)
	}
	_, err := fmt.Fprintf(p.out, "Closed %s.\n", strings.Join(names, ", "))
	return err
}
