package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// DefaultFolder is the home folder of every space.
const DefaultFolder = editor.DefaultFolder

// Spaces remembers the spaces that were met and what they may still use.
type Spaces interface {
	// Alias returns the alias that the space has or would get. It writes
	// nothing.
	Alias(space session.Space) (string, error)
	// Remember records the space and returns it with its alias.
	Remember(ctx context.Context, space session.Space) (session.Space, error)
	// Keep stores a session that was not used yet for the next ssh.
	Keep(ctx context.Context, alias string, s session.Session) error
}

// Answers remembers what a person said, so that nothing is asked twice.
type Answers interface {
	// Trusted reports whether links of the space's account, region and domain
	// were allowed for good.
	Trusted(space session.Space) (bool, error)
	// Trust allows them for good.
	Trust(ctx context.Context, space session.Space) error
}

// Questions remembers what need not be asked again.
type Questions interface {
	// Settled reports whether the question of that key was settled.
	Settled(key string) bool
	// Settle remembers it.
	Settle(ctx context.Context, key string) error
}

// Folders remembers which folder of a space is opened.
type Folders interface {
	// Folder returns the one that was chosen for the space, or for every
	// space; empty where none was.
	Folder(space session.Space) (string, error)
	// KeepFolder remembers the one that was chosen for the space.
	KeepFolder(ctx context.Context, space session.Space, folder string) error
}

// Tunnels starts tunnel processes.
type Tunnels interface {
	// Start starts a tunnel process that opens s and waits for an ssh to the
	// alias of space. It does not wait for the tunnel to be open.
	Start(ctx context.Context, space session.Space, s session.Session) (Tunnel, error)
}

// Tunnel is a tunnel process that was started. Until it is released no ssh can
// reach it: it may be a stranger's.
type Tunnel interface {
	// Ready waits until the tunnel is open, or returns why it is not.
	Ready(ctx context.Context) error
	// Release lets an ssh to alias take it. It fails where the tunnel has
	// ended by itself meanwhile.
	Release(ctx context.Context, alias string) error
	// Stop ends it and waits for that.
	Stop(ctx context.Context) error
}

// Master is the OpenSSH master connection of an alias. A system without
// masters gives one whose Start does nothing.
type Master interface {
	// Running reports whether a master for the alias answers.
	Running(ctx context.Context, alias string) bool
	// Prepare does what Start needs and what needs no tunnel. Whatever goes
	// wrong, Start will say.
	Prepare(ctx context.Context, alias string)
	// Start starts one; the tunnel must be open. What comes up meanwhile (the
	// host key is another one) is asked of person, and the notice, where there
	// is one, is for that person too.
	Start(ctx context.Context, alias string, person Person) (notice string, err error)
}

// Change is something to be done to the user's machine, shown before it
// happens and undone by `spacehatch uninstall`.
type Change interface {
	// Describe returns what the change is, for a person.
	Describe() Proposal
	// Apply does it.
	Apply(ctx context.Context) error
}

// ErrDispensable is in the chain of the error of a [Changes] that could not find
// out all that has to be changed, and of an optional change that failed: the
// connection works without the rest.
var ErrDispensable = errors.New("the connection works without it")

// Changes finds what has to be changed for a space, in order; none where all
// is set up. What it found stands also beside an [ErrDispensable].
type Changes interface {
	Changes(ctx context.Context, space session.Space) ([]Change, error)
}

// Editors knows the IDEs of this machine.
type Editors interface {
	// Choose returns the IDE to use: the named one, else the one that the
	// link's scheme belongs to, else the user's choice, else what is installed.
	Choose(ctx context.Context, name, scheme string) (Editor, error)
}

// Editor is one installed IDE.
type Editor interface {
	// Name is the IDE's name for a person.
	Name() string
	// Changes finds what the IDE lacks for remote work.
	Changes
	// Open starts it on the folder of the alias and does not wait for its end.
	Open(ctx context.Context, alias, folder string) error
}

// Proposal is a question that a person can understand.
type Proposal struct {
	// Key names the proposal for ever, so that an answer can be remembered.
	Key string
	// Title is a question, Text says why, Diff what exactly would change; Diff
	// may be empty.
	Title, Text, Diff string
	// Silent marks a change to our own files, which need not be asked about.
	Silent bool
	// Optional marks a change without which the connection still works.
	Optional bool
	// Cautious marks a question whose safe answer is no: no key pressed in a hurry
	// may answer it with yes. [Options.Yes] says which ones --yes answers.
	Cautious bool
}

