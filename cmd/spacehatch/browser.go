package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/session/refresh"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// findBrowser returns what opens a page in the person's browser, or nil where
// there is no display for one.
func findBrowser(lookup func(string) (string, bool)) func(address string) error {
	if !hasDisplay(lookup) {
		return nil
	}
	return openBrowser
}

// openBrowser returns when the browser has the page, which may be when the
// browser ends. Neither Ctrl-C nor the end of an ssh reaches the browser, and it
// has none of our streams: standard output may belong to ssh.
func openBrowser(address string) error {
	self, err := executable()
	if err != nil {
		return err
	}
	return tray.Programs{Spacehatch: self, Detached: detached, Scratch: os.TempDir()}.Browse(context.Background(), address)
}

// maxPage bounds the address of a page, in bytes.
const maxPage = 64 << 10

func (p *program) browseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "browse",
		Short: "Open the page on standard input in the browser",
		Long: "Opens a web page, whose address is on standard input, in the browser: in a process\n" +
			"of its own, which outlives the one that asks.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := io.ReadAll(io.LimitReader(p.in, maxPage+1))
			if err != nil {
				return fmt.Errorf("read the address of a page: %w", err)
			}
			address := strings.TrimSpace(string(text))
			page, err := url.Parse(address)
			if err != nil || len(text) > maxPage || page.Host == "" || page.Scheme != "https" && page.Scheme != "http" {
				return errUsage{errors.New("the address of a web page is wanted on standard input")}
			}
			return startBrowser(address)
		},
	}
}

// startBrowser gives the browser no stream but the null device: a pipe would
// keep us here for as long as the browser runs.
func startBrowser(address string) error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("start a browser: %w", err)
	}
	defer func() { _ = null.Close() }()
	browser.Stdout, browser.Stderr = null, null
	if err := browser.OpenURL(address); err != nil {
		return problem.New(problem.NotSupported, "No browser could be started.", "Install one, or set the default browser of your desktop.", err)
	}
	return nil
}

// inquiry says how a person is asked in the browser.
type inquiry struct {
	attended bool                        // they have just asked for it
	waiting  func(string, time.Duration) // told what takes its time
	show     func(context.Context, session.Space, refresh.Ask) (session.Session, error)
}

// inBrowser is the source of sessions that asks Studio in the person's browser.
func (p *program) inBrowser(q *parts, how inquiry) session.Source {
	studio, _ := p.lookup(settings.VariableStudio)
	return session.Personal{Source: refresh.New(refresh.Options{
		Dir: paths.MakeRuntime, Browse: p.browse,
		Read: func(query string) (refresh.Callback, error) {
			c, err := handler.ParseCallback(query)
			return refresh.Callback(c), err
		},
		Check: q.policy.CheckCallback, CheckPage: q.policy.CheckPage,
		Studio: strings.TrimSuffix(studio, "/"), Earlier: q.store,
		Attended: how.attended, Waiting: how.waiting, Show: how.show, Log: p.log,
	})}
}

// fromSSH is the way of an ssh: a line that it passes on and, where it belongs to
// no terminal, a window.
func (p *program) fromSSH(space session.Space) inquiry {
	how := inquiry{attended: p.atTerminal(), waiting: p.sayWaiting(space)}
	if how.attended {
		return how
	}
	window := p.windowOfSSH()
	if window == "" {
		return how
	}
	say := how.waiting
	var shown *desktop.Connection
	how.waiting = func(detail string, elapsed time.Duration) {
		say(detail, elapsed)
		if shown != nil {
			shown.Report(handler.Event{Step: handler.StepSession, Progress: handler.Waiting, Elapsed: elapsed, Detail: detail})
		}
	}
	how.show = func(ctx context.Context, space session.Space, ask refresh.Ask) (found session.Session, err error) {
		shown = connectionOfSSH(window, space)
		_, err = shown.Run(ctx, func(ctx context.Context) (_ handler.Result, err error) {
			found, err = ask(ctx)
			if err != nil && ctx.Err() != nil {
				err = problem.New(problem.Cancelled, "Cancelled; no session was used.", "", err)
			}
			return handler.Result{}, err
		})
		return found, err
	}
	return how
}

// windowOfSSH is the program of the windows, or nothing where there can be none.
func (p *program) windowOfSSH() string {
	if p.windows == nil {
		return ""
	}
	return p.windows(false)
}

// connectionOfSSH is a window about an ssh that is under way.
func connectionOfSSH(window string, space session.Space) *desktop.Connection {
	c := desktop.New(desktop.Options{
		Program: window, Version: "Spacehatch " + builtFor(), Kind: kindOf, Fallback: asker{},
		Steps: []handler.Step{handler.StepSession}, Reopens: true,
	})
	c.Meet(space)
	return c
}

// beside is the person who has just been in the browser for an ssh to the space:
// in its terminal, or before a window.
func (p *program) beside(space session.Space) handler.Person {
	if p.atTerminal() {
		return terminal.Person{Open: p.openTTY}
	}
	if window := p.windowOfSSH(); window != "" {
		return windowPerson{connectionOfSSH(window, space)}
	}
	return asker{} // nobody
}

// windowPerson is asked in a window that comes for the question.
type windowPerson struct{ *desktop.Connection }

// Approve implements handler.Person.
func (w windowPerson) Approve(ctx context.Context, proposal handler.Proposal) (bool, error) {
	_, err := w.Run(ctx, func(ctx context.Context) (handler.Result, error) {
		yes, err := w.Connection.Approve(ctx, proposal)
		if err == nil && !yes {
			err = problem.New(problem.Cancelled, "Cancelled: the host key stays as it is.", "", nil)
		}
		return handler.Result{}, err
	})
	return err == nil, err
}

// atTerminal reports whether a person has this process in a terminal of theirs.
func (p *program) atTerminal() bool {
	tty, err := p.openTTY()
	if err == nil {
		_ = tty.Close()
	}
	return err == nil
}

// sayWaiting tells on standard error, which ssh passes on, what is waited for:
// one line, when it is another thing.
func (p *program) sayWaiting(space session.Space) func(string, time.Duration) {
	said := ""
	return func(detail string, _ time.Duration) {
		if detail == said {
			return
		}
		said = detail
		fmt.Fprintf(p.err, "spacehatch: %s: %s (Ctrl-C gives up)\n", space.Alias, detail)
	}
}

// reportWaiting tells it as a part of the step that looks for a session.
func reportWaiting(c *handler.Connector) func(string, time.Duration) {
	return func(detail string, elapsed time.Duration) {
		if c.Report != nil {
			c.Report(handler.Event{Step: handler.StepLink, Progress: handler.Waiting, Elapsed: elapsed, Detail: detail})
		}
	}
}
