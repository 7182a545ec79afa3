package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// ideKey names the choice of an IDE.
const ideKey = "ide"

// setupInWindow is setup on one screen.
func (p *program) setupInWindow(ctx context.Context) error {
	nowhere := func(cause error) error {
		return problem.New(problem.NotSupported, "No window could be opened.", "Run spacehatch setup in a terminal; it asks there.", cause)
	}
	window := ""
	if p.windows != nil {
		window = p.windows(true)
	}
	if window == "" {
		return nowhere(nil)
	}
	q, err := p.parts()
	if err != nil {
		return err
	}
	if _, err := q.obeyInterception(ctx); err != nil {
		return err
	}
	w := &setupWindow{program: p, parts: q, makers: map[string]func(context.Context) error{}}
	s, err := w.plan(ctx)
	if err != nil {
		return err
	}
	_, err = desktop.Setup(ctx, window, s, func(ctx context.Context, a view.Answer, show func(view.Setup)) {
		w.carryOut(ctx, s, a, show)
	})
	switch {
	case errors.Is(err, context.Canceled):
		return problem.New(problem.Cancelled, "Cancelled; what was set up until then stays.", "`spacehatch uninstall` takes it back.", err)
	case err != nil:
		return nowhere(err)
	case w.failed != nil:
		return errSilent{w.failed} // the window says it
	}
	return nil
}

// setupWindow is one set-up on a screen.
type setupWindow struct {
	*program
	*parts
	installed []editor.Installation
	makers    map[string]func(context.Context) error // by the key of an item
	failed    *problem.Problem                       // of the first item that failed
}

// plan finds what can be set up. Whatever cannot be looked at is told in its
// line, and keeps nothing else from being set up.
func (w *setupWindow) plan(ctx context.Context) (view.Setup, error) {
	s := view.Setup{ID: 1, Stage: view.Choosing}
	changes, err := sshChanges{w.parts}.Changes(ctx, session.Space{})
	s.Items = append(s.Items, w.items(view.SSHConfig, changes, err)...)
	if w.installed, err = editor.Installed(ctx); err != nil {
		return view.Setup{}, err
	}
	s.Items = append(s.Items, w.editorItems(ctx)...)
	scheme, err := installer.NewScheme(w.state)
	if err != nil {
		return view.Setup{}, err
	}
	changes, err = schemeChanges{scheme, w.parts}.Changes(ctx, session.Space{})
	s.Items = append(s.Items, w.items(view.Links, changes, err)...)
	if tray.Supported {
		changes, err = loginChanges{w.parts}.Changes(ctx, session.Space{})
		s.Items = append(s.Items, w.items(view.Login, changes, err)...)
	}
	s.Items = append(s.Items, view.Item{Key: "agent", Kind: view.Agent, State: view.Off})
	return s, nil
}

// items are the lines for changes, or for what kept us from finding them.
func (w *setupWindow) items(kind view.ItemKind, changes []handler.Change, err error) []view.Item {
	if err != nil {
		return []view.Item{{Key: string(kind), Kind: kind, State: view.Unapplied, Problem: desktop.Problem(problem.From(err))}}
	}
	for _, c := range changes {
		w.makers[c.Describe().Key] = c.Apply
	}
	items := itemsOf(kind, changes)
	for i := range items {
		// What was declined before is there to be chosen, and not chosen.
		items[i].Chosen = items[i].Chosen && !w.store.Settled(items[i].Key)
	}
	return items
}

func (w *setupWindow) editorItems(ctx context.Context) []view.Item {
	chosen, err := editor.Choose("", w.settings.Editor, w.installed)
	if err != nil {
		return []view.Item{{Key: ideKey, Kind: view.IDE, State: view.Off}}
	}
	ide := view.Item{Key: ideKey, Kind: view.IDE, Name: chosen.Editor.Title, State: view.Present}
	if len(w.installed) > 1 {
		ide.State, ide.Option = view.Proposed, chosen.Editor.Name
		for _, i := range w.installed {
			ide.Options = append(ide.Options, view.Option{Key: i.Editor.Name, Title: i.Editor.Title})
		}
	}
	items := []view.Item{ide}
	for i, found := range w.lacks(ctx) {
		more := w.items("", found.changes, found.err)
		for at := range more {
			more[at].Editor = w.installed[i].Editor.Title
			more[at].Chosen = more[at].Chosen && w.installed[i].Editor.Name == chosen.Editor.Name
			if found.err != nil {
				more[at].Kind, more[at].Key = view.Extension, w.installed[i].Path
			}
		}
		items = append(items, more...)
	}
	return items
}

