package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) sshConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ssh-config",
		Short: "Show, make or take back the changes to ~/.ssh/config",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(
		p.sshConfigPart("diff", "Show what would change, and change nothing", p.sshConfigDiff),
		p.sshConfigPart("apply", "Make the changes; shows them and asks first", p.sshConfigApply),
		p.sshConfigPart("undo", "Take every change back", p.sshConfigUndo),
	)
	return c
}

// flags are what every command takes that changes this machine.
type flags struct{ json, yes bool }

func (p *program) sshConfigPart(name, short string, run func(context.Context, flags) error) *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: name, Short: short, Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f) },
	}
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array of the changes")
	if name != "diff" {
		c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	}
	return c
}

func (p *program) sshConfigDiff(ctx context.Context, f flags) error {
	plan, err := p.sshPlan(ctx)
	if err != nil {
		return err
	}
	return p.showPlan(plan, f, "Nothing to change: SSH is set up.")
}

func (p *program) sshConfigApply(ctx context.Context, f flags) error {
	plan, err := p.sshPlan(ctx)
	if err != nil {
		return err
	}
	return p.carryOut(ctx, plan, f, "Update your SSH config?", "Nothing to change: SSH is set up.")
}

func (p *program) sshConfigUndo(ctx context.Context, f flags) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	plan, err := sshconfig.NewUndo(ctx, q.ssh)
	if err != nil {
		return err
	}
	return p.carryOut(ctx, plan, f, "Take Spacehatch out of your SSH config?", "Nothing to take back.")
}

func (p *program) sshPlan(ctx context.Context) (*sshconfig.Plan, error) {
	q, err := p.parts()
	if err != nil {
		return nil, err
	}
	s, err := q.sshSettings()
	if err != nil {
		return nil, err
	}
	return sshconfig.NewPlan(ctx, s)
}

// showPlan prints what a plan would do.
func (p *program) showPlan(plan *sshconfig.Plan, f flags, nothing string) error {
	if f.json {
		return p.printJSON(plan.Changes())
	}
	if plan.Empty() {
		_, err := fmt.Fprintln(p.out, nothing)
		return err
	}
	fmt.Fprint(p.out, plan.Diff())
	for _, note := range plan.Notes() {
		fmt.Fprintln(p.out, "\nNote: "+note)
	}
	return nil
}

// carryOut shows a plan, asks, and does it. With --json nothing is asked
// without --yes: a script has to mean it.
func (p *program) carryOut(ctx context.Context, plan *sshconfig.Plan, f flags, question, nothing string) error {
	if plan.Empty() {
		return p.showPlan(plan, f, nothing)
	}
	if !f.yes {
		if f.json {
			return problem.New(problem.NeedsPerson, "--json cannot ask.", "Add --yes to make the changes.", nil)
		}
		if err := p.showPlan(plan, f, nothing); err != nil {
			return err
		}
		if err := p.confirm(ctx, question); err != nil {
			return err
		}
	}
	if err := plan.Apply(ctx); err != nil {
		return err
	}
	if f.json {
		return p.printJSON(plan.Changes())
	}
	_, err := fmt.Fprintln(p.out, "Done.")
	return err
}

// confirm asks a yes-or-no question; a no is problem.Cancelled.
func (p *program) confirm(ctx context.Context, question string) error {
	yes, err := terminal.Person{Open: p.openTTY}.Confirm(ctx, question)
	if err != nil {
		return err
	}
	if !yes {
		return problem.New(problem.Cancelled, "Cancelled; nothing was changed.", "", nil)
	}
	return nil
}
