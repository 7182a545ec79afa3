package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/master"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// places are where this program keeps things. Every way back (close, undo,
// uninstall) needs no more than them, so that no broken setting blocks it.
type places struct {
	executable string // absolute path of this program, as others shall call it
	state      string // paths.State
	runtime    string // paths.Runtime; it may not exist
	ssh        string // paths.SSH
	store      *session.Store
}

// executable is the path of this program, the same for each build of it.
func executable() (string, error) {
	path, err := os.Executable()
	return installer.WithConsole(path), err
}

func (p *program) places() (*places, error) {
	var (
		q   places
		err error
	)
	if q.executable, err = executable(); err != nil {
		return nil, err
	}
	if q.state, err = paths.State(); err != nil {
		return nil, err
	}
	if q.runtime, err = paths.Runtime(); err != nil {
		return nil, err
	}
	if q.ssh, err = p.sshFolder(); err != nil {
		return nil, err
	}
	q.store = session.OpenStore(q.state, q.runtime)
	return &q, nil
}

// parts are the pieces of this program, made once per run and only when asked
// for: `spacehatch proxy` and `spacehatch version` must start in milliseconds.
type parts struct {
	*places
	file     string // settings.toml; it may not exist
	settings settings.Resolved
	decided  settings.Policy // by an administrator
	policy   handler.Policy  // what follows from both for links
}

func (p *program) parts() (*parts, error) {
	q, err := p.places()
	if err != nil {
		return nil, err
	}
	file, err := settings.Path()
	if err != nil {
		return nil, err
	}
	decided, err := p.readPolicy()
	if err != nil {
		return nil, err
	}
	chosen, err := settings.Resolve(file, p.lookup, decided)
	if err != nil {
		return nil, err
	}
	p.level.Set(levelOf(chosen.LogLevel))
	return &parts{places: q, file: file, settings: chosen, decided: decided, policy: policyOf(chosen.Settings)}, nil
}

// policyOf says what links may make us do.
func policyOf(s settings.Settings) handler.Policy {
	only := s.Restrictions
	return handler.Policy{TrustedHosts: s.TrustedHosts, Accounts: only.Accounts, Domains: only.Domains, Regions: only.Regions}
}

// connector puts the parts of `spacehatch open` together.
func (p *program) connector(q *parts) *handler.Connector {
	c := &handler.Connector{
		Policy:    q.policy,
		Spaces:    q.store,
		Answers:   answers{q.store},
		Questions: q.store,
		Folders:   folders{q},
		Tunnels:   processes{q.executable},
		SSHConfig: sshChanges{q},
		Editors:   editors{q},
		Person:    terminal.Person{Open: p.openTTY},
	}
	c.Master = &sshMaster{parts: q}
	return c
}

// sources is where a session for a space comes from when no tunnel waits.
func (p *program) sources(q *parts) session.Source { return p.sourcesOf(q, "", nobody{}) }

// sourcesOf are the same with a profile of the AWS configuration, which may be
// empty, somebody who can sign in, and last of all what asks a person.
func (p *program) sourcesOf(q *parts, profile string, who signs, last ...session.Source) session.Source {
	local := session.NewLocal(session.LocalOptions{Profile: profile, Chosen: q.profileOf, Memory: q.store, Codes: p.codes, Log: p.log})
	chain := session.Chain{q.store, signingIn{local, who}, signingIn{p.manager(), who}}
	return counted{q.places, append(chain, last...)}
}

// profileOf is the AWS profile that a person chose for a space.
func (q *places) profileOf(space session.Space) string {
	choices, err := q.store.Choices()
	if err != nil {
		return "" // whoever needs the file says that it is broken
	}
	return choices[space.ARN].Profile
}

// answers lets the store answer for spaces. It implements handler.Answers.
type answers struct{ store *session.Store }

func consentOf(space session.Space) session.Consent {
	return session.Consent{Account: space.Account, Domain: space.Domain, Region: space.Region}
}

func (a answers) Trusted(space session.Space) (bool, error) {
	return a.store.Trusted(consentOf(space)), nil
}

func (a answers) Trust(ctx context.Context, space session.Space) error {
	return a.store.Trust(ctx, consentOf(space))
}

// folders knows which folder of a space is opened. It implements
// handler.Folders.
type folders struct{ *parts }

