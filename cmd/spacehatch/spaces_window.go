package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// maxRows is how many spaces a window shows: as many as fit one message to it.
const maxRows = 1500

// spacesWindow is the list of spaces in a window. It implements desktop.Work.
type spacesWindow struct {
	*program
	*parts
	flags spacesFlags
	// command runs one of our own commands to its end; it goes on by itself
	// where its context ends.
	command func(ctx context.Context, args ...string) error
	panel   *desktop.Panel

	shown view.Spaces
	open  map[string]string        // the aliases of what is connected, by ARN
	under map[string]*undertaking  // what is being done, by the key of a row
	ended map[string]*view.Problem // what was not done, by the key of a row
	turn  chan struct{}            // held by who asks
	asked int                      // questions so far
	heard func(choice view.Choice) // of the question in shown
}

// undertaking is something that is being done with a space.
type undertaking struct {
	wish, waiting string
	cancel        context.CancelFunc
}

func (p *program) spacesInWindow(ctx context.Context, f spacesFlags) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	actor := tray.Programs{Spacehatch: q.executable, Detached: detached, Scratch: q.runtime, Lookup: p.lookup}
	return p.panel(ctx, desktop.PanelOptions{Name: "spaces"}, &spacesWindow{
		program: p, parts: q, flags: f, command: actor.Command,
		open: map[string]string{}, under: map[string]*undertaking{}, turn: make(chan struct{}, 1),
		ended: map[string]*view.Problem{},
	}, "`spacehatch spaces` lists them in a terminal.")
}

// Begin implements desktop.Work.
func (w *spacesWindow) Begin(p *desktop.Panel) view.Screen {
	w.panel = p
	w.list()
	p.Go(w.follow)
	return w.screen()
}

// Do implements desktop.Work.
func (w *spacesWindow) Do(wish view.Wish) {
	busy, at := w.under[wish.Key], w.rowAt(wish.Key)
	switch {
	case wish.Do == view.ListAgain && !w.shown.Loading:
		w.list()
	case wish.Do == view.ListAll && !w.shown.Loading:
		w.flags.filter = spaces.Filter{All: true}
		w.list()
	case wish.Do == view.SignInFirst && !w.shown.Loading && w.shown.Problem != nil && w.shown.Problem.SignIn != "":
		// It has a window of its own, and says there what went wrong.
		w.shown.Loading = true
		w.run("", func(error) { w.list() }, "signin", "--window", "--profile="+w.shown.Problem.SignIn)
	case wish.Do == view.CancelSpace && busy != nil && busy.cancel != nil:
		busy.cancel()
	case wish.Do == view.AnswerSpace && w.shown.Question != nil && w.shown.Question.Key == wish.Key:
		w.heard(view.Choice(wish.Value))
	case at >= 0 && busy == nil:
		w.begin(wish, w.shown.Rows[at])
	}
	w.show()
}

// begin begins what is asked for a row with which nothing is being done.
func (w *spacesWindow) begin(wish view.Wish, row view.SpaceRow) {
	switch wish.Do {
	case view.StartSpace:
		w.undertake(wish, row, func(ctx context.Context, c *handler.Connector, space session.Space) error {
			return c.Start(ctx, space, handler.Options{})
		})
	case view.StopSpace:
		w.undertake(wish, row, func(ctx context.Context, c *handler.Connector, space session.Space) error {
			ran, err := c.Stop(ctx, space, handler.Options{})
			if err == nil && ran {
				_, err = w.closeTunnels(ctx, space.Alias) // they lead nowhere now
			}
			return err
		})
	case view.ConnectSpace:
		// It has a window of its own, for all that it asks and shows.
		w.under[row.Key] = &undertaking{wish: wish.Do}
		w.run(row.Key, func(err error) { w.done(row.Key, err) },
			append(append([]string{"connect"}, w.flags.aws.args()...), "--", row.Key)...)
	case view.ShowDetails:
		if alias := w.open[row.Key]; alias != "" {
			w.run(row.Key, func(err error) { w.fail(row.Key, err) }, "status", "--window", "--", alias)
		}
	}
}

