package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/session/refresh"
	"github.com/spacehatch/spacehatch/internal/paths"
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
	return tray.Programs{Detached: detached, Scratch: os.TempDir()}.Browse(context.Background(), address)
}

// inBrowser is the source of sessions that asks Studio in the person's browser.
// attended: a person has just asked for it. waiting is told what takes its time.
func (p *program) inBrowser(q *parts, attended bool, waiting func(string, time.Duration)) session.Source {
	studio, _ := p.lookup(settings.VariableStudio)
	browse := func(ctx context.Context, address string) error {
		opened := make(chan error, 1)
		go func() { opened <- p.browse(address) }() // ends with the browser, or with us
		select {
		case err := <-opened:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if p.browse == nil {
		browse = nil
	}
	return session.Personal{Source: refresh.New(refresh.Options{
		Dir:    paths.MakeRuntime,
		Browse: browse,
		Read: func(query string) (refresh.Callback, error) {
			c, err := handler.ParseCallback(query)
			return refresh.Callback(c), err
		},
		Check: q.policy.CheckCallback, CheckPage: q.policy.CheckPage,
		Studio: strings.TrimSuffix(studio, "/"), Earlier: q.store,
		Attended: attended, Waiting: waiting, Log: p.log,
	})}
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