func (f folders) Folder(space session.Space) (string, error) {
	choices, err := f.store.Choices()
	otherwise := f.settings.Folder
	if space.Kind == session.Instance {
		otherwise = session.HomeFolder(space.User)
	}
	return cmp.Or(choices[space.ARN].Folder, otherwise), err
}

func (f folders) KeepFolder(ctx context.Context, space session.Space, folder string) error {
	return f.store.Choose(ctx, space.ARN, func(c *session.Choices) { c.Folder = folder })
}

// sshSettings says what the SSH config is to hold: every known space, and what
// the person chose.
func (q *parts) sshSettings() (sshconfig.Settings, error) {
	spaces, err := q.store.Spaces()
	if err != nil {
		return sshconfig.Settings{}, err
	}
	choices, err := q.store.Choices()
	if err != nil {
		return sshconfig.Settings{}, err
	}
	options, err := sshconfig.ParseOptions(q.settings.SSHOptions)
	if err != nil {
		return sshconfig.Settings{}, err
	}
	s := sshconfig.Settings{
		SSHDir: q.ssh, Program: q.executable, ControlMaster: master.Supported(),
		RuntimeDir: q.runtime, BackupDir: q.state, Options: options, Machines: machines(),
	}
	for _, space := range spaces {
		s.Hosts = append(s.Hosts, sshconfig.Host{
			Alias: space.Alias, User: space.User,
			ForwardAgent: choices[space.ARN].ForwardAgent && !q.settings.Restrictions.NoAgentForwarding,
		})
	}
	return s, nil
}

// sshChanges finds what the SSH config lacks. It implements handler.Changes.
type sshChanges struct{ *parts }

func (c sshChanges) Changes(ctx context.Context, _ session.Space) ([]handler.Change, error) {
	s, err := c.sshSettings()
	if err != nil {
		return nil, err
	}
	plan, err := sshconfig.NewPlan(ctx, s)
	if err != nil || plan.Empty() {
		return nil, err
	}
	return []handler.Change{sshChange{plan}}, nil
}

// sshConfigKey and extensionKeyPrefix name questions, or begin their names.
const (
	sshConfigKey       = "~/.ssh/config"
	extensionKeyPrefix = "extension "
)

type sshChange struct{ plan *sshconfig.Plan }

func (c sshChange) Describe() handler.Proposal {
	return handler.Proposal{
		Key:   sshConfigKey,
		Title: "Update your SSH config?",
		Text: "ssh, and every IDE that uses it, finds your spaces through these lines. The rest\n" +
			"of your file stays as it is; `spacehatch ssh-config undo` takes them out again.",
		Diff:   c.plan.Diff(),
		Silent: !c.plan.ChangesUserFile(),
	}
}

func (c sshChange) Apply(ctx context.Context) error { return c.plan.Apply(ctx) }

// editors implements handler.Editors.
type editors struct{ *parts }

func (e editors) Choose(ctx context.Context, name, scheme string) (handler.Editor, error) {
	if name != "" {
		found, err := editor.Find(ctx, name)
		return installation{e.parts, found, false}, err
	}
	installed, err := editor.Installed(ctx)
	if err != nil {
		return nil, err
	}
	found, err := editor.Choose(scheme, e.settings.Editor, installed)
	return installation{e.parts, found, false}, err
}

// editorRecords is the folder of what was set in the settings of IDEs.
func (q *places) editorRecords() string { return filepath.Join(q.state, "editors") }

// installation is an installed IDE as the handler needs it.
type installation struct {
	*parts
	editor.Installation
	again bool // what was declined before is offered again
}

func (i installation) Name() string { return i.Editor.Title }

// record is the file that remembers what was set in the settings of this IDE.
func (i installation) record() string {
	sum := sha256.Sum256([]byte(i.Settings))
	return filepath.Join(i.editorRecords(), i.Editor.Name+"-"+hex.EncodeToString(sum[:4])+".json")
}

func (i installation) Changes(ctx context.Context, space session.Space) ([]handler.Change, error) {
	var changes []handler.Change
	if missing, err := i.lacksExtension(ctx); err != nil {
		return nil, err
	} else if missing {
		changes = append(changes, extensionChange{i})
	}
	plan, err := editor.PlanSettings(i.Installation, space.Alias, homeOf(space))
	if err != nil {
		return changes, errors.Join(handler.ErrDispensable, err)
	}
	if !plan.Empty() {
		changes = append(changes, settingsChange{i, plan})
	}
	return changes, nil
}