// follow tells which spaces are connected.
func (w *spacesWindow) follow(ctx context.Context) {
	err := registry.Watch(ctx, w.runtime, func(all []registry.Status) {
		open := map[string]string{}
		for _, s := range all {
			if s.State == registry.Connected || s.State == registry.Waiting || s.State == registry.Reconnecting || s.State == registry.Paused {
				open[s.SpaceARN] = s.Alias
			}
		}
		w.panel.Then(func() {
			w.open = open
			w.show()
		})
	})
	if err != nil {
		w.log.Warn("the window does not know what is connected", "error", err)
	}
}

// list begins to get the list. The old one stays until there is a new one.
func (w *spacesWindow) list() {
	w.shown.Loading, w.shown.Found = true, 0
	filter := w.flags.filter
	w.panel.Go(func(ctx context.Context) {
		l, filter, err := w.fetch(ctx, filter)
		w.panel.Then(func() {
			w.shown.Loading, w.shown.Problem = false, nil
			if err != nil {
				w.shown.Problem, w.shown.Rows = desktop.Problem(problem.From(err)), nil
			} else {
				w.listed(l, filter)
			}
			w.show()
		})
	})
}

// fetch gets the list from AWS, narrowed as the person asked, or as last time;
// the filter that it returns says how.
func (w *spacesWindow) fetch(ctx context.Context, filter spaces.Filter) (spaces.Listing, spaces.Filter, error) {
	client, err := w.openSpaces(ctx, w.parts.places, w.flags.aws)
	if err != nil {
		return spaces.Listing{}, filter, err
	}
	filter, asked := w.narrowed(client.Region(), filter)
	w.panel.Then(func() {
		w.shown.Region = client.Region()
		w.show()
	})
	l, err := client.List(ctx, filter, func(now spaces.Progress) {
		w.panel.Then(func() {
			w.shown.Found = now.Spaces
			w.show()
		})
	})
	if err != nil {
		return l, filter, err
	}
	w.addLastUsed(l.Spaces)
	if asked {
		w.rememberFilter(ctx, w.parts.places, client.Region(), filter)
	}
	return l, filter, nil
}