// lack is what one IDE lacks, or why that is not known.
type lack struct {
	changes []handler.Change
	err     error
}

// lacks asks every installed IDE, all at once since each takes about a second.
func (w *setupWindow) lacks(ctx context.Context) []lack {
	space, err := w.lastSpace()
	found := make([]lack, len(w.installed))
	var asked sync.WaitGroup
	for at, i := range w.installed {
		if found[at].err = err; err != nil {
			continue
		}
		asked.Go(func() { found[at].changes, found[at].err = w.lacksOf(ctx, installation{w.parts, i, true}, space) })
	}
	asked.Wait()
	return found
}

// lacksOf leaves the settings to the first connection where no space is known
// yet: they name the space.
func (w *setupWindow) lacksOf(ctx context.Context, i installation, space session.Space) ([]handler.Change, error) {
	if space.Alias != "" {
		return i.Changes(ctx, space)
	}
	if missing, err := i.lacksExtension(ctx); err != nil || !missing {
		return nil, err
	}
	return []handler.Change{extensionChange{i}}, nil
}

// lastSpace is the space that was used last; without an alias where there is
// none.
func (w *setupWindow) lastSpace() (session.Space, error) {
	spaces, err := w.store.Spaces()
	if err != nil || len(spaces) == 0 {
		return session.Space{}, err
	}
	return slices.MaxFunc(spaces, func(a, b session.Space) int { return a.LastUsed.Compare(b.LastUsed) }), nil
}

// carryOut makes what was chosen, one after the other, and shows each.
func (w *setupWindow) carryOut(ctx context.Context, s view.Setup, a view.Answer, show func(view.Setup)) {
	s.Items = slices.Clone(s.Items)
	tell := func(stage view.Stage) {
		s.Stage = stage
		shown := s
		shown.Items = slices.Clone(s.Items)
		show(shown)
	}
	for i := range s.Items {
		item := &s.Items[i]
		switch {
		case item.State != view.Proposed:
			continue
		case item.Key == ideKey:
			w.makers[ideKey] = func(context.Context) error { return w.prefer(item, a.Options[ideKey]) }
		case !slices.Contains(a.Keys, item.Key):
			item.State = view.Declined
			w.keepAnswer(ctx, item.Key, false)
			continue
		}
		item.State = view.Applying
		tell(view.Making)
		if err := w.makers[item.Key](ctx); err != nil {
			found := problem.From(err)
			item.State, item.Problem = view.Unapplied, desktop.Problem(found)
			if w.failed == nil {
				w.failed = found
			}
			continue
		}
		item.State = view.Applied
		w.keepAnswer(ctx, item.Key, true)
	}
	tell(view.Made)
}

// keepAnswer remembers what was said to an item; the worst that comes of a
// failure is that it is asked about again.
func (w *setupWindow) keepAnswer(ctx context.Context, key string, yes bool) {
	if err := w.rememberAnswer(ctx, key, yes); err != nil {
		w.log.Warn("an answer was not remembered", "error", err)
	}
}

// rememberAnswer keeps a no to what connections can do without, so that they do not
// ask about it again, and forgets one that has become a yes.
func (q *parts) rememberAnswer(ctx context.Context, key string, yes bool) error {
	switch {
	case key == sshConfigKey || key == ideKey:
		return nil // without the first no ssh finds a space; the second is a choice
	case yes:
		return q.store.Unsettle(ctx, key)
	default:
		return q.store.Settle(ctx, key)
	}
}

// prefer writes the IDE that was chosen into the settings, where that is
// another one than before.
func (w *setupWindow) prefer(item *view.Item, name string) error {
	at := slices.IndexFunc(w.installed, func(i editor.Installation) bool { return i.Editor.Name == name })
	if at < 0 {
		return fmt.Errorf("the window chose an IDE that was not offered")
	}
	item.Name = w.installed[at].Editor.Title
	if name == item.Option {
		return nil
	}
	return settings.Set(w.file, settings.KeyEditor, name)
}
