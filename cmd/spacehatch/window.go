package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/caller"
)

// findWindows says which program opens windows for a person at this machine,
// or nothing: who typed the command in a terminal is asked there, unless a
// window is what they asked for.
func findWindows(lookup func(string) (string, bool)) func(asked bool) string {
	return func(asked bool) string {
		if !asked && isTerminal(os.Stdin) || !hasDisplay(lookup) {
			return ""
		}
		found, err := desktop.Find()
		if err != nil {
			return ""
		}
		return found
	}
}

// windowFor returns the program that shows a connection, or nothing where the
// terminal does. A script that reads JSON, or has answered everything already,
// gets a window only if it says so.
func (p *program) windowFor(f connectFlags) string {
	if p.windows == nil || !f.window && (f.json || f.Yes) {
		return ""
	}
	return p.windows(f.window)
}

// inWindow does what do does and shows it in a window.
func (p *program) inWindow(ctx context.Context, program string, c *handler.Connector, q *parts, f connectFlags,
	do func(context.Context) (handler.Result, error),
) (handler.Result, error) {
	var screen signin.Screen
	first := &firstRun{program: p, parts: q, editor: f.Editor}
	w := desktop.New(desktop.Options{
		Program: program, Version: "Spacehatch " + builtFor(),
		Fallback: terminal.Person{Open: p.openTTY}, FirstRun: first, Kind: kindOf, Retry: !f.json, Reopens: f.reopens,
		Start:    func(ctx context.Context) (handler.Result, error) { return p.openInstead(ctx, c, q, first.space, f) },
		CanStart: func(ctx context.Context) bool { return hasCredentials(ctx, first.space.Region) },
		Browse:   p.browse, SignIn: func(ctx context.Context, profile string) error { return p.signInOn(ctx, profile, screen) },
	})
	screen = w.SignInScreen(p.signInScreen())
	report := c.Report
	c.Report = func(e handler.Event) {
		report(e)
		w.Report(e)
	}
	c.Person = w
	c.Spaces = meeting{c.Spaces, func(s session.Space) {
		first.space = s
		w.Meet(s)
	}}
	return w.Run(ctx, do)
}

// openInstead opens the space of a link that cannot be used any more, as
// `spacehatch connect` does.
func (p *program) openInstead(ctx context.Context, c *handler.Connector, q *parts, space session.Space, f connectFlags) (handler.Result, error) {
	c.Studio = p.awsStudio(q.places, f.aws)
	o := f.Options
	o.Stopped = true // it may be: that is looked at first
	return c.Reopen(ctx, space, p.sourcesOf(q, f.aws.profile, p.signer(c.Person, o.Yes)), o)
}

// hasCredentials reports whether this computer has AWS credentials, without
// using them.
func hasCredentials(ctx context.Context, region string) bool {
	found, err := caller.Load(ctx, caller.Request{}, caller.Options{Region: region})
	return err == nil && found.Configured()
}

// meeting tells which space is being opened: one whose alias is asked for has
// passed the policy.
type meeting struct {
	handler.Spaces
	meet func(session.Space)
}

func (m meeting) Alias(space session.Space) (string, error) {
	alias, err := m.Spaces.Alias(space)
	if err == nil {
		space.Alias = alias
		m.meet(space)
	}
	return alias, err
}

// kindOf says what a proposal of ours is about.
func kindOf(key string) view.ItemKind {
	switch {
	case key == sshConfigKey:
		return view.SSHConfig
	case key == linksKey:
		return view.Links
	case key == loginKey:
		return view.Login
	case strings.HasPrefix(key, extensionKeyPrefix):
		return view.Extension
	case filepath.IsAbs(key):
		return view.Settings
	case strings.HasPrefix(key, "the host key of "):
		return view.HostKey
	case strings.HasPrefix(key, handler.StartKey):
		return view.SpaceStart
	case strings.HasPrefix(key, handler.RestartKey):
		return view.SpaceRestart
	case strings.HasPrefix(key, handler.StopKey):
		return view.SpaceStop
	case strings.HasPrefix(key, signInKey):
		return view.SignInNow
	}
	return ""
}