// whose says to whom a list was narrowed.
func whose(f spaces.Filter, mine string) string {
	var parts []string
	if f.Domain != "" {
		parts = append(parts, "domain "+f.Domain)
	}
	for _, name := range []string{f.UserProfile, mine} {
		if name != "" {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, ", ")
}

// listed takes a new list over.
func (w *spacesWindow) listed(l spaces.Listing, f spaces.Filter) {
	v := &w.shown
	v.Region, v.Hidden, v.Whose = l.Region, l.Hidden, whose(f, l.Mine)
	v.Notices, v.Rows = nil, nil
	for _, n := range l.Notices {
		v.Notices = append(v.Notices, *desktop.Problem(n))
	}
	v.More = max(0, len(l.Spaces)-maxRows)
	for _, s := range l.Spaces[:len(l.Spaces)-v.More] {
		v.Rows = append(v.Rows, rowOf(s))
	}
}

// rowOf is what a window tells of a space.
func rowOf(s spaces.Space) view.SpaceRow {
	r := view.SpaceRow{
		Key: s.ARN, Name: s.Name, Domain: s.Domain, Owner: s.Owner, App: s.App,
		Status: view.SpaceStatus(s.Status), Instance: s.InstanceType, Remote: s.RemoteAccess,
	}
	if s.LastUsed != nil {
		r.Used = s.LastUsed.Local().Format("2006-01-02 15:04")
	}
	return r
}

// undertake begins to do something with a space, which may ask the person, and
// looks afterwards how the space is.
func (w *spacesWindow) undertake(wish view.Wish, row view.SpaceRow, do func(context.Context, *handler.Connector, session.Space) error) {
	u := &undertaking{wish: wish.Do}
	w.under[row.Key] = u
	delete(w.ended, row.Key)
	c, studio := w.connector(w.parts), w.awsStudio(w.parts.places, w.flags.aws)
	c.Studio, c.Person = studio, spacePerson{w, wish.Do}
	c.Report = func(e handler.Event) {
		w.panel.Then(func() {
			u.waiting = e.Detail
			w.show()
		})
	}
	w.panel.Go(func(open context.Context) {
		ctx, cancel := context.WithCancel(open)
		defer cancel()
		w.panel.Then(func() { u.cancel = cancel })
		space, err := w.space(ctx, row.Key)
		if err == nil {
			space.UserProfile, space.AppType = row.Owner, row.App
			err = do(ctx, c, space)
		}
		plan, lookErr := studio.Look(open, space)
		w.panel.Then(func() {
			w.done(row.Key, err)
			if i := w.rowAt(row.Key); lookErr == nil && i >= 0 {
				now := rowOf(plan.Space)
				now.Used = w.shown.Rows[i].Used // by this computer
				w.shown.Rows[i] = now
			}
			w.show()
		})
	})
}

// run begins to run a command of ours for a row.
func (w *spacesWindow) run(key string, ended func(error), args ...string) {
	delete(w.ended, key)
	w.panel.Go(func(ctx context.Context) {
		err := w.command(ctx, args...)
		w.panel.Then(func() {
			ended(err)
			w.show()
		})
	})
}

// done says what became of what was asked for a row.
func (w *spacesWindow) done(key string, err error) {
	delete(w.under, key)
	w.fail(key, err)
}

// fail shows a problem in its row. A no of the person needs no words.
func (w *spacesWindow) fail(key string, err error) {
	if found := problem.From(err); found != nil && found.Code != problem.Cancelled {
		w.ended[key] = desktop.Problem(found)
	}
}

func (w *spacesWindow) rowAt(key string) int {
	return slices.IndexFunc(w.shown.Rows, func(r view.SpaceRow) bool { return r.Key == key })
}

func (w *spacesWindow) show() { w.panel.Show(w.screen()) }

func (w *spacesWindow) screen() view.Screen {
	v := w.shown
	v.Rows = slices.Clone(v.Rows)
	for i := range v.Rows {
		r := &v.Rows[i]
		r.Connected = w.open[r.Key] != ""
		r.Problem = w.ended[r.Key]
		if u := w.under[r.Key]; u != nil {
			r.Doing, r.Waiting = u.wish, u.waiting
		}
	}
	return view.Screen{Spaces: &v}
}

// spacePerson asks in the window. It implements handler.Person.
type spacePerson struct {
	*spacesWindow
	wish string
}

// Consent implements handler.Person; nothing here comes from a link.
func (p spacePerson) Consent(context.Context, handler.Link) (handler.Answer, error) {
	return handler.Cancel, nil
}

// Approve implements handler.Person. Questions are asked one after the other.
func (p spacePerson) Approve(ctx context.Context, proposal handler.Proposal) (bool, error) {
	cancelled := func() (bool, error) { return false, problem.New(problem.Cancelled, "Cancelled.", "", ctx.Err()) }
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return cancelled()
	}
	defer func() { <-p.turn }()
	answers := make(chan view.Choice, 1)
	ask := func(q *view.SpaceQuestion, heard func(view.Choice)) {
		p.panel.Then(func() {
			p.asked++
			if q != nil {
				q.Key = fmt.Sprint("q", p.asked)
			}
			p.shown.Question, p.heard = q, heard
			p.show()
		})
	}
	ask(&view.SpaceQuestion{Yes: p.wish, Change: view.Change{
		Title: proposal.Title, Text: proposal.Text, Diff: proposal.Diff, Cautious: proposal.Cautious,
	}}, func(c view.Choice) {
		select {
		case answers <- c:
		default: // it was answered
		}
	})
	defer ask(nil, nil)
	select {
	case c := <-answers:
		return c == view.Yes, nil
	case <-ctx.Done():
		return cancelled()
	}
}

// args are the flags again, for another command of ours.
func (f awsFlags) args() []string {
	var all []string
	if f.profile != "" {
		all = append(all, "--profile="+f.profile)
	}
	if f.region != "" {
		all = append(all, "--region="+f.region)
	}
	return all
}
