package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) trustCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "trust",
		Short: "List the domains whose links connect without a question",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			return p.listTrusts(q, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.AddCommand(p.distrustCommand())
	return c
}

func (p *program) distrustCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "remove DOMAIN | --all",
		Short: "Ask again before a link of the domain connects",
		Args: usageArgs(func(_ *cobra.Command, args []string) error {
			if all == (len(args) == 1) || len(args) > 1 {
				return errors.New("trust remove takes one domain, or --all")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			domain := ""
			if !all {
				domain = args[0]
			}
			return p.distrust(cmd.Context(), q, domain)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "ask again for every domain")
	return c
}

func (p *program) listTrusts(q *places, asJSON bool) error {
	trusts, err := q.store.Trusts()
	if err != nil {
		return err
	}
	if asJSON {
		if trusts == nil {
			trusts = []session.Consent{}
		}
		return p.printJSON(trusts)
	}
	if len(trusts) == 0 {
		_, err := fmt.Fprintln(p.out, "No domain is trusted: every link asks.")
		return err
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DOMAIN\tACCOUNT\tREGION")
	for _, t := range trusts {
		fmt.Fprintf(table, "%s\t%s\t%s\n", t.Domain, t.Account, t.Region)
	}
	return table.Flush()
}

// distrust takes back every consent for the domain, for all where it is empty.
func (p *program) distrust(ctx context.Context, q *places, domain string) error {
	trusts, err := q.store.Trusts()
	if err != nil {
		return err
	}
	removed := 0
	for _, t := range trusts {
		if domain != "" && t.Domain != domain {
			continue
		}
		if err := q.store.Distrust(ctx, t); err != nil {
			return err
		}
		removed++
	}
	if removed == 0 && domain != "" {
		return problem.New(problem.Rejected, "The domain "+printable.Quoted(domain)+" is not among the trusted ones.",
			"`spacehatch trust` lists them.", nil)
	}
	_, err = fmt.Fprintf(p.out, "Links of %s ask again.\n", plural(removed, "trusted domain"))
	return err
}
