package desktop

import (
	"context"
	"sync"

	"github.com/spacehatch/spacehatch/app/view"
)

// Work is what stands behind a panel. Its methods are called one at a time, on
// the goroutine of [RunPanel], and return soon: what takes longer is done by
// [Panel.Go]. So its fields need no lock.
type Work interface {
	// Begin returns what is shown first. It is called once, and may begin work.
	Begin(p *Panel) view.Screen
	// Do does what the person asks for, and shows it by [Panel.Show].
	Do(wish view.Wish)
}

// PanelOptions say which window it is.
type PanelOptions struct {
	// Program is the path of spacehatch-desktop ([Find]).
	Program string
	// Folder is an owner-only folder, in which the windows that are open are
	// found (paths.MakeRuntime).
	Folder string
	// Name is the kind of window: a-z and -. About says what it is about, where
	// there is one for each of several things. There is one window of each.
	Name, About string
}

// Panel is a window that stays: it shows a value for as long as the person
// wants, who acts on it, and then it shows the next value.
type Panel struct {
	process *Process
	screen  view.Screen
	front   int
	todo    chan func()
	ctx     context.Context // of the work
	over    bool            // nothing more is begun or shown
	work    sync.WaitGroup
}

// RunPanel opens a window, shows what work shows, and tells it what the person
// asks for. It returns nil when the person has closed the window, and when ctx
// has ended; either way it first waits for what was begun by [Panel.Go].
// Without a window it returns [ErrNoWindow], and [ErrOpen] where the same one
// is open already: then that one is in front now.
func RunPanel(ctx context.Context, o PanelOptions, work Work) error {
	return runPanel(ctx, o, work, func(first view.Screen) (*Process, error) { return Start(ctx, o.Program, first) })
}

func runPanel(ctx context.Context, o PanelOptions, work Work, open func(view.Screen) (*Process, error)) error {
	mine, err := claim(ctx, o)
	if err != nil {
		return err
	}
	defer mine.release()
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &Panel{todo: make(chan func()), ctx: working}
	p.screen = work.Begin(p)
	p.process, err = open(p.screen)
	if err != nil {
		cancel()
		p.finish()
		return err
	}
	p.run(mine.raised, work)
	mine.release() // who asks for this window from now on gets a new one
	cancel()
	p.finish()
	p.process.End()
	return nil
}

// run passes wishes on until the window is gone or the context has ended.
func (p *Panel) run(raised <-chan struct{}, work Work) {
	for {
		select {
		case act, ok := <-p.process.Acts():
			if !ok {
				return
			}
			if act.Kind == view.Wished && act.Wish != nil {
				work.Do(*act.Wish)
			}
		case f := <-p.todo:
			f()
		case <-raised:
			p.front++
			p.Show(p.screen)
		case <-p.ctx.Done():
			return
		}
	}
}

// finish waits for the work that was begun, and does what it hands over.
func (p *Panel) finish() {
	p.over = true
	ended := make(chan struct{})
	go func() { // waited for below
		p.work.Wait()
		close(ended)
	}()
	for {
		select {
		case f := <-p.todo:
			f()
		case <-ended:
			return
		}
	}
}

// Show has the window show s. It is for the goroutine of RunPanel.
func (p *Panel) Show(s view.Screen) {
	s.Front = p.front
	p.screen = s
	if p.process != nil && !p.over {
		p.process.Show(s)
	}
}

// Go does work by itself; its context ends when the window has gone. It hands
// over what it finds by [Panel.Then]. Go is for the goroutine of RunPanel, and
// begins nothing once the window has gone.
func (p *Panel) Go(work func(ctx context.Context)) {
	if !p.over {
		p.work.Go(func() { work(p.ctx) })
	}
}

// Then runs f on the goroutine of RunPanel and returns when it has begun. It is
// for work that was begun by [Panel.Go].
func (p *Panel) Then(f func()) { p.todo <- f }
