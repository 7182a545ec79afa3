package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/printable"
)

func (p *program) startCommand() *cobra.Command {
	var (
		f      awsFlags
		o      handler.Options
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "start NAME|ARN|ALIAS",
		Short: "Start a space without connecting to it",
		Long: "Starts the space with local AWS credentials, so that it can be connected to, after\n" +
			"a question that says what would be changed. It costs money until it is stopped.\n" +
			"Ctrl-C leaves the space as it is then. `spacehatch connect` starts a space too.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			space, err := p.onSpace(cmd.Context(), f, args[0], asJSON, o.Yes, func(c *handler.Connector, _ *parts, space session.Space) error {
				return c.Start(cmd.Context(), space, o)
			})
			switch {
			case asJSON && err != nil:
				return p.failedJSON(err)
			case err != nil:
				return err
			case asJSON:
				return p.printLine(jsonEnd{Event: "started", Alias: space.Alias, SpaceARN: space.ARN})
			}
			_, err = fmt.Fprintf(p.out, "%s runs.\n", printable.Text(space.Name, 64))
			return err
		},
	}
	f.add(c)
	c.Flags().BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line for every event")
	return c
}