// Answer is what a person says to a first link.
type Answer int

// The answers. The zero value is the safe one.
const (
	Cancel Answer = iota
	ConnectOnce
	ConnectAndRemember
)

// Person is who can be asked. Both methods return a problem.NeedsPerson
// where nobody is there.
type Person interface {
	// Consent asks about the first link of an account and domain.
	Consent(ctx context.Context, link Link) (Answer, error)
	// Approve asks about a change.
	Approve(ctx context.Context, p Proposal) (bool, error)
}

// Options are what a caller may choose for one connection.
type Options struct {
	// Stopped: the space is known not to be ready, so it is looked at before a
	// session is asked for. Only for [Connector.Reopen].
	Stopped bool

	// Yes answers with yes and remembers nothing. Of the cautious questions it
	// answers those alone that are about stopping the space that the person named.
	Yes    bool
	Editor string // an IDE's name; "" chooses, "none" starts no IDE
	Folder string // on the space, absolute; "" is what was chosen before, or DefaultFolder

	consented bool // the person named the space
	// fresh gives a session where the link has none.
	fresh func(ctx context.Context) (session.Session, error)
}

// sessionLife is how long the session of a link that does not say so is taken
// to live: AWS's samples carry X-Amz-Expires=60.
const sessionLife = time.Minute

// applyAttempts is how often changes are planned anew.
const applyAttempts = 4

// NoEditor as Options.Editor does everything but start an IDE.
const NoEditor = "none"

// Result is what a connection ended with.
type Result struct {
	Space  session.Space
	Folder string
	Editor string // the IDE's name, empty where none was started
}

// Connector turns a link into a connected IDE. Every field but Studio and Report
// must be set.
type Connector struct {
	Policy    Policy
	Spaces    Spaces
	Answers   Answers
	Questions Questions
	Folders   Folders
	Tunnels   Tunnels
	SSHConfig Changes
	Master    Master
	Editors   Editors
	Person    Person
	// Studio starts the spaces that the person names; nil starts none.
	Studio Studio
	// Report is told what happens, one event after the other; nil tells nobody.
	Report func(Event)
}

// Open does all six steps for the text of a link. Errors are problems; after
// problem.LinkMalformed, LinkRefused and Cancelled nothing was written,
// started or left running.
func (c *Connector) Open(ctx context.Context, raw string, o Options) (Result, error) {
	reading := c.begin(StepLink)
	link, err := Parse(raw)
	if err == nil {
		err = c.Policy.Check(link)
	}
	if err != nil {
		return Result{}, reading.fail(err)
	}
	link.Session.Origin = session.FromLink
	reading.end(Done, fmt.Sprintf("%s in %s", link.Space.Name, link.Space.Region))
	return c.Connect(ctx, link, o)
}

// Connect does the steps that follow a link which the policy has passed.
func (c *Connector) Connect(ctx context.Context, link Link, o Options) (Result, error) {
	alias, err := c.Spaces.Alias(link.Space)
	running := false
	if err == nil {
		link.Space.Alias = alias
		// One look: a master that ends later is missed by ssh, not by us.
		if running = c.Master.Running(ctx, alias); !running {
			if err = c.complete(ctx, &link, o); err != nil {
				return Result{}, problem.From(err)
			}
		}
	}
	dialling := c.begin(StepTunnel)
	if err != nil {
		return Result{}, dialling.fail(err)
	}
	if link.Session.Expires.IsZero() {
		link.Session.Expires = time.Now().Add(sessionLife)
	}

	var tunnel Tunnel
	if !running {
		// First of all: a link's session lives about a minute, and the
		// person may take longer to answer.
		if tunnel, err = c.Tunnels.Start(ctx, link.Space, link.Session); err != nil {
			return Result{}, dialling.fail(err)
		}
	}
	space, err := c.prepare(ctx, link, o)
	if err == nil && tunnel == nil && space.Alias != alias {
		// Somebody else's space got the name first: that master is not ours.
		if err = c.complete(ctx, &link, o); err == nil {
			tunnel, err = c.Tunnels.Start(ctx, space, link.Session)
		}
	}
	if err == nil {
		err = c.attach(ctx, dialling, tunnel, link.Session, space.Alias, o)
	}
	if err != nil {
		if tunnel != nil {
			// Also after Ctrl-C: nothing may stay behind.
			err = errors.Join(err, tunnel.Stop(context.WithoutCancel(ctx)))
		}
		if ctx.Err() != nil {
			err = problem.New(problem.Cancelled, "Cancelled; nothing was left running.", "", nil)
		}
		return Result{}, problem.From(err)
	}
	return c.openEditor(ctx, space, o)
}

