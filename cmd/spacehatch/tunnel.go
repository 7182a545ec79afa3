package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) tunnelCommand() *cobra.Command {
	var handedOver bool
	c := &cobra.Command{
		Use:   "tunnel HOST",
		Short: "Hold a tunnel open until an ssh takes it",
		Long: "Opens a tunnel to the space and waits 100 seconds for `ssh` to take it through\n" +
			"`spacehatch proxy`; then it lives as long as that ssh. HOST is an alias\n" +
			"(my-space.hatch) or the ARN of a space.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.carryAlone()
			if handedOver {
				return p.tunnelHandedOver(cmd.Context())
			}
			return p.tunnelByHand(cmd.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&handedOver, "handed-over", false, "take space and session from standard input, report on standard output")
	if err := c.Flags().MarkHidden("handed-over"); err != nil {
		panic(err) // a flag defined in the line above
	}
	return c
}

func (p *program) tunnelByHand(ctx context.Context, host string) error {
	q, space, err := p.find(ctx, host)
	if err != nil {
		return err
	}
	s, err := p.sourcesOf(q, "", nobody{}, p.inBrowser(q, inquiry{attended: true, waiting: p.sayWaiting(space)})).Session(ctx, space)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.err, "Opening the tunnel; `ssh %s` takes it.\n", space.Alias)
	return (&carrier{program: p, parts: q, space: space, session: s, down: copyAll}).carry(ctx, nil)
}
