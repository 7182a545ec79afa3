package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) linkCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "link LINK",
		Short: "Explain a link without acting on it",
		Long: "Says what a link names and whether the policy allows it. Nothing is dialled,\n" +
			"written or started, and no secret is shown. With - the link is read from standard\n" +
			"input. The exit code is 3 where the link is refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			link, err := p.readLink(args[0])
			if err != nil {
				return err
			}
			return p.explain(link, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func (p *program) explain(link string, asJSON bool) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	var aliasErr error
	e := handler.Explain(link, q.policy, func(space session.Space) string {
		alias, err := q.store.Alias(space)
		aliasErr = err
		return alias
	})
	if aliasErr != nil {
		return aliasErr
	}
	if asJSON {
		if err := p.printJSON(e); err != nil {
			return err
		}
	} else {
		for _, row := range [][2]string{
			{"Kind", e.Kind}, {"Alias", e.Alias}, {"Space", e.SpaceARN}, {"Account", e.Account}, {"Region", e.Region},
			{"Domain", e.Domain}, {"Stream host", e.StreamHost}, {"Verdict", e.Verdict}, {"Reason", e.Reason},
		} {
			if row[1] != "" {
				fmt.Fprintf(p.out, "%-12s %s\n", row[0], row[1])
			}
		}
	}
	if e.Verdict != handler.VerdictAllowed {
		return errSilent{problem.New(problem.LinkRefused, e.Reason, "", nil)}
	}
	return nil
}