// complete gives the link what it lacks of its session.
func (c *Connector) complete(ctx context.Context, link *Link, o Options) (err error) {
	if link.Session.Token.Empty() && o.fresh != nil {
		link.Session, err = o.fresh(ctx)
	}
	return err
}

// Reopen does the same for a space that the person names, without a link: it
// needs no consent, and a session only where no master runs. A space that is
// not ready is started, where the person agrees.
func (c *Connector) Reopen(ctx context.Context, space session.Space, sessions session.Source, o Options) (Result, error) {
	if err := c.Policy.CheckSpace(space); err != nil {
		return Result{}, err // before a space is started, or a session
	}
	o.consented = true
	o.fresh = func(ctx context.Context) (session.Session, error) { return c.fresh(ctx, space, sessions, o) }
	return c.Connect(ctx, Link{Space: space, Scheme: space.Scheme}, o)
}

// prepare asks what has to be asked and sets SSH up.
func (c *Connector) prepare(ctx context.Context, link Link, o Options) (session.Space, error) {
	if err := c.consent(ctx, link, o); err != nil {
		return session.Space{}, err
	}
	configuring := c.begin(StepSSHConfig)
	space, err := c.Spaces.Remember(ctx, link.Space)
	if err != nil {
		return session.Space{}, configuring.fail(err)
	}
	applied, err := c.apply(ctx, configuring, c.SSHConfig, space, o)
	if err != nil {
		return session.Space{}, configuring.fail(err)
	}
	if applied == 0 {
		configuring.end(Skipped, "already set up")
	} else {
		configuring.end(Done, "set up")
	}
	return space, nil
}

func (c *Connector) consent(ctx context.Context, link Link, o Options) error {
	asking := c.begin(StepConsent)
	trusted, err := c.Answers.Trusted(link.Space)
	if err != nil {
		return asking.fail(err)
	}
	switch {
	case o.consented:
		asking.end(Skipped, "you named it")
		return nil
	case trusted:
		asking.end(Skipped, "this domain is trusted")
		return nil
	case o.Yes:
		asking.end(Skipped, "answered with --yes")
		return nil
	}
	answered := asking.asking()
	answer, err := c.Person.Consent(ctx, link)
	answered()
	if err != nil {
		return asking.fail(err)
	}
	switch answer {
	case ConnectAndRemember:
		if err := c.Answers.Trust(ctx, link.Space); err != nil {
			return asking.fail(err)
		}
		asking.end(Done, "allowed, and remembered")
	case ConnectOnce:
		asking.end(Done, "allowed this time")
	default:
		return asking.fail(problem.New(problem.Cancelled, "Cancelled; nothing was changed.", "", nil))
	}
	return nil
}

// apply makes the changes that are needed. Where a file changed while the
// person read, it looks again: a click is not lost to another window's set-up.
func (c *Connector) apply(ctx context.Context, at *stage, from Changes, space session.Space, o Options) (int, error) {
	for attempt := 1; ; attempt++ {
		applied, err := c.applyOnce(ctx, at, from, space, o)
		if !outdated(err) || attempt == applyAttempts {
			return applied, err
		}
	}
}

// outdated reports whether a change no longer fits what it was planned for.
func outdated(err error) bool {
	return errors.Is(err, sshconfig.ErrChanged) || errors.Is(err, editor.ErrChanged)
}

// applyOnce walks through changes, asks about each that is not silent, and
// returns how many were made, also beside an [ErrDispensable]. A refused change
// that is not optional cancels.
func (c *Connector) applyOnce(ctx context.Context, at *stage, from Changes, space session.Space, o Options) (int, error) {
	changes, unplanned := from.Changes(ctx, space)
	if unplanned != nil && !errors.Is(unplanned, ErrDispensable) {
		return 0, unplanned
	}
	applied := 0
	for _, change := range changes {
		proposal := change.Describe()
		yes, err := c.approve(ctx, at, proposal, o)
		if err != nil {
			return applied, err
		}
		if !yes {
			continue
		}
		switch err := change.Apply(ctx); {
		case err == nil:
			applied++
		case !proposal.Optional || ctx.Err() != nil || outdated(err):
			return applied, err
		default:
			unplanned = errors.Join(unplanned, ErrDispensable, err)
		}
	}
	return applied, unplanned
}

