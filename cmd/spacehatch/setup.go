package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) setupCommand() *cobra.Command {
	var (
		f      flags
		links  bool
		window bool
	)
	c := &cobra.Command{
		Use:   "setup",
		Short: "Register the links, set SSH up, look for IDEs",
		Long: "Makes this machine ready: spacehatch:// links start Spacehatch, ssh knows the\n" +
			"hosts, and the IDEs that were found are listed. Every change is shown and asked\n" +
			"about first; `spacehatch uninstall` takes all of them back.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if window {
				return p.setupInWindow(cmd.Context())
			}
			return p.setup(cmd.Context(), f, links)
		},
	}
	c.Flags().BoolVar(&window, "window", false, "show everything in a window and let me choose there")
	c.Flags().BoolVar(&links, "links", false, "register the links and leave the rest, as an installer does")
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON object; needs --yes to change anything")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return c
}

// setupItem is one line of what setup did.
type setupItem struct {
	Key string `json:"key"`
	// Outcome is done, unchanged, declined, or proposed where nobody was asked.
	Outcome string           `json:"outcome"`
	Problem *jsonProblem     `json:"problem,omitempty"`
	failure *problem.Problem // of the first item that failed
}

func (p *program) setup(ctx context.Context, f flags, onlyLinks bool) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	scheme, err := installer.NewScheme(q.state)
	if err != nil {
		return err
	}
	links := schemeChanges{scheme, q}
	if onlyLinks {
		item := p.setupPart(ctx, q, "scheme", links, f)
		if !f.json {
			p.printItem(item)
		} else if err := p.printJSON(map[string]any{"items": []setupItem{item}}); err != nil {
			return err
		}
		return setupError([]setupItem{item})
	}
	if changes, err := q.obeyInterception(ctx); err != nil {
		return err
	} else if len(changes) > 0 && !f.json {
		fmt.Fprint(p.out, "Your administrator has decided which links come to Spacehatch first:\n"+changeLines(changes))
	}
	var items []setupItem
	for _, part := range []struct {
		key  string
		from handler.Changes
	}{
		{"scheme", links},
		{"ssh-config", sshChanges{q}},
	} {
		item := p.setupPart(ctx, q, part.key, part.from, f)
		items = append(items, item)
		if !f.json {
			p.printItem(item)
		}
	}
	editors, err := editor.Installed(ctx)
	if err != nil {
		return err
	}
	if f.json {
		err = p.printJSON(map[string]any{"items": items, "editors": editors})
	} else {
		p.printEditors(editors)
	}
	if err != nil {
		return err
	}
	return setupError(items)
}

// setupError is the first failure; it was shown already.
func setupError(items []setupItem) error {
	for _, item := range items {
		if item.failure != nil {
			return errSilent{item.failure}
		}
	}
	return nil
}

func (p *program) setupPart(ctx context.Context, q *parts, key string, from handler.Changes, f flags) setupItem {
	failed := func(err error) setupItem {
		found := problem.From(err)
		return setupItem{Key: key, Outcome: "failed", failure: found, Problem: asJSONProblem(found)}
	}
	changes, err := from.Changes(ctx, session.Space{})
	if err != nil {
		return failed(err)
	}
	item := setupItem{Key: key, Outcome: "unchanged"}
	for _, change := range changes {
		proposal := change.Describe()
		if !f.yes && !proposal.Silent {
			if f.json {
				item.Outcome = "proposed"
				continue
			}
			yes, err := terminal.Person{Open: p.openTTY}.Approve(ctx, proposal)
			if err != nil {
				return failed(err)
			}
			if !yes {
				item.Outcome = "declined"
				if err := q.rememberAnswer(ctx, proposal.Key, false); err != nil {
					return failed(err)
				}
				continue
			}
		}
		if err := change.Apply(ctx); err != nil {
			return failed(err)
		}
		if err := q.rememberAnswer(ctx, proposal.Key, true); err != nil {
			return failed(err)
		}
		item.Outcome = "done"
	}
	return item
}

func (p *program) printItem(item setupItem) {
	name := map[string]string{"scheme": "Links", "ssh-config": "SSH config"}[item.Key]
	if item.failure != nil {
		fmt.Fprintf(p.out, "%-11s not set up\n", name)
		fmt.Fprint(p.err, terminal.Explain(item.failure, p.debug))
		return
	}
	text := map[string]string{
		"done": "set up", "unchanged": "set up already", "declined": "left as it is",
	}[item.Outcome]
	fmt.Fprintf(p.out, "%-11s %s\n", name, text)
}

func (p *program) printEditors(found []editor.Installation) {
	if len(found) == 0 {
		fmt.Fprintf(p.out, "%-11s none found; `ssh my-space.hatch` works without one\n", "IDE")
		return
	}
	for _, i := range found {
		fmt.Fprintf(p.out, "%-11s %s (%s)\n", "IDE", i.Editor.Title, i.Path)
	}
}

// schemeChanges finds what the scheme's registration lacks. It implements
// handler.Changes.
type schemeChanges struct {
	installer.Scheme
	*parts
}

func (c schemeChanges) Changes(ctx context.Context, _ session.Space) ([]handler.Change, error) {
	planned, err := c.Plan(ctx, c.executable)
	if err != nil || len(planned) == 0 {
		return nil, err
	}
	return []handler.Change{schemeChange{c, planned}}, nil
}

// linksKey names the question whether our links come to us.
const linksKey = installer.Name + "://"

type schemeChange struct {
	schemeChanges
	planned []installer.Change
}

func (c schemeChange) Describe() handler.Proposal {
	return handler.Proposal{
		Key:   linksKey,
		Title: "Open spacehatch:// links with Spacehatch?",
		Text:  "Your browser then brings links from Studio here.",
		Diff:  changeLines(c.planned),
	}
}

// changeLines lists changes of the system, one a line.
func changeLines(changes []installer.Change) string {
	var lines strings.Builder
	for _, change := range changes {
		fmt.Fprintf(&lines, "  %-8s %s (%s)\n", change.Action, change.Path, change.What)
	}
	return lines.String()
}

func (c schemeChange) Apply(ctx context.Context) error {
	// Made here, the folder is removed by uninstall with what else is in it.
	if err := paths.Make(c.state); err != nil {
		return err
	}
	_, err := c.Install(ctx, c.executable)
	return err
}
