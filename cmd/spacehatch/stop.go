package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) stopCommand() *cobra.Command {
	return p.oneSpaceCommand("stop", "Stop a space, so that it costs nothing",
		"Stops what runs in the space, with local AWS credentials, and ends the connections\n"+
			"of this computer to it. What is not saved there is lost; its files stay. Ctrl-C\n"+
			"leaves the space as it is then.",
		"stopped", func(ctx context.Context, f awsFlags, o handler.Options, name string, asJSON bool) (session.Space, string, error) {
			space, ran, err := p.stop(ctx, f, o, name, asJSON)
			if !ran {
				return space, "was not running", err
			}
			return space, "is stopped", err
		})
}

// oneSpaceCommand does something with the space that a person names, and says
// what became of it: in words, or by the event of that name.
func (p *program) oneSpaceCommand(verb, short, long, event string,
	do func(ctx context.Context, f awsFlags, o handler.Options, name string, asJSON bool) (space session.Space, became string, err error),
) *cobra.Command {
	var (
		f      awsFlags
		o      handler.Options
		asJSON bool
	)
	c := &cobra.Command{
		Use: verb + " NAME|ARN|ALIAS", Short: short, Long: long, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			space, became, err := do(cmd.Context(), f, o, args[0], asJSON)
			switch {
			case asJSON && err != nil:
				return p.failedJSON(err)
			case err != nil:
				return err
			case asJSON:
				return p.printLine(jsonEnd{Event: event, Alias: space.Alias, SpaceARN: space.ARN})
			}
			_, err = fmt.Fprintf(p.out, "%s %s.\n", printable.Text(space.Name, 64), became)
			return err
		},
	}
	f.add(c)
	c.Flags().BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line for every event")
	return c
}

func (p *program) stop(ctx context.Context, f awsFlags, o handler.Options, name string, asJSON bool) (space session.Space, ran bool, err error) {
	space, err = p.onSpace(ctx, f, name, asJSON, o.Yes, func(c *handler.Connector, q *parts, space session.Space) error {
		if ran, err = c.Stop(ctx, space, o); err != nil || !ran {
			return err
		}
		_, err = q.closeTunnels(ctx, space.Alias) // they lead nowhere now
		return err
	})
	return space, ran, err
}

// onSpace does something with the space that a person names, and tells of it.
func (p *program) onSpace(ctx context.Context, f awsFlags, name string, asJSON, yes bool,
	do func(*handler.Connector, *parts, session.Space) error,
) (session.Space, error) {
	q, err := p.parts()
	if err != nil {
		return session.Space{}, err
	}
	connector := p.connector(q)
	connector.Report, connector.Studio = p.reporter(asJSON), p.awsStudio(q.places, f)
	var space session.Space
	err = p.signer(connector.Person, yes || asJSON).after(ctx, func() (err error) {
		if space, _, err = p.named(ctx, q.places, f, name); err != nil {
			return err
		}
		return do(connector, q, space)
	})
	return space, err
}

// failedJSON ends a stream of events with the problem.
func (p *program) failedJSON(err error) error {
	found := problem.From(err)
	if err := p.printLine(jsonEnd{Event: "failed", Problem: asJSONProblem(found)}); err != nil {
		return err
	}
	return errSilent{found}
}