// approve asks about a change, if that is needed. A no to an optional one is
// remembered; to another one it is problem.Cancelled.
func (c *Connector) approve(ctx context.Context, at *stage, p Proposal, o Options) (bool, error) {
	switch {
	case p.Silent || o.Yes && !p.Cautious:
		return true, nil
	case p.Optional && c.Questions.Settled(p.Key):
		return false, nil
	}
	answered := at.asking()
	yes, err := c.Person.Approve(ctx, p)
	answered()
	switch {
	case p.Optional && errors.Is(err, &problem.Problem{Code: problem.NeedsPerson}):
		return false, nil // it can be asked another time
	case err != nil || yes:
		return yes, err
	case p.Optional:
		return false, c.Questions.Settle(ctx, p.Key)
	}
	return false, problem.New(problem.Cancelled, "Cancelled: "+p.Key+" was not changed.",
		"Without it ssh cannot find the space. `spacehatch ssh-config diff` shows the change again.", nil)
}

// attach waits for the tunnel and puts the ssh master into it.
func (c *Connector) attach(ctx context.Context, dialling *stage, tunnel Tunnel, unused session.Session, alias string, o Options) error {
	if tunnel == nil {
		if !unused.Token.Empty() {
			// Nice to have for the next ssh, and no reason to fail where the
			// connection stands.
			_ = c.Spaces.Keep(ctx, alias, unused)
		}
		dialling.end(Skipped, "already open")
		c.begin(StepSSH).end(Skipped, "already connected")
		return nil
	}
	c.Master.Prepare(ctx, alias) // while the tunnel dials
	if err := tunnel.Ready(ctx); err != nil {
		if !o.consented && errors.Is(err, &problem.Problem{Code: problem.TunnelRefused}) {
			p := problem.From(err)
			err = problem.New(p.Code, p.Sentence,
				"A link works once, for about a minute: click Open in VS Code in Studio again. If that does not help, look there whether the space is running.", p.Cause)
		}
		return dialling.fail(err)
	}
	dialling.end(Done, "open")
	connecting := c.begin(StepSSH)
	if c.Master.Running(ctx, alias) {
		// Another window was faster: this tunnel would only take one of the
		// space's ten connections.
		if err := tunnel.Stop(ctx); err != nil {
			return connecting.fail(err)
		}
		connecting.end(Skipped, "already connected")
		return nil
	}
	if err := tunnel.Release(ctx, alias); err != nil {
		return connecting.fail(err)
	}
	notice, err := c.Master.Start(ctx, alias, telling{c.Person, connecting})
	if err != nil {
		return connecting.fail(err)
	}
	if notice == "" {
		notice = "connected"
	}
	connecting.end(Done, notice)
	return nil
}

// telling is a person of whom it is told that they are being asked.
type telling struct {
	Person
	at *stage
}

// Approve implements Person.
func (t telling) Approve(ctx context.Context, p Proposal) (bool, error) {
	defer t.at.asking()()
	return t.Person.Approve(ctx, p)
}

func (c *Connector) openEditor(ctx context.Context, space session.Space, o Options) (Result, error) {
	opening := c.begin(StepEditor)
	folder, err := c.folder(space, o)
	result := Result{Space: space, Folder: folder}
	if err != nil {
		return result, opening.fail(err)
	}
	if o.Editor == NoEditor {
		opening.end(Skipped, "no IDE wanted")
		return result, nil
	}
	ide, err := c.Editors.Choose(ctx, o.Editor, space.Scheme)
	if err != nil {
		p := *problem.From(err)
		p.Hint += " The space is connected all the same: `ssh " + space.Alias + "` works from any terminal."
		return result, opening.fail(&p)
	}
	told := ide.Name()
	switch _, err := c.apply(ctx, opening, ide, space, o); {
	case errors.Is(err, ErrDispensable):
		told += ". " + problem.From(err).Sentence
	case err != nil:
		return result, opening.fail(err)
	}
	if err := ide.Open(ctx, space.Alias, folder); err != nil {
		return result, opening.fail(err)
	}
	if o.Folder != "" && !o.Yes {
		// For the next time; what stands is open all the same.
		_ = c.Folders.KeepFolder(ctx, space, o.Folder)
	}
	result.Editor = ide.Name()
	opening.end(Done, told)
	return result, nil
}

// folder is what to open on the space.
func (c *Connector) folder(space session.Space, o Options) (string, error) {
	if o.Folder != "" {
		return o.Folder, nil
	}
	folder, err := c.Folders.Folder(space)
	return cmp.Or(folder, DefaultFolder), err
}
