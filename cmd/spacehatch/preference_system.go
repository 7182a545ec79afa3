package main

import (
	"context"
	"slices"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

func (c *preferences) startsAtLogin() preference {
	p := preference{
		Key: settings.Key{
			Name: keyStartAtLogin, About: "The icon in the panel comes when you log in.",
			Allowed: "true or false", Example: "true", Values: []string{"true", "false"}, Parse: settings.Bool,
		},
		initial: false,
	}
	login := func(ctx context.Context) (installer.AutostartStatus, error) {
		autostart, err := installer.NewAutostart(c.state)
		if err != nil {
			return installer.AutostartStatus{}, err
		}
		return autostart.Status(ctx)
	}
	p.value = func(ctx context.Context) (any, settings.Origin, error) {
		st, err := login(ctx)
		if err != nil || !st.Enabled {
			return false, settings.Default, err
		}
		return true, ofSystem, nil
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		on, _ := value.(bool)
		if _, err := c.startAtLogin(ctx, on); err != nil {
			return "", err
		}
		st, err := login(ctx)
		if err == nil && st.Enabled != on {
			return "", problem.New(installer.Failed, "What "+printable.Quoted(st.Place)+" says about the start at login was not put there by Spacehatch.",
				"Change it there, or in the settings of your desktop.", nil)
		}
		return st.Warning, err
	}
	return p
}

// intercepts is the list of schemes whose links come to us first.
func (c *preferences) intercepts() preference {
	p := preference{
		Key: settings.Key{
			Name: keyIntercept, About: "Links of IDEs that come to Spacehatch first; what opens no space goes on to the IDE.",
			Allowed: "a list of schemes such as vscode", Example: "vscode", Values: handler.IDESchemes(),
			Blank: "none", Parse: func(texts []string) (any, error) { return texts, interceptArgs(nil, texts) },
		},
		initial: []string{},
	}
	p.value = func(ctx context.Context) (any, settings.Origin, error) {
		all, err := c.interceptions(ctx)
		var on []string
		for _, st := range all {
			if st.State == installer.InterceptionOn {
				on = append(on, st.Scheme)
			}
		}
		if len(on) == 0 {
			return on, settings.Default, err
		}
		return on, ofSystem, err
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		if rule := c.settings.Restrictions.Interception; rule == settings.InterceptionForbidden || rule == settings.InterceptionForced {
			return "", c.administered(settings.KeyInterception)
		}
		schemes, _ := value.([]string)
		for _, scheme := range handler.IDESchemes() {
			if err := c.intercept(ctx, scheme, slices.Contains(schemes, scheme)); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	p.means = func(value any) string {
		if schemes, _ := value.([]string); len(schemes) == 0 {
			return ""
		}
		return "Links that open a space come to Spacehatch; every other is passed on, unchanged, to the program that had it.\n" +
			"If an IDE takes its links back they stay with it. `spacehatch intercept` says who gets which."
	}
	return p
}

// intercept has the links of one scheme come here, or not.
func (c *preferences) intercept(ctx context.Context, scheme string, on bool) error {
	if err := interceptArgs(nil, []string{scheme}); err != nil {
		return err
	}
	if rule := c.settings.Restrictions.Interception; on && rule == settings.InterceptionForbidden || !on && rule == settings.InterceptionForced {
		return c.administered(settings.KeyInterception)
	}
	if !on {
		_, err := c.endInterception(ctx, []string{scheme})
		return err
	}
	plan, err := c.planInterception(ctx, []string{scheme})
	if err == nil && len(plan.changes) > 0 {
		_, err = plan.apply(ctx)
	}
	return err
}

// interceptPrefix begins the keys of the window's fields, one for each scheme.
const interceptPrefix = keyIntercept + ":"

// interceptionFields are the schemes that somebody on this machine gets, each
// with a switch.
func (c *preferences) interceptionFields(ctx context.Context) []view.Field {
	all, err := c.interceptions(ctx)
	if err != nil {
		return nil // where there is none; `spacehatch doctor` tells of the rest
	}
	var fields []view.Field
	for _, st := range all {
		if st.State == installer.InterceptionOff && st.Next == "" {
			continue // no such IDE
		}
		f := view.Field{Key: interceptPrefix + st.Scheme, Name: keyIntercept, Kind: view.Switch, Subject: st.Scheme, Other: st.NextName, Value: "false", Note: st.Warning}
		rule := c.settings.Restrictions.Interception
		f.Locked = rule == settings.InterceptionForbidden || rule == settings.InterceptionForced
		if st.State == installer.InterceptionOn {
			f.Value, f.Chosen = "true", true
		}
		fields = append(fields, f)
	}
	return fields
}
