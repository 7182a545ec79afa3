package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) autostartCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "autostart",
		Short: "Have the tray start when you log in",
		Long: "The tray starts by itself with the first connection. `autostart enable` has it\n" +
			"start when you log in, too; that is off until you say so, and nothing but the\n" +
			"tray is started. Only your own account is changed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(
		p.autostartPart("enable", "Start the tray when you log in", p.enableAutostart),
		p.autostartPart("disable", "Take that back", p.disableAutostart),
		p.autostartPart("status", "Say whether the tray starts when you log in", p.autostartStatus),
	)
	return c
}

func (p *program) autostartPart(name, short string, run func(context.Context, *places, bool) error) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: name, Short: short, Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := p.places()
			if err != nil {
				return err
			}
			return run(cmd.Context(), q, asJSON)
		},
	}
	what := "print a JSON array of the changes"
	if name == "status" {
		what = "print a JSON object"
	}
	c.Flags().BoolVar(&asJSON, "json", false, what)
	return c
}

func (p *program) enableAutostart(ctx context.Context, q *places, asJSON bool) error {
	changes, err := q.startAtLogin(ctx, true)
	if err != nil {
		return err
	}
	return p.printChanges(changes, asJSON,
		"The tray starts at your next login. `spacehatch autostart disable` takes it back.",
		"The tray starts at login already.")
}

func (p *program) disableAutostart(ctx context.Context, q *places, asJSON bool) error {
	changes, err := q.startAtLogin(ctx, false)
	if err != nil {
		return err
	}
	return p.printChanges(changes, asJSON,
		"The tray does not start at login any more. One that is running stays.",
		"Spacehatch put nothing there that starts at login.")
}

func (p *program) autostartStatus(ctx context.Context, q *places, asJSON bool) error {
	autostart, err := installer.NewAutostart(q.state)
	if err != nil {
		return err
	}
	st, err := autostart.Status(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(st)
	}
	switch {
	case st.Enabled:
		fmt.Fprintf(p.out, "on: %s starts %s\n", st.Place, st.Program)
	case st.Ours:
		fmt.Fprintf(p.out, "off: %s is switched off in the settings of your desktop\n", st.Place)
	default:
		fmt.Fprintln(p.out, "off")
	}
	if st.Warning != "" {
		fmt.Fprintln(p.out, st.Warning)
	}
	return nil
}

// startAtLogin has the tray start at login, or not. It returns what it
// changed, nothing where it was so already.
func (q *places) startAtLogin(ctx context.Context, on bool) ([]installer.Change, error) {
	autostart, err := installer.NewAutostart(q.state)
	if err != nil {
		return nil, err
	}
	if !on {
		return autostart.Disable(ctx)
	}
	if !tray.Supported {
		return nil, problem.New(problem.NotSupported, "Spacehatch has no tray on this system, so there is nothing to start at login.",
			"`spacehatch status` shows the connections in the terminal.", nil)
	}
	// Made here, the folder is removed by uninstall with what else is in it.
	if err := paths.Make(q.state); err != nil {
		return nil, err
	}
	return autostart.Enable(ctx, q.executable)
}

// loginKey names the question whether the tray starts at login.
const loginKey = "start at login"

// loginChanges finds whether the tray starts at login. It implements
// handler.Changes.
type loginChanges struct{ *parts }

func (c loginChanges) Changes(ctx context.Context, _ session.Space) ([]handler.Change, error) {
	if !tray.Supported {
		return nil, nil
	}
	autostart, err := installer.NewAutostart(c.state)
	if err != nil {
		return nil, err
	}
	st, err := autostart.Status(ctx)
	if err != nil || st.Enabled {
		return nil, err
	}
	return []handler.Change{loginChange{c.places}}, nil
}

type loginChange struct{ *places }

func (c loginChange) Describe() handler.Proposal {
	return handler.Proposal{
		Key:      loginKey,
		Title:    "Show the icon in the panel when you log in?",
		Text:     "Nothing but the icon is started then.",
		Optional: true,
	}
}

func (c loginChange) Apply(ctx context.Context) error {
	_, err := c.startAtLogin(ctx, true)
	return err
}

// printChanges tells what was changed, and what that means.
func (p *program) printChanges(changes []installer.Change, asJSON bool, done, nothing string) error {
	if asJSON {
		if changes == nil {
			changes = []installer.Change{}
		}
		return p.printJSON(changes)
	}
	if len(changes) == 0 {
		_, err := fmt.Fprintln(p.out, nothing)
		return err
	}
	fmt.Fprint(p.out, changeLines(changes))
	_, err := fmt.Fprintln(p.out, done)
	return err
}
