package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// The settings that are not in settings.toml.
const (
	keyStartAtLogin = "start_at_login" // of the system
	keyIntercept    = "intercept"      // the same
	keyForwardAgent = "forward_agent"  // of one space, and never of all
	keyAWSProfile   = "aws_profile"    // the same
)

// Where the values of these come from, beside the origins of settings.toml.
const (
	ofSystem settings.Origin = "system" // the operating system says so
	ofSpace  settings.Origin = "space"  // chosen for this space
)

// preference is one thing that a person can set. Setting it also makes it take
// effect, as far as it can for what runs already.
type preference struct {
	settings.Key
	// initial is the value where nobody chose one.
	initial any
	// value reads the value in force and where it comes from.
	value func(context.Context) (any, settings.Origin, error)
	// means says what a value means that should not be chosen without knowing;
	// nil and an empty text say nothing.
	means func(value any) string
	// set changes it, to the initial value where value is nil. A note tells
	// what the person has to know of the outcome.
	set func(ctx context.Context, value any) (note string, err error)
}

// preferences knows all there is to be set.
type preferences struct {
	*program
	*parts
}

func (p *program) preferences() (*preferences, error) {
	q, err := p.parts()
	if err != nil {
		return nil, err
	}
	return &preferences{p, q}, nil
}

// machine are the preferences that hold for every space, in the order in which
// a person reads them.
func (c *preferences) machine(ctx context.Context) []preference {
	var all []preference
	for _, k := range settings.Keys() {
		all = append(all, c.inFile(k))
		if k.Name != settings.KeyTray {
			continue
		}
		if tray.Supported {
			all = append(all, c.startsAtLogin())
		}
		if _, err := c.interceptions(ctx); !errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
			all = append(all, c.intercepts())
		}
	}
	return all
}

// inFile is a preference in settings.toml.
func (c *preferences) inFile(k settings.Key) preference {
	p := preference{Key: k, initial: k.Default()}
	p.value = func(context.Context) (any, settings.Origin, error) {
		return c.settings.Value(k.Name), c.settings.Origin(k.Name), nil
	}
	check, effect := func(_ context.Context, value any) (any, error) { return value, nil }, func(context.Context) error { return nil }
	switch k.Name {
	case settings.KeyEditor:
		for _, e := range editor.Known() {
			p.Values = append(p.Values, e.Name)
		}
		check = func(_ context.Context, value any) (any, error) {
			if name, _ := value.(string); name == "" || slices.Contains(p.Values, name) {
				return value, nil
			}
			return nil, p.Refuse(errors.New("it must be one of " + strings.Join(p.Values, ", ")))
		}
	case settings.KeySSHOptions:
		check, effect = c.checkSSHOptions, c.applySSH
	case settings.KeyTray:
		effect = c.followTray
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		if c.settings.Origin(k.Name) == settings.Administrator {
			return "", c.administered(k.Name)
		}
		before, err := settings.Resolve(c.file, func(string) (string, bool) { return "", false }, settings.Policy{})
		if err != nil {
			return "", err
		}
		if value != nil {
			if value, err = check(ctx, value); err != nil {
				return "", err
			}
		}
		if err := c.write(k.Name, value); err != nil {
			return "", err
		}
		if err := effect(ctx); err != nil {
			// What does not take effect is not so. What was taken back stays
			// away: it may be why.
			if value != nil {
				err = errors.Join(err, c.putBack(k.Name, before))
			}
			return "", err
		}
		if c.settings.Origin(k.Name) == settings.Environment {
			return fmt.Sprintf("The environment variable %s stands in for %s as long as it is set.", k.Variable, k.Name), nil
		}
		return "", nil
	}
	return p
}

// write changes a key of settings.toml, or takes it out where value is nil.
func (c *preferences) write(key string, value any) error {
	var err error
	if value == nil {
		err = settings.Unset(c.file, key)
	} else {
		err = settings.Set(c.file, key, value)
	}
	if err != nil {
		return err
	}
	chosen, err := settings.Resolve(c.file, c.lookup, c.decided)
	if err == nil {
		c.settings = chosen
	}
	return err
}

