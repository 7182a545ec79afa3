package tray

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Source tells the tray what there is.
type Source interface {
	// Follow calls f with a snapshot, at once and at every change, until ctx
	// is done. f is called by one goroutine at a time.
	Follow(ctx context.Context, f func(Snapshot)) error
	// Figures asks the tunnels how they are now.
	Figures(ctx context.Context) ([]Tunnel, error)
}

// Actor does what was clicked.
type Actor interface {
	// Act starts what the action asks for and returns when it has come to an
	// end, or runs by itself. An error is told to the person.
	Act(ctx context.Context, a Action) error
}

// Notifier tells a person who does not look.
type Notifier interface {
	// Notify shows the notice. It does not wait for the person; what they
	// choose is given to chosen, later and from another goroutine.
	Notify(ctx context.Context, n Notice, chosen func(Action)) error
}

// Tray is a tray that is not shown yet.
type Tray struct {
	Source   Source
	Actor    Actor
	Notifier Notifier
	Log      *slog.Logger
	// Rest is called when nothing has happened for a while: the time to give
	// memory back. It may be nil.
	Rest func()
}

const (
	// figuresEvery is how often the figures are new while the menu is open.
	figuresEvery = time.Second
	// figuresFor is how often in a row: no system tells when the menu closes.
	figuresFor = 15
	// restAfter is how long nothing happens before that is rest.
	restAfter = 2 * time.Second
)

// ErrUnsupported says that this build, or this session, can have no tray.
var ErrUnsupported = errors.New("there is no place for a tray")

// loop owns the state: everything that happens comes in here.
type loop struct {
	*Tray
	draw  func(State, time.Time)
	now   func() time.Time
	state State

	shots   chan Snapshot
	clicks  chan Action
	opened  <-chan struct{} // the menu was opened; may be nil
	figures chan []Tunnel
	done    chan outcome
	wait    sync.WaitGroup
}

// outcome is how an action ended.
type outcome struct {
	action Action
	err    error
}

func (t *Tray) newLoop(draw func(State, time.Time), opened <-chan struct{}) *loop {
	return &loop{
		Tray: t, draw: draw, now: time.Now, opened: opened,
		shots: make(chan Snapshot), clicks: make(chan Action),
		figures: make(chan []Tunnel), done: make(chan outcome),
	}
}

// run works until ctx is done, the person quits, or the source fails.
func (l *loop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.wait.Wait()
	defer cancel()
	failed := make(chan error, 1)
	l.wait.Go(func() {
		failed <- l.Source.Follow(ctx, func(shot Snapshot) {
			select {
			case l.shots <- shot:
			case <-ctx.Done():
			}
		})
	})
	var (
		ticker *time.Ticker // only while the menu is open
		tick   <-chan time.Time
		ticks  int
		asking bool
	)
	rest := time.NewTimer(restAfter)
	defer rest.Stop()
	// One timer, for the first moment at which a connection may be idle for too
	// long; none where there is no connection.
	idle := time.NewTimer(0)
	idle.Stop()
	defer idle.Stop()
	watchIdle := func() {
		idle.Stop()
		if at := l.state.NextLook(); !at.IsZero() {
			idle.Reset(at.Sub(l.now()))
		}
	}
	still := func() {
		if ticker != nil {
			ticker.Stop()
			ticker, tick = nil, nil
			l.state = l.state.Still()
			l.draw(l.state, l.now())
		}
	}
	defer func() {
		if ticker != nil {
			ticker.Stop()
		}
	}()
	ask := func() {
		if asking {
			return
		}
		asking = true
		l.wait.Go(func() { l.ask(ctx) })
	}
	for {
		select {
		case <-rest.C:
			if l.Rest != nil {
				l.Rest()
			}
			continue // and no timer until something happens
		case shot := <-l.shots:
			now := l.now()
			next := l.state.Next(shot, now)
			l.tell(ctx, Notices(l.state, next, now))
			l.state = next
			watchIdle()
			l.draw(l.state, now)
		case <-idle.C:
			ask()
		case <-l.opened:
			ticks = 0
			if ticker == nil && len(l.state.Connections) > 0 {
				ticker = time.NewTicker(figuresEvery)
				tick = ticker.C
				ask()
			}
		case <-tick:
			if ticks++; ticks >= figuresFor {
				still()
			} else {
				ask()
			}
		case tunnels := <-l.figures:
			asking = false
			now := l.now()
			var notices []Notice
			l.state, notices = l.state.Idle(tunnels, now)
			l.tell(ctx, notices)
			watchIdle()
			if ticker != nil {
				l.state = l.state.Figures(tunnels, now)
				l.draw(l.state, now)
			}
		case action := <-l.clicks:
			if action.Do == Quit {
				return nil
			}
			l.click(ctx, action)
		case o := <-l.done:
			if o.action.Do == CloseQuit && o.err == nil {
				return nil
			}
			l.state = l.state.Answered(o.action.Alias)
			l.draw(l.state, l.now())
			if o.err != nil {
				l.tell(ctx, []Notice{failure(o)})
			}
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-ctx.Done():
			return nil
		}
		rest.Reset(restAfter)
	}
}

// failure tells what a click did not lead to.
func failure(o outcome) Notice {
	title := "That did not work"
	switch o.action.Do {
	case Connect, Reconnect, OpenIDE:
		title = o.action.Alias + " could not be opened"
	case Disconnect:
		title = o.action.Alias + " could not be disconnected"
	case Stop:
		title = o.action.Alias + " could not be stopped"
	}
	p := problem.From(o.err)
	return Notice{About: o.action.Alias, Title: title, Body: sentences(p.Sentence, p.Hint), For: 30 * time.Second}
}

func (l *loop) ask(ctx context.Context) {
	tunnels, err := l.Source.Figures(ctx)
	if err != nil {
		l.Log.Debug("no figures", "error", err)
	}
	select {
	case l.figures <- tunnels:
	case <-ctx.Done():
	}
}

func (l *loop) click(ctx context.Context, a Action) {
	now := l.now()
	switch a.Do {
	case Dismiss:
		l.state = l.state.Dismiss(a.Alias)
		l.draw(l.state, now)
		return
	case Connect, Reconnect:
		l.state = l.state.Asked(a.Alias, now)
		l.draw(l.state, now)
	}
	l.wait.Go(func() {
		err := l.Actor.Act(ctx, a)
		if err != nil {
			l.Log.Warn("an action of the tray failed", "action", string(a.Do), "alias", a.Alias, "error", err)
		}
		select {
		case l.done <- outcome{a, err}:
		case <-ctx.Done():
		}
	})
}

func (l *loop) tell(ctx context.Context, notices []Notice) {
	for _, n := range notices {
		l.wait.Go(func() {
			chosen := func(a Action) {
				select {
				case l.clicks <- a:
				case <-ctx.Done():
				}
			}
			if err := l.Notifier.Notify(ctx, n, chosen); err != nil {
				l.Log.Info("a notification was not shown", "title", n.Title, "error", err)
			}
		})
	}
}
