package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/session"
)

// windowCommand is what a click on the program's icon comes to.
func (p *program) windowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "window",
		Short: "Open the window to begin with: the spaces, or the set-up at first",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.home(cmd.Context()) },
	}
}

// home opens the window to begin with.
func (p *program) home(ctx context.Context) error {
	fresh, err := p.fresh(ctx)
	if err != nil {
		return err
	}
	if fresh {
		return p.setupInWindow(ctx)
	}
	return p.spacesInWindow(ctx, spacesFlags{})
}

// fresh reports whether nothing was set up yet and no space is known: then the
// set-up comes first, also for who has credentials.
func (p *program) fresh(ctx context.Context) (bool, error) {
	q, err := p.parts()
	if err != nil {
		return false, err
	}
	known, err := q.store.Spaces()
	if err != nil || len(known) > 0 {
		return false, err
	}
	changes, err := sshChanges{q}.Changes(ctx, session.Space{})
	return err == nil && len(changes) > 0, err
}