// putBack writes what the file said before.
func (c *preferences) putBack(key string, before settings.Resolved) error {
	if before.Origin(key) != settings.File {
		return c.write(key, nil)
	}
	return c.write(key, before.Value(key))
}

// administered is the Problem of what the person cannot set.
func (q *parts) administered(key string) error {
	return problem.New(settings.Invalid, fmt.Sprintf("%s is decided by your administrator, in %s.", key, q.decided.Place),
		"If you need it otherwise, ask your administrator.", nil)
}

// checkSSHOptions has OpenSSH look at options before they are written, and
// writes them as OpenSSH's manual does.
func (c *preferences) checkSSHOptions(ctx context.Context, value any) (any, error) {
	lines, _ := value.([]string)
	options, err := sshconfig.ParseOptions(lines)
	if err != nil {
		return nil, err
	}
	written := []string{}
	for _, o := range options {
		written = append(written, o.Keyword+" "+o.Value)
	}
	return written, sshconfig.Check(ctx, sshconfig.Settings{SSHDir: c.ssh, Program: c.executable, Options: options})
}

// applySSH brings our own part of the SSH config up to date. Where the user's
// file does not include it, SSH is not set up, and what was chosen is written
// when it is.
func (c *preferences) applySSH(ctx context.Context) error {
	s, err := c.sshSettings()
	if err != nil {
		return err
	}
	plan, err := sshconfig.NewPlan(ctx, s)
	if err != nil || plan.Empty() || plan.ChangesUserFile() {
		return err
	}
	return plan.Apply(ctx)
}

// followTray ends the tray, or starts it where there is something to show.
func (c *preferences) followTray(ctx context.Context) error {
	if !c.settings.Tray {
		return c.quitTray(ctx)
	}
	if open, err := registry.List(ctx, c.runtime); err == nil && len(open) > 0 {
		c.startTray(ctx, c.parts)
	}
	return nil
}

// of are the preferences of one space.
func (c *preferences) of(space session.Space) []preference {
	return []preference{c.folderOf(space), c.profileFor(space), c.forwardingOf(space)}
}

func (c *preferences) chosenFor(space session.Space) (session.Choices, error) {
	choices, err := c.store.Choices()
	return choices[space.ARN], err
}

func (c *preferences) folderOf(space session.Space) preference {
	k, _ := settings.Find(settings.KeyFolder)
	k.Example += " --space " + space.Alias
	p := preference{Key: k, initial: k.Default()}
	p.value = func(context.Context) (any, settings.Origin, error) {
		chosen, err := c.chosenFor(space)
		if err != nil || chosen.Folder == "" {
			return c.settings.Folder, c.settings.Origin(k.Name), err
		}
		return chosen.Folder, ofSpace, nil
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		folder, _ := value.(string)
		if folder != "" && !editor.ValidFolder(folder) {
			return "", p.Refuse(errors.New("it must be " + p.Allowed))
		}
		return "", c.store.Choose(ctx, space.ARN, func(choices *session.Choices) { choices.Folder = folder })
	}
	return p
}

func (c *preferences) profileFor(space session.Space) preference {
	k, _ := settings.Find(settings.KeyFolder) // a text, too
	p := preference{
		Key: settings.Key{
			Name: keyAWSProfile, About: "The profile of the AWS configuration that opens the space.",
			Allowed: "the name of a profile", Example: "work --space " + space.Alias, Blank: "whichever belongs to the account", Parse: k.Parse,
		},
		initial: "",
	}
	p.value = func(context.Context) (any, settings.Origin, error) {
		chosen, err := c.chosenFor(space)
		if err != nil || chosen.Profile == "" {
			return "", settings.Default, err
		}
		return chosen.Profile, ofSpace, nil
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		profile, _ := value.(string)
		if !session.ValidProfile(profile) {
			return "", p.Refuse(errors.New("it must be " + p.Allowed))
		}
		return "", c.store.Choose(ctx, space.ARN, func(choices *session.Choices) { choices.Profile = profile })
	}
	return p
}

