package main

import (
	"context"
	"slices"
	"time"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// detailsEvery is how often the figures are new while the window is there.
const detailsEvery = time.Second

// detailsWindow is one connection in a window. It implements desktop.Work.
type detailsWindow struct {
	*places
	space session.Space
	act   func(context.Context, tray.Action) error
	panel *desktop.Panel

	live     bool // a tunnel is open
	silent   bool // and does not answer
	statuses []registry.Status
	doing    string
	failed   *problem.Problem // of the last wish
}

func (p *program) detailsWindow(ctx context.Context, q *places, space session.Space) error {
	actor := tray.Programs{Spacehatch: q.executable, Detached: detached, Scratch: q.runtime, Lookup: p.lookup}
	return p.panel(ctx, desktop.PanelOptions{Name: "details", About: space.Alias},
		&detailsWindow{places: q, space: space, act: actor.Act},
		"`spacehatch status "+space.Alias+"` says the same in a terminal.")
}

// Begin implements desktop.Work.
func (w *detailsWindow) Begin(p *desktop.Panel) view.Screen {
	w.panel = p
	p.Go(w.follow)
	p.Go(w.measure)
	return w.screen()
}

// follow tells of tunnels that come, change and end.
func (w *detailsWindow) follow(ctx context.Context) {
	err := registry.Watch(ctx, w.runtime, func(all []registry.Status) {
		mine := tunnelsOf(all, w.space.Alias)
		ended := slices.IndexFunc(mine, func(s registry.Status) bool { return s.State != registry.Closed }) < 0
		if !ended {
			if all, err := registry.List(ctx, w.runtime); err == nil {
				if now := tunnelsOf(all, w.space.Alias); len(now) > 0 {
					mine = now // with new figures
				}
			}
		}
		w.panel.Then(func() {
			if w.live = !ended; w.live || len(mine) > 0 { // an end is told once, and stays
				w.statuses = mine
			}
			w.show()
		})
	})
	if err != nil {
		w.panel.Then(func() {
			w.failed = problem.From(err)
			w.show()
		})
	}
}

// measure gets new figures for as long as the window is there.
func (w *detailsWindow) measure(ctx context.Context) {
	tick := time.NewTicker(detailsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		all, err := registry.List(ctx, w.runtime)
		if err != nil {
			continue // Watch tells, where it stays so
		}
		fresh := tunnelsOf(all, w.space.Alias)
		// One that does not answer does not tell whose it is either.
		silent := len(fresh) == 0 && slices.ContainsFunc(all, func(s registry.Status) bool { return s.State == registry.Unresponsive })
		w.panel.Then(func() {
			if !w.live {
				return
			}
			if w.silent = silent; len(fresh) > 0 {
				w.statuses = fresh
			}
			w.show()
		})
	}
}

// Do implements desktop.Work.
func (w *detailsWindow) Do(wish view.Wish) {
	do, known := map[string]tray.Do{
		view.OpenIDE: tray.OpenIDE, view.Reconnect: tray.Reconnect, view.Disconnect: tray.Disconnect,
	}[wish.Do]
	if !known || w.doing != "" {
		return
	}
	w.doing, w.failed = wish.Do, nil
	w.show()
	w.panel.Go(func(ctx context.Context) {
		err := w.act(ctx, tray.Action{Do: do, Alias: w.space.Alias})
		w.panel.Then(func() {
			w.doing, w.failed = "", problem.From(err)
			w.show()
		})
	})
}

func (w *detailsWindow) show() { w.panel.Show(w.screen()) }

func (w *detailsWindow) screen() view.Screen {
	v := detailsOf(w.space, w.statuses, time.Now())
	v.Doing = w.doing
	if w.live && w.silent {
		v.Phase = view.PhaseSilent
	}
	if w.failed != nil {
		v.Problem = desktop.Problem(w.failed)
	}
	return view.Screen{Details: &v}
}
