package desktop

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// patience is how long a connection may take before a window shows it.
const patience = 300 * time.Millisecond

// FirstRun offers everything that would be asked about on this machine on one
// screen, where a change is proposed for the first time.
type FirstRun interface {
	// Offer returns all that can be set up, p among it; fewer than two items
	// of state view.Proposed mean that p is to be asked about by itself.
	Offer(ctx context.Context, p handler.Proposal) (view.Setup, error)
	// Take is told what was chosen where the answer is view.Yes, before anything
	// else happens. It makes the changes that the way of a link does not make
	// itself.
	Take(ctx context.Context, chosen view.Answer) error
}

// Options are what a Connection needs.
type Options struct {
	// Program is the path of spacehatch-desktop ([Find]).
	Program string
	// Version names this program and its version in a report.
	Version string
	// Fallback asks where no window can be opened.
	Fallback handler.Person
	// FirstRun may be nil: then every change is asked about by itself.
	FirstRun FirstRun
	// Kind says what a proposal is about, by its key; nil knows none.
	Kind func(key string) view.ItemKind
	// Retry lets the person try again after some problems. Then [Connection.Run]
	// ends only when the window is closed.
	Retry bool
	// Steps are the steps that there will be; nil is all six.
	Steps []handler.Step
	// Reopens: there is no link that a try could use up.
	Reopens bool
	// Start opens the space of a link that cannot be used any more, and starts
	// the space where that is needed; nil where nothing does. CanStart is asked
	// when a link has failed, and calls nobody.
	Start    func(context.Context) (handler.Result, error)
	CanStart func(context.Context) bool
	// SignIn signs in to AWS by the profile, with [Connection.SignInScreen];
	// nil leaves that to others.
	SignIn func(ctx context.Context, profile string) error
	// Browse opens a page in the person's browser; it may block. nil leaves it
	// to the button in the window.
	Browse func(address string) error
	// Profile: there is no space, and the window is about signing in to AWS by
	// this profile.
	Profile string
}

// Connection shows one connection in a window. It implements handler.Person,
// and Report takes the events. The window comes when something has to be
// asked, when the connection takes long, or when it failed; a connection that
// just works is over before.
type Connection struct {
	options Options
	start   func(context.Context, view.Screen) (*Process, error)
	wait    time.Duration

	wake chan struct{} // something below has changed; one waiting is enough
	turn chan struct{} // held by who asks

	// offered is what was said on the first-run screen, by the key of a
	// proposal. It belongs to the goroutine of the work.
	offered map[string]bool

	mu      sync.Mutex
	state   view.Connection
	space   session.Space
	wanted  bool               // the window is to come
	pending chan view.Answer   // of the question in state
	window  windowState        //
	changed chan struct{}      // closed and made anew when window changes
	asked   int                // ids given to questions
	cancel  context.CancelFunc // of the work under way
}

// windowState is what became of the window.
type windowState int

const (
	windowNone windowState = iota // there may be one yet
	windowOpen
	windowGone       // it was there
	windowImpossible // it could not be opened
)

// New returns a Connection of which nothing is known yet.
func New(o Options) *Connection {
	c := &Connection{options: o, wait: patience, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), changed: make(chan struct{})}
	c.start = func(ctx context.Context, first view.Screen) (*Process, error) { return Start(ctx, o.Program, first) }
	c.state.Steps, c.state.SignIn = c.steps(), o.Profile
	return c
}

// Meet tells which space it is about, once the link has passed the policy.
func (c *Connection) Meet(s session.Space) {
	c.change(func() { c.space, c.state.Space = s, Space(s) })
}

// Report takes the next event.
func (c *Connection) Report(e handler.Event) {
	c.change(func() { c.state.Steps = apply(c.state.Steps, e) })
}

// Run runs work and shows it; work is what calls the other methods. It
// returns what work returned, from the last try if there were several. The
// context that work gets ends when the person cancels.
func (c *Connection) Run(ctx context.Context, work func(context.Context) (handler.Result, error)) (handler.Result, error) {
	opening, abandon := context.WithCancel(ctx)
	defer abandon()
	var (
		shown sync.WaitGroup
		retry = make(chan view.ActKind, 1)
		over  = make(chan struct{})
	)
	shown.Go(func() { c.show(opening, over, retry) })
	defer shown.Wait()
	defer close(over)
	for {
		result, err := c.try(ctx, work)
		found := problem.From(err)
		starts := c.starts(ctx, found)
		c.finish(result, found, starts)
		if found == nil || found.Code == problem.Cancelled {
			abandon() // no window has to come up to say that
		}
		if found == nil || !c.options.Retry || !starts && !again(found.Code, c.options.Reopens) {
			return result, err
		}
		if !c.retries(ctx, found, starts, retry) {
			return result, err
		}
		if starts {
			work, c.options.Reopens = c.options.Start, true
		}
		c.change(func() { c.state.Steps, c.state.Problem = c.steps(), nil })
	}
}