// extensionKey names the question whether this very build of the IDE shall have
// its extension.
func (i installation) extensionKey() (string, error) {
	info, err := os.Stat(i.Path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(extensionKeyPrefix+"%s in %s of %s", i.Editor.Extension.ID, i.Path, info.ModTime().UTC().Format(time.RFC3339)), nil
}

// foundPrefix begins what is remembered of an extension that is there: asking
// the IDE takes a second, so it is asked once.
const foundPrefix = "found "

func (i installation) lacksExtension(ctx context.Context) (bool, error) {
	key, err := i.extensionKey()
	if err != nil || i.store.Settled(foundPrefix+key) || i.store.Settled(key) && !i.again {
		return false, err
	}
	switch err := i.Check(ctx); {
	case err == nil:
		return false, i.store.Settle(ctx, foundPrefix+key)
	case errors.Is(err, editor.ErrExtension):
		return true, nil
	default:
		return false, err
	}
}

type extensionChange struct{ installation }

func (c extensionChange) Describe() handler.Proposal {
	key, err := c.extensionKey()
	if err != nil {
		key = c.Path
	}
	return handler.Proposal{
		Key:      key,
		Title:    "Install the extension " + c.Editor.Extension.ID + " in " + c.Name() + "?",
		Text:     c.Name() + " needs it to open folders over SSH, and downloads it from its own marketplace.",
		Optional: true,
	}
}

func (c extensionChange) Apply(ctx context.Context) error {
	if err := c.InstallExtension(ctx); err != nil {
		return err
	}
	key, err := c.extensionKey()
	if err != nil {
		return err
	}
	return c.store.Settle(ctx, foundPrefix+key)
}

type settingsChange struct {
	installation
	plan *editor.SettingsPlan
}

func (c settingsChange) Describe() handler.Proposal {
	return handler.Proposal{
		Key:   c.Settings,
		Title: "Update the settings of " + c.Name() + "?",
		Text: "Without them its SSH extension may give up before a space answers. Everything\n" +
			"else stays as it is; `spacehatch uninstall` takes them out again.",
		Diff:     c.plan.Diff(),
		Optional: true,
	}
}

func (c settingsChange) Apply(context.Context) error { return c.plan.Apply(c.record()) }

// masters runs OpenSSH for this user.
func (q *places) masters() master.Client { return master.Client{LockDir: q.runtime} }

// sshPins implements handler.Pins.
type sshPins struct{ *places }

func (p sshPins) Pinned(alias string) ([]sshconfig.Pin, error) { return sshconfig.Pins(p.ssh, alias) }

func (p sshPins) Forget(ctx context.Context, alias string) error {
	_, err := sshconfig.ForgetPin(ctx, p.ssh, alias)
	return err
}

// sshMaster implements handler.Master.
type sshMaster struct {
	*parts
	located, socket string // an alias, and its control socket
}

// Running asks ssh only where a tunnel is open: without one there is no master,
// and ssh takes some milliseconds to say so.
func (m *sshMaster) Running(ctx context.Context, alias string) bool {
	open, err := registry.List(ctx, m.runtime)
	return err == nil &&
		slices.ContainsFunc(open, func(s registry.Status) bool { return s.Alias == alias }) &&
		m.masters().Running(ctx, alias)
}

// Prepare asks ssh where the control socket will be.
func (m *sshMaster) Prepare(ctx context.Context, alias string) {
	if socket, err := m.masters().Locate(ctx, alias); err == nil {
		m.located, m.socket = alias, socket
	}
}

// Start also tells of a host key that is another one now, and lets the proxy
// ask the person about it: the proxy's own words do not get past ssh when it
// becomes a master.
func (m *sshMaster) Start(ctx context.Context, alias string, person handler.Person) (notice string, err error) {
	before, err := sshconfig.Pins(m.ssh, alias)
	if err != nil {
		return "", err
	}
	variable, stop, err := relay(ctx, person)
	if err != nil {
		return "", err
	}
	defer stop()
	client := m.masters()
	client.Env = []string{variable}
	if m.located == alias {
		client.Socket = m.socket
	}
	if err := client.Start(ctx, alias); err != nil || len(before) == 0 {
		return "", err
	}
	after, err := sshconfig.Pins(m.ssh, alias)
	if err != nil || slices.Equal(before, after) {
		return "", err
	}
	return "connected; the space has a new host key", nil
}
