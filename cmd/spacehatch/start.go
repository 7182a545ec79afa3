package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
)

func (p *program) startCommand() *cobra.Command {
	return p.oneSpaceCommand("start", "Start a space without connecting to it",
		"Starts the space with local AWS credentials, so that it can be connected to, after\n"+
			"a question that says what would be changed. It costs money until it is stopped.\n"+
			"Ctrl-C leaves the space as it is then. `spacehatch connect` starts a space too.",
		"started", func(ctx context.Context, f awsFlags, o handler.Options, name string, asJSON bool) (session.Space, string, error) {
			space, err := p.onSpace(ctx, f, name, asJSON, o.Yes, func(c *handler.Connector, _ *parts, space session.Space) error {
				return c.Start(ctx, space, o)
			})
			return space, "runs", err
		})
}