// starts reports whether the space of a link is to be opened without it.
func (c *Connection) starts(ctx context.Context, found *problem.Problem) bool {
	return found != nil && !c.options.Reopens && c.options.Start != nil && usedUp(found.Code) && c.space.Kind == session.SageMaker && c.options.CanStart(ctx)
}

// retries waits until the person wants another try, and signs in before it
// where that was asked for. Who gives the sign-in up sees the problem again.
func (c *Connection) retries(ctx context.Context, found *problem.Problem, starts bool, retry <-chan view.ActKind) bool {
	for {
		select {
		case how := <-retry:
			if how != view.SignInAsked {
				return how == view.RetryAsked
			}
		case <-ctx.Done():
			return false
		}
		c.change(func() { c.state.Steps, c.state.Problem = c.steps(), nil })
		_, err := c.try(ctx, func(ctx context.Context) (handler.Result, error) {
			return handler.Result{}, c.options.SignIn(ctx, found.SignIn)
		})
		if err == nil {
			return true
		}
		if failed := problem.From(err); failed.Code != problem.Cancelled {
			// It can be tried again, and so can the sign-in.
			failed := *failed
			failed.SignIn = found.SignIn
			c.finish(handler.Result{}, &failed, starts)
			continue
		}
		c.finish(handler.Result{}, found, starts)
	}
}

// try does the work once.
func (c *Connection) try(ctx context.Context, work func(context.Context) (handler.Result, error)) (handler.Result, error) {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	c.change(func() { c.cancel = cancel })
	return work(working)
}

// finish puts the outcome into the state.
func (c *Connection) finish(result handler.Result, found *problem.Problem, starts bool) {
	c.change(func() {
		settle(c.state.Steps)
		c.state.Question = nil
		if found == nil {
			c.state.Done, c.state.Editor = true, result.Editor
			return
		}
		c.state.Problem = Problem(found)
		c.state.Problem.Program = c.options.Version
		if found.Code != problem.LinkMalformed && found.Code != problem.LinkRefused {
			c.state.Problem.Studio = studio(c.space)
		}
		c.state.Problem.Retry = c.options.Retry && (starts || again(found.Code, c.options.Reopens))
		c.state.Problem.Starts = c.state.Problem.Retry && starts
		if !c.state.Problem.Retry || c.options.SignIn == nil {
			c.state.Problem.SignIn = ""
		}
		// Who has just said no knows why nothing opens; who was told in the
		// terminal need not be told again.
		if found.Code != problem.Cancelled && found.Code != problem.NeedsPerson {
			c.wanted = true
		}
	})
}

// change changes the state and has it shown.
func (c *Connection) change(how func()) {
	c.mu.Lock()
	how()
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// screen is the state as it is to be shown now.
func (c *Connection) screen() (view.Screen, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.state
	state.Steps = append([]view.Step(nil), c.state.Steps...)
	return view.Screen{Connection: &state}, c.wanted
}

func (c *Connection) setWindow(to windowState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window = to
	close(c.changed)
	c.changed = make(chan struct{})
}

// show owns the window: it waits until one is wanted, opens it, and passes
// screens and acts on until over is closed or the window is gone. It tells
// retry once for every problem that may be tried again.
func (c *Connection) show(ctx context.Context, over <-chan struct{}, retry chan<- view.ActKind) {
	late := time.NewTimer(c.wait)
	defer late.Stop()
	var process *Process
	defer func() { c.part(process) }()
	no := func() {
		select {
		case retry <- view.CancelAsked:
		default:
		}
	}
	for {
		var acts <-chan view.Act
		if process != nil {
			acts = process.Acts()
		}
		select {
		case <-late.C:
			c.change(func() { c.wanted = c.wanted || !c.state.Done })
		case <-c.wake:
			screen, wanted := c.screen()
			switch {
			case process != nil:
				process.Show(screen)
			case wanted:
				if process = c.open(ctx); process == nil {
					no()
					<-over
					return
				}
			}
		case act, ok := <-acts:
			if !ok {
				process.End()
				process = nil
				c.setWindow(windowGone)
				no()
				<-over
				return
			}
			c.take(act, retry)
		case <-over:
			// A problem that came fast is still to be shown.
			if _, wanted := c.screen(); wanted && process == nil {
				process = c.open(ctx)
			}
			return
		}
	}
}

// open opens the window with what is to be shown by then.
func (c *Connection) open(ctx context.Context) *Process {
	screen, _ := c.screen()
	var process *Process
	err := ctx.Err()
	if err == nil {
		process, err = c.start(ctx, screen)
	}
	if err != nil {
		c.setWindow(windowImpossible)
		return nil
	}
	c.setWindow(windowOpen)
	if screen, _ = c.screen(); screen.Connection != nil {
		process.Show(screen) // what has changed while the window came up
	}
	return process
}

// part leaves the window to itself, or closes it where it has nothing to say.
func (c *Connection) part(process *Process) {
	if process == nil {
		return
	}
	screen, _ := c.screen()
	process.Show(screen)
	if p := screen.Connection.Problem; p != nil && (p.Code == string(problem.Cancelled) || p.Retry) {
		process.End()
		return
	}
	process.Leave()
}

// take does what an act says.
func (c *Connection) take(act view.Act, retry chan<- view.ActKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch act.Kind {
	case view.Answered:
		if q := c.state.Question; q != nil && act.Answer != nil && act.Answer.ID == q.ID {
			c.state.Question = nil
			c.pending <- *act.Answer
		}
	case view.CancelAsked:
		if c.cancel != nil {
			c.cancel()
		}
	case view.RetryAsked, view.SignInAsked:
		if p := c.state.Problem; p != nil && p.Retry && (act.Kind == view.RetryAsked || p.SignIn != "") {
			once := *p // the old one may be on its way to the window
			once.Retry, once.SignIn = false, ""
			c.state.Problem = &once
			select {
			case retry <- act.Kind:
			default:
			}
		}
	}
}

// ask puts a question, one at a time, and waits for the answer. It returns [ErrNoWindow] where
// there can be no window; a window that goes away has answered with no.
func (c *Connection) ask(ctx context.Context, q view.Question) (view.Answer, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return view.Answer{}, problem.New(problem.Cancelled, "Cancelled.", "", ctx.Err())
	}
	answered := make(chan view.Answer, 1)
	c.mu.Lock()
	if c.window == windowImpossible || c.window == windowGone {
		c.mu.Unlock()
		return view.Answer{}, ErrNoWindow
	}
	c.asked++
	q.ID = c.asked
	c.state.Question, c.pending, c.wanted = &q, answered, true
	c.mu.Unlock()
	c.change(func() {})
	defer c.change(func() { c.state.Question = nil })
	for {
		c.mu.Lock()
		window, changed := c.window, c.changed
		c.mu.Unlock()
		select {
		case a := <-answered:
			return a, nil
		default:
		}
		if ctx.Err() != nil {
			return view.Answer{}, problem.New(problem.Cancelled, "Cancelled.", "", ctx.Err())
		}
		switch window {
		case windowImpossible:
			return view.Answer{}, ErrNoWindow
		case windowGone:
			return view.Answer{ID: q.ID}, nil
		}
		select {
		case a := <-answered:
			return a, nil
		case <-changed:
		case <-ctx.Done(): // said above
		}
	}
}

