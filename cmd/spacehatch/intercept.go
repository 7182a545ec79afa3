package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/doctor"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

func (p *program) interceptCommand() *cobra.Command {
	c := p.interceptStatusCommand("intercept", "Have the links of Studio's buttons come here and not to the IDE")
	c.Long = "Studio's buttons open links under the scheme of an IDE, such as vscode://. With\n" +
		"`intercept enable` these links come to Spacehatch first: those that open a space\n" +
		"are opened, every other is passed on, unchanged, to the program that has them\n" +
		"now. It is off until you say so, and explained before. Linux only.\n\n" +
		"Without a command it says who gets which links."
	c.AddCommand(p.interceptStatusCommand("status", "Say who gets which links"), p.interceptEnableCommand(), p.interceptDisableCommand())
	return c
}

// interceptStatusCommand says who gets which links, under one name or another.
func (p *program) interceptStatusCommand(use, short string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: use, Short: short, Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.interceptStatus(cmd.Context(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

func (p *program) interceptEnableCommand() *cobra.Command {
	var yes bool
	c := interceptChangeCommand("enable", "Have the links of these schemes come here first; explains it and asks",
		func(ctx context.Context, schemes []string, asJSON bool) error {
			return p.enableInterception(ctx, schemes, flags{json: asJSON, yes: yes})
		})
	c.Long = "Without a scheme it takes those of " + strings.Join(handler.IDESchemes(), ", ") + "\n" +
		"that a program on this machine opens."
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (p *program) interceptDisableCommand() *cobra.Command {
	return interceptChangeCommand("disable", "Take that back, for all schemes or these", p.disableInterception)
}

// interceptChangeCommand changes who gets the links of the schemes that are
// named, or of all.
func interceptChangeCommand(verb, short string, do func(ctx context.Context, schemes []string, asJSON bool) error) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: verb + " [SCHEME...]", Short: short, Args: usageArgs(interceptArgs), ValidArgsFunction: completeSchemes,
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array of the changes")
	return c
}

func (p *program) disableInterception(ctx context.Context, schemes []string, asJSON bool) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	if decided, err := p.readPolicy(); err == nil && decided.Interception() == settings.InterceptionForced {
		return (&parts{places: q, decided: decided}).administered(settings.KeyInterception)
	}
	changes, err := q.endInterception(ctx, schemes)
	if err != nil {
		return err
	}
	return p.printChanges(changes, asJSON, "Links go to the IDE again.", "No links come here that are not Spacehatch's own.")
}

func interceptArgs(_ *cobra.Command, args []string) error {
	for _, scheme := range args {
		if !slices.Contains(handler.IDESchemes(), scheme) {
			return errors.New("there is no scheme " + printable.Quoted(scheme) + " that Studio's links come under; there are " + strings.Join(handler.IDESchemes(), ", "))
		}
	}
	return nil
}

func completeSchemes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return handler.IDESchemes(), cobra.ShellCompDirectiveNoFileComp
}

// interceptions are those of all schemes that Studio's links come under, and
// how each stands.
func (q *places) interceptions(ctx context.Context) ([]installer.InterceptionStatus, error) {
	var all []installer.InterceptionStatus
	for _, scheme := range handler.IDESchemes() {
		i, err := installer.NewInterception(scheme, q.state)
		if err != nil {
			return nil, err
		}
		st, err := i.Status(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	return all, nil
}

func (p *program) interceptStatus(ctx context.Context, asJSON bool) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	all, err := q.interceptions(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(all)
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LINKS\tSTATE\tTO A SPACE\tOTHERS")
	var notes []string
	rows := 0
	for _, st := range all {
		if st.State == installer.InterceptionOff && st.Next == "" {
			continue // no such IDE
		}
		rows++
		next := printable.Text(st.NextName, 60)
		if next == "" {
			next = "nobody"
		}
		spaces := next
		if st.State == installer.InterceptionOn {
			spaces = "Spacehatch"
		}
		fmt.Fprintf(table, "%s://\t%s\t%s\t%s\n", st.Scheme, interceptionWords[st.State], spaces, next)
		if st.Warning != "" {
			notes = append(notes, st.Warning)
		}
	}
	if rows == 0 {
		_, err := fmt.Fprintln(p.out, "No program on this machine opens the links that Studio's buttons emit.")
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(p.out, note)
	}
	return nil
}

var interceptionWords = map[installer.InterceptionState]string{
	installer.InterceptionOff:    "off",
	installer.InterceptionOn:     "on",
	installer.InterceptionTaken:  "taken back by the IDE",
	installer.InterceptionBroken: "broken",
}

// interceptionPlan is what enabling some schemes means.
type interceptionPlan struct {
	*places
	schemes []installer.Interception
	status  []installer.InterceptionStatus // of each
	changes []installer.Change             // planned
}

// planInterception plans for the schemes, or where none is named for those
// that have a program now.
func (q *places) planInterception(ctx context.Context, schemes []string) (*interceptionPlan, error) {
	plan := &interceptionPlan{places: q}
	named := len(schemes) > 0
	if !named {
		schemes = handler.IDESchemes()
	}
	for _, scheme := range schemes {
		i, err := installer.NewInterception(scheme, q.state)
		if err != nil {
			return nil, err
		}
		st, err := i.Status(ctx)
		if err != nil {
			return nil, err
		}
		if !named && st.Next == "" {
			continue
		}
		changes, err := i.Plan(ctx, q.executable)
		if err != nil {
			return nil, err
		}
		plan.schemes, plan.status = append(plan.schemes, i), append(plan.status, st)
		plan.changes = append(plan.changes, changes...)
	}
	if len(plan.schemes) == 0 {
		return nil, problem.New(problem.NoEditor, "No program on this machine opens the links that Studio's buttons emit, so there is nothing to come before.",
			"To have them come here all the same, name the scheme: `spacehatch intercept enable vscode`.", nil)
	}
	return plan, nil
}

// proposal explains what is going to happen.
func (plan *interceptionPlan) proposal() handler.Proposal {
	var names, passes []string
	for _, st := range plan.status {
		names = append(names, st.Scheme+"://")
		if st.NextName == "" {
			passes = append(passes, "  "+st.Scheme+"://  to nobody, since no program has them now")
		} else {
			passes = append(passes, "  "+st.Scheme+"://  to "+printable.Text(st.NextName, 60))
		}
	}
	return handler.Proposal{
		Key:   "intercept",
		Title: "Have " + strings.Join(names, ", ") + " links come to Spacehatch first?",
		Text: "Studio's buttons open such links. Those that open a space\n" +
			"(…://" + handler.LinkAuthority + "/connect/…)\n" +
			"are then opened by Spacehatch. Every other link is passed on, unchanged:\n" +
			strings.Join(passes, "\n") + "\n" +
			"If an IDE takes its links back, they stay with it. If Spacehatch is removed, all\n" +
			"of them go there again. `spacehatch intercept disable` takes this back.",
		Diff: changeLines(plan.changes),
	}
}

// apply does what was planned, for all schemes or for none.
func (plan *interceptionPlan) apply(ctx context.Context) ([]installer.Change, error) {
	// Made here, the folder is removed by uninstall with what else is in it.
	if err := paths.Make(plan.state); err != nil {
		return nil, err
	}
	var all []installer.Change
	for n, i := range plan.schemes {
		changes, err := i.Enable(ctx, plan.executable)
		if err != nil {
			for at := range n {
				if plan.status[at].State != installer.InterceptionOff {
					continue // it was there before
				}
				if _, back := plan.schemes[at].Disable(context.WithoutCancel(ctx)); back != nil {
					err = errors.Join(err, back)
				}
			}
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}

func (p *program) enableInterception(ctx context.Context, schemes []string, f flags) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	if q.settings.Restrictions.Interception == settings.InterceptionForbidden {
		return q.administered(settings.KeyInterception)
	}
	plan, err := q.planInterception(ctx, schemes)
	if err != nil {
		return err
	}
	const nothing = "These links come here already."
	if len(plan.changes) == 0 {
		return p.printChanges(nil, f.json, "", nothing)
	}
	if !f.yes {
		if f.json {
			return problem.New(problem.NeedsPerson, "--json cannot ask.", "Add --yes to make the changes.", nil)
		}
		yes, err := terminal.Person{Open: p.openTTY}.Approve(ctx, plan.proposal())
		if err != nil {
			return err
		}
		if !yes {
			return problem.New(problem.Cancelled, "Cancelled; nothing was changed.", "", nil)
		}
	}
	changes, err := plan.apply(ctx)
	if err != nil {
		return err
	}
	return p.printChanges(changes, f.json, "Links to a space come here now. `spacehatch intercept disable` takes it back.", nothing)
}

// obeyInterception has links come here, or not, where an administrator has
// decided so. It returns what it changed.
func (q *parts) obeyInterception(ctx context.Context) ([]installer.Change, error) {
	switch q.settings.Restrictions.Interception {
	case settings.InterceptionForbidden:
		return q.endInterception(ctx, nil)
	case settings.InterceptionForced:
		plan, err := q.planInterception(ctx, nil)
		if errors.Is(err, &problem.Problem{Code: problem.NoEditor}) {
			return nil, nil // nothing to come before
		}
		if err != nil || len(plan.changes) == 0 {
			return nil, err
		}
		return plan.apply(ctx)
	}
	return nil, nil
}

// endInterception gives the schemes' links back, or where none is named all.
// It returns what it changed.
func (q *places) endInterception(ctx context.Context, schemes []string) ([]installer.Change, error) {
	if len(schemes) == 0 {
		var err error
		if schemes, err = installer.Intercepted(q.state); err != nil {
			return nil, err
		}
	}
	var all []installer.Change
	for _, scheme := range schemes {
		i, err := installer.NewInterception(scheme, q.state)
		if err != nil {
			return nil, err
		}
		changes, err := i.Disable(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}

func (q *patient) interceptionCheck() doctor.Check {
	return doctor.Interceptions(q.executable,
		func(ctx context.Context) ([]doctor.Interception, error) {
			all, err := q.interceptions(ctx)
			if err != nil {
				return nil, err
			}
			rule := q.parts.settings.Restrictions.Interception
			var wanted []doctor.Interception
			for _, st := range all {
				off := st.State == installer.InterceptionOff
				if !off || rule == settings.InterceptionForced && st.Next != "" {
					wanted = append(wanted, doctor.Interception{
						Scheme: st.Scheme, Program: st.Program, Next: st.NextName,
						Taken: st.State == installer.InterceptionTaken, Warning: st.Warning,
						Forbidden: rule == settings.InterceptionForbidden, Missing: off,
					})
				}
			}
			return wanted, nil
		},
		func(ctx context.Context, scheme string) error {
			if rule := q.parts.settings.Restrictions.Interception; rule != "" && rule != settings.InterceptionAllowed {
				_, err := q.obeyInterception(ctx)
				return err
			}
			plan, err := q.planInterception(ctx, []string{scheme})
			if err == nil {
				_, err = plan.apply(ctx)
			}
			return err
		})
}

// mayNotIntercept: what an administrator forbids since it was switched on.
func (p *program) mayNotIntercept() bool {
	decided, err := p.readPolicy()
	return err == nil && decided.Interception() == settings.InterceptionForbidden
}

func (p *program) passCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pass SCHEME [LINK]",
		Short: "Open a link to a space, pass every other on to its IDE",
		Long:  "The desktop calls it with the links of a scheme that `spacehatch intercept enable`\nhas made come here.",
		Args:  cobra.RangeArgs(1, 2),
		// A link is no flag, whatever it begins with.
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "--help" || args[0] == "-h" {
				return cmd.Help()
			}
			if len(args) == 2 && handler.ForSpace(args[1]) && !p.mayNotIntercept() {
				return p.openLink(cmd.Context(), args[1], connectFlags{})
			}
			// Nothing else comes first: whatever is wrong with our own files,
			// the IDE gets its links.
			return installer.Pass(args[0], strings.Join(args[1:], ""))
		},
	}
}