func (c *preferences) forwardingOf(space session.Space) preference {
	p := preference{
		Key: settings.Key{
			Name: keyForwardAgent, About: "Programs in the space can use the keys in your SSH agent while you are connected.",
			Allowed: "true or false", Example: "true --space " + space.Alias, Values: []string{"true", "false"}, Parse: settings.Bool,
		},
		initial: false,
	}
	p.means = func(value any) string {
		if value != true {
			return ""
		}
		return "Programs in " + space.Alias + " can use the keys in your SSH agent for as long as you are connected: they can\n" +
			"sign in as you wherever these keys open, but cannot copy them. Whoever else has got into the space can, too."
	}
	p.value = func(context.Context) (any, settings.Origin, error) {
		if c.settings.Restrictions.NoAgentForwarding {
			return false, settings.Administrator, nil
		}
		chosen, err := c.chosenFor(space)
		if err != nil || !chosen.ForwardAgent {
			return false, settings.Default, err
		}
		return true, ofSpace, nil
	}
	p.set = func(ctx context.Context, value any) (string, error) {
		on, _ := value.(bool)
		if on && c.settings.Restrictions.NoAgentForwarding {
			return "", c.administered(keyForwardAgent)
		}
		choose := func(on bool) error {
			return c.store.Choose(ctx, space.ARN, func(choices *session.Choices) { choices.ForwardAgent = on })
		}
		before, err := c.chosenFor(space)
		if err != nil {
			return "", err
		}
		if err := choose(on); err != nil {
			return "", err
		}
		if err := c.applySSH(ctx); err != nil {
			// What was not written down is not so; but what was to be taken
			// away stays taken away, for the next time that it can be written.
			if on && !before.ForwardAgent {
				err = errors.Join(err, choose(false))
			}
			return "", err
		}
		return c.forwardingNote(ctx, space, before.ForwardAgent, on), nil
	}
	return p
}

// forwardingNote says that a connection which is open keeps what it began with:
// ssh's master decides when it starts.
func (c *preferences) forwardingNote(ctx context.Context, space session.Space, was, on bool) string {
	if was == on {
		return ""
	}
	open, err := registry.List(ctx, c.runtime)
	if err != nil || !slices.ContainsFunc(open, func(s registry.Status) bool { return s.Alias == space.Alias }) {
		return ""
	}
	if on {
		return "The connection that is open began without it: close it (`spacehatch close " + space.Alias + "`) and connect again."
	}
	return "The connection that is open can use your agent until you close it (`spacehatch close " + space.Alias + "`)."
}

// find returns the preference of that name, of the space where one is named.
func (c *preferences) find(ctx context.Context, name, alias string) (preference, error) {
	if alias != "" {
		space, err := c.store.Lookup(ctx, alias)
		if err != nil {
			return preference{}, err
		}
		return pick(c.of(space), name, " for one space")
	}
	if example := map[string]string{keyForwardAgent: "true", keyAWSProfile: "work"}[name]; example != "" {
		return preference{}, problem.New(settings.Invalid, name+" is set for one space, never for all.",
			"For example: `spacehatch settings set "+name+" "+example+" --space my-space.hatch`.", nil)
	}
	return pick(c.machine(ctx), name, "")
}

func pick(all []preference, name, where string) (preference, error) {
	i := slices.IndexFunc(all, func(p preference) bool { return p.Name == name })
	if i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	unknown := settings.Unknown(name)
	return preference{}, problem.New(unknown.Code, strings.TrimSuffix(unknown.Sentence, ".")+where+".",
		"The settings are "+strings.Join(names, ", ")+".", nil)
}