// Consent implements handler.Person.
func (c *Connection) Consent(ctx context.Context, link handler.Link) (handler.Answer, error) {
	a, err := c.ask(ctx, view.Question{Consent: &view.Consent{
		Space: Space(link.Space), MayRemember: link.Space.Account != "", // else nothing names what would be remembered
	}})
	if errors.Is(err, ErrNoWindow) {
		return c.options.Fallback.Consent(ctx, link)
	}
	if err != nil {
		return handler.Cancel, err
	}
	switch a.Choice {
	case view.Yes:
		return handler.ConnectOnce, nil
	case view.Remember:
		return handler.ConnectAndRemember, nil
	}
	return handler.Cancel, nil
}

// Approve implements handler.Person.
func (c *Connection) Approve(ctx context.Context, p handler.Proposal) (bool, error) {
	yes, known, err := c.offer(ctx, p)
	if err != nil && !errors.Is(err, ErrNoWindow) {
		return false, err
	}
	if known {
		return yes, nil
	}
	var a view.Answer
	if err == nil {
		a, err = c.ask(ctx, view.Question{Change: &view.Change{Kind: c.kind(p.Key), Title: p.Title, Text: p.Text, Diff: p.Diff, Cautious: p.Cautious}})
	}
	if errors.Is(err, ErrNoWindow) {
		return c.options.Fallback.Approve(ctx, p)
	}
	return a.Choice == view.Yes, err
}

func (c *Connection) kind(key string) view.ItemKind {
	if c.options.Kind == nil {
		return ""
	}
	return c.options.Kind(key)
}

// offer shows the first-run screen once and returns what it says of p.
func (c *Connection) offer(ctx context.Context, p handler.Proposal) (yes, known bool, err error) {
	// What is to be judged is no set-up, and neither is signing in.
	if c.options.FirstRun == nil || p.Cautious || c.kind(p.Key) == view.SignInNow {
		return false, false, nil
	}
	if c.offered != nil {
		yes, known = c.offered[p.Key]
		return yes, known, nil
	}
	setup, err := c.options.FirstRun.Offer(ctx, p)
	if err != nil {
		return false, false, err
	}
	c.offered = map[string]bool{}
	proposed := map[string]bool{}
	for _, item := range setup.Items {
		if item.State == view.Proposed && len(item.Options) == 0 {
			proposed[item.Key] = false
		}
	}
	if _, in := proposed[p.Key]; !in || len(proposed) < 2 {
		return false, false, nil
	}
	a, err := c.ask(ctx, view.Question{Setup: &setup})
	if err != nil {
		return false, false, err
	}
	c.offered = proposed
	if a.Choice != view.Yes {
		return false, true, nil
	}
	for _, key := range a.Keys {
		if _, in := proposed[key]; in {
			proposed[key] = true
		}
	}
	return proposed[p.Key], true, c.options.FirstRun.Take(ctx, a)
}
