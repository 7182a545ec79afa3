package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) uninstallCommand() *cobra.Command {
	var (
		f            flags
		keepSettings bool
	)
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Take back everything that Spacehatch changed on this machine",
		Long: "Closes every connection and takes out the SSH config lines, the registration of\n" +
			"links, their interception, the start at login, the IDE settings that were added,\n" +
			"and Spacehatch's own files. The program itself is left for you or your package\n" +
			"manager to remove.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.uninstall(cmd.Context(), f, keepSettings) },
	}
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array of what was done; needs --yes")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&keepSettings, "keep-settings", false, "leave settings.toml where it is")
	return c
}

// undoing is one part of uninstall.
type undoing struct {
	Part    string       `json:"part"`
	Outcome string       `json:"outcome"` // one of those below
	Problem *jsonProblem `json:"problem,omitempty"`
}

// What became of a part.
const (
	undone     = "done"
	undoFailed = "failed"
	undoKept   = "kept" // it is needed to try again
)

func (p *program) uninstall(ctx context.Context, f flags, keepSettings bool) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	if !f.yes {
		if f.json {
			return problem.New(problem.NeedsPerson, "--json cannot ask.", "Add --yes to uninstall.", nil)
		}
		question := "Close every connection and take back all that Spacehatch changed on this machine?"
		if err := p.confirm(ctx, question); err != nil {
			return err
		}
	}
	var done []undoing
	first := p.takeAway(ctx, q, keepSettings, func(string) {}, func(part, outcome string, failed *problem.Problem) {
		step := undoing{Part: part, Outcome: outcome}
		if failed != nil {
			step.Problem = asJSONProblem(failed)
		}
		done = append(done, step)
		if !f.json {
			fmt.Fprintf(p.out, "%-16s %s\n", step.Part, step.Outcome)
		}
	})
	if f.json {
		if err := p.printJSON(done); err != nil {
			return err
		}
		if first != nil {
			return errSilent{first}
		}
		return nil
	}
	if first != nil {
		return first
	}
	_, err = fmt.Fprintf(p.out, "Nothing of Spacehatch is left but the program itself: %s\n%s", q.executable, q.removal(ctx))
	return err
}

// removal says what removes the program, where that is known.
func (q *places) removal(ctx context.Context) string {
	script := filepath.Join(filepath.Dir(q.executable), "..", "lib", "spacehatch", "uninstall.sh")
	if info, err := os.Stat(script); err == nil && info.Mode().IsRegular() {
		return fmt.Sprintf("  %s removes it.\n", filepath.Clean(script))
	}
	scheme, err := installer.NewScheme(q.state)
	if err != nil {
		return ""
	}
	if s, err := scheme.Status(ctx); err == nil && s.Program == q.executable {
		return fmt.Sprintf("  Links go on starting it, because of %s, which came with its package; your package manager removes both.\n", printable.Text(s.Entry, 300))
	}
	return ""
}

// undoParts are the parts of uninstall in their order: connections first, since
// they use the rest; our own folders last, since they hold what is needed to
// undo the rest.
func undoParts() []string {
	return []string{"tray", "connections", "ssh-config", "scheme", "interception", "autostart", "editor-settings", "files"}
}

// takeAway undoes part after part, also where one fails, tells of each before
// and after, and returns what went wrong first. Our own files stay then: they
// hold what is needed to try again.
func (p *program) takeAway(ctx context.Context, q *places, keepSettings bool,
	begin func(part string), end func(part, outcome string, failed *problem.Problem),
) (first *problem.Problem) {
	undo := map[string]func() error{
		"tray": func() error { return p.quitTray(ctx) },
		"connections": func() error {
			_, err := q.closeTunnels(ctx, "")
			return err
		},
		"ssh-config": func() error { return sshconfig.Undo(ctx, q.ssh) },
		"scheme":     func() error { return q.uninstallScheme(ctx) },
		"interception": func() error {
			_, err := q.endInterception(ctx, nil)
			return err
		},
		"autostart": func() error {
			_, err := q.startAtLogin(ctx, false)
			return err
		},
		"editor-settings": q.undoEditors,
		"files":           func() error { return q.removeFiles(keepSettings) },
	}
	for _, part := range undoParts() {
		begin(part)
		if part == "files" && first != nil {
			end(part, undoKept, nil)
			continue
		}
		outcome, failed := undone, problem.From(undo[part]())
		if failed != nil {
			outcome = undoFailed
		}
		if first == nil {
			first = failed
		}
		end(part, outcome, failed)
	}
	return first
}

func (q *places) uninstallScheme(ctx context.Context) error {
	scheme, err := installer.NewScheme(q.state)
	if err != nil {
		return err
	}
	_, err = scheme.Uninstall(ctx)
	if errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
		return nil // then nothing can have been installed
	}
	return err
}

// undoEditors takes back what was set in the settings of every IDE.
func (q *places) undoEditors() error {
	records, err := filepath.Glob(filepath.Join(q.editorRecords(), "*.json"))
	if err != nil {
		return err
	}
	var fails []error
	for _, record := range records {
		plan, err := editor.PlanUndo(record)
		if err == nil && !plan.Empty() {
			err = plan.Apply(record)
		}
		if err != nil {
			fails = append(fails, err)
		}
	}
	return errors.Join(fails...)
}

// removeFiles removes our own folders.
func (q *places) removeFiles(keepSettings bool) error {
	folders := []string{q.runtime, q.state}
	if config, err := paths.Config(); err == nil && !keepSettings {
		folders = append(folders, config)
	}
	// What stood in our folders keeps those above them until now.
	var fails []error
	above, err := installer.FoldersMade(q.state)
	if err != nil {
		fails = append(fails, err)
	}
	for _, folder := range folders {
		if err := paths.Remove(folder); err != nil {
			fails = append(fails, err)
		}
	}
	for _, folder := range above {
		_ = os.Remove(folder) // what is not empty is somebody else's by now
	}
	return errors.Join(fails...)
}
