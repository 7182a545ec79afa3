package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// settingsInWindow is settings in a window. It implements desktop.Work. What
// changes something runs by itself, one after the other in the order in which
// the person asked for it, and is finished also where the window closes.
type settingsInWindow struct {
	*program
	panel *desktop.Panel
	shown view.Preferences
	space string // the alias of the one that is picked

	waiting []job // they have not begun
	working bool
	became  map[string]outcome // of the last change of each field
	last    string             // the field that was changed last
}

// job runs by itself, with the space that was picked when it began.
type job func(ctx context.Context, space string)

// outcome is what became of a change.
type outcome struct {
	setting bool
	asked   string // the value that the person asked for
	note    string
	problem *view.Problem
}

func (p *program) settingsWindow(ctx context.Context) error {
	w := &settingsInWindow{program: p, became: map[string]outcome{}}
	return p.panel(ctx, desktop.PanelOptions{Name: "settings"}, w, "`spacehatch settings` shows and changes them in a terminal.")
}

// Begin implements desktop.Work.
func (w *settingsInWindow) Begin(p *desktop.Panel) view.Screen {
	w.panel = p
	w.shown = w.collect(context.Background(), "")
	w.space = w.shown.Space
	return w.screen()
}

// Do implements desktop.Work.
func (w *settingsInWindow) Do(wish view.Wish) {
	if w.shown.Uninstall != nil {
		w.leave(wish)
		return
	}
	switch wish.Do {
	case view.SetField, view.ResetField:
		w.became[wish.Key] = outcome{setting: true, asked: wish.Value}
		w.do(func(ctx context.Context) func() {
			note, err := w.set(ctx, wish)
			return func() { w.settle(wish, note, err) }
		})
	case view.Forget:
		w.do(func(ctx context.Context) func() {
			err := w.forget(ctx, wish.Key)
			return func() { w.settle(wish, "", err) }
		})
	case view.PickSpace:
		w.space = wish.Key
		w.do(readAgain)
	case view.Reload:
		w.do(readAgain)
	case view.SetUpAgain:
		w.setUpAgain()
	case view.AskUninstall:
		w.shown.Uninstall = w.uninstalling(view.Choosing)
	}
	w.show()
}

func (w *settingsInWindow) show() { w.panel.Show(w.screen()) }

// screen is what is known now, with what became of the changes.
func (w *settingsInWindow) screen() view.Screen {
	shown := w.shown
	shown.Fields = w.withOutcomes(shown.Fields)
	shown.OfSpace = w.withOutcomes(shown.OfSpace)
	shown.Trusted = slices.Clone(shown.Trusted)
	for i := range shown.Trusted {
		shown.Trusted[i].Problem = w.became[shown.Trusted[i].Key].problem
	}
	return view.Screen{Preferences: &shown}
}

func (w *settingsInWindow) withOutcomes(fields []view.Field) []view.Field {
	fields = slices.Clone(fields)
	for i := range fields {
		f := &fields[i]
		became, ok := w.became[f.Key]
		if !ok {
			continue
		}
		f.Setting = became.setting
		if became.note != "" {
			f.Note = became.note
		}
		if became.problem != nil || became.setting {
			f.Value = became.asked
		}
		if became.problem != nil {
			f.Problem = became.problem
		}
		f.Saved = f.Key == w.last && became.problem == nil && !became.setting
	}
	return fields
}

// do makes a change after those that were asked for before, and then shows what
// there is. The change returns what is to be done with its outcome.
func (w *settingsInWindow) do(change func(context.Context) (settle func())) {
	w.waiting = append(w.waiting, func(ctx context.Context, space string) {
		settle := change(ctx)
		shown := w.collect(ctx, space)
		w.panel.Then(func() {
			settle()
			shown.SettingUp, shown.Uninstall = w.shown.SettingUp, w.shown.Uninstall
			w.shown, w.working = shown, false
			w.show()
			w.next()
		})
	})
	w.next()
}

// readAgain is a change that only has everything read again.
func readAgain(context.Context) func() { return func() {} }

func (w *settingsInWindow) next() {
	if w.working || len(w.waiting) == 0 {
		return
	}
	begin, space := w.waiting[0], w.space
	w.waiting, w.working = w.waiting[1:], true
	// What was begun is finished, also without its window.
	w.panel.Go(func(ctx context.Context) { begin(context.WithoutCancel(ctx), space) })
}

// settle notes what became of a wish.
func (w *settingsInWindow) settle(wish view.Wish, note string, err error) {
	w.last = wish.Key
	became := outcome{asked: wish.Value, note: note}
	if err != nil {
		became.problem = fieldProblem(err)
	}
	w.became[wish.Key] = became
}

// fieldProblem is what stands beside a field. What is allowed there is in the
// sentence; the example of a command line would only confuse.
func fieldProblem(err error) *view.Problem {
	found := desktop.Problem(problem.From(err))
	if found.Code == string(settings.Invalid) {
		found.Hint = ""
	}
	return found
}

// set changes a field, or takes it back.
func (w *settingsInWindow) set(ctx context.Context, wish view.Wish) (note string, err error) {
	c, err := w.preferences()
	if err != nil {
		return "", err
	}
	if scheme, ok := strings.CutPrefix(wish.Key, interceptPrefix); ok {
		return "", c.intercept(ctx, scheme, wish.Value == "true")
	}
	name, alias, _ := strings.Cut(wish.Key, " ")
	at, err := c.find(ctx, name, alias)
	if err != nil {
		return "", err
	}
	texts := []string{wish.Value}
	if _, list := at.initial.([]string); list {
		texts = strings.FieldsFunc(wish.Value, func(r rune) bool { return r == '\n' })
	}
	if wish.Do == view.ResetField || strings.TrimSpace(wish.Value) == "" {
		return at.set(ctx, nil)
	}
	value, err := at.Parse(texts)
	if err != nil {
		return "", at.Refuse(err)
	}
	return at.set(ctx, value)
}

// forget takes back the consent of that key.
func (w *settingsInWindow) forget(ctx context.Context, key string) error {
	q, err := w.places()
	if err != nil {
		return err
	}
	trusts, err := q.store.Trusts()
	if err != nil {
		return err
	}
	for _, t := range trusts {
		if trustKey(t) == key {
			return q.store.Distrust(ctx, t)
		}
	}
	return nil // somebody else has forgotten it
}

func trustKey(t session.Consent) string {
	return fmt.Sprintf("trust %s %s %s", t.Account, t.Region, t.Domain)
}

// setUpAgain shows the set-up in a window of its own, which stays when this one
// closes.
func (w *settingsInWindow) setUpAgain() {
	if w.shown.SettingUp {
		return
	}
	q, err := w.places()
	if err != nil {
		w.shown.Problem = desktop.Problem(problem.From(err))
		return
	}
	// Not exec.CommandContext: see above.
	cmd := exec.Command(q.executable, "setup", "--window")
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		w.shown.Problem = desktop.Problem(problem.From(err))
		return
	}
	w.shown.SettingUp = true
	ended := make(chan struct{})
	go func() { // ends with the set-up, or with this process
		_ = cmd.Wait() // its window has told what went wrong
		close(ended)
	}()
	w.panel.Go(func(ctx context.Context) {
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
		w.panel.Then(func() {
			w.shown.SettingUp = false
			w.do(readAgain)
			w.show()
		})
	})
}

// uninstalling is the way out at a stage.
func (w *settingsInWindow) uninstalling(stage view.Stage) *view.Uninstall {
	u := &view.Uninstall{Stage: stage}
	if q, err := w.places(); err == nil {
		u.Program = q.executable
	}
	for _, part := range undoParts() {
		u.Parts = append(u.Parts, view.Part{ID: part, State: view.Proposed})
	}
	return u
}

// leave is Do where everything is about to be taken away, or is.
func (w *settingsInWindow) leave(wish view.Wish) {
	u := w.shown.Uninstall
	switch {
	case wish.Do == view.KeepAll && u.Stage == view.Choosing:
		w.shown.Uninstall = nil
	case wish.Do == view.TakeAway && u.Stage != view.Making:
		w.takeAllAway(wish.Value == view.KeepSettings)
	}
	w.show()
}

func (w *settingsInWindow) takeAllAway(keepSettings bool) {
	u := w.uninstalling(view.Making)
	u.KeepSettings = keepSettings
	w.shown.Uninstall = u
	// What was asked for before and has not begun is not wanted any more.
	w.waiting = nil
	tell := func(change func(*view.Uninstall)) {
		w.panel.Then(func() {
			next := *w.shown.Uninstall
			next.Parts = slices.Clone(next.Parts)
			change(&next)
			w.shown.Uninstall = &next
			w.show()
		})
	}
	part := func(id string, state view.ItemState, p *problem.Problem) {
		tell(func(u *view.Uninstall) {
			i := slices.IndexFunc(u.Parts, func(p view.Part) bool { return p.ID == id })
			u.Parts[i].State = state
			if p != nil {
				u.Parts[i].Problem = desktop.Problem(p)
			}
		})
	}
	w.waiting = append(w.waiting, func(ctx context.Context, _ string) {
		if q, err := w.places(); err != nil {
			part(undoParts()[0], view.Unapplied, problem.From(err))
		} else {
			_ = w.takeAway(ctx, q, keepSettings,
				func(id string) { part(id, view.Applying, nil) },
				func(id, outcome string, failed *problem.Problem) {
					part(id, map[string]view.ItemState{undone: view.Applied, undoFailed: view.Unapplied, undoKept: view.Declined}[outcome], failed)
				})
		}
		tell(func(u *view.Uninstall) { u.Stage = view.Made })
		w.panel.Then(func() { w.working = false })
	})
	w.next()
}

// collect reads everything that is shown. Of a space that is not known the one
// that was used last is shown in its place.
func (w *settingsInWindow) collect(ctx context.Context, alias string) view.Preferences {
	c, err := w.preferences()
	if err != nil {
		v := view.Preferences{Problem: desktop.Problem(problem.From(err))}
		if v.File, err = settings.Path(); err == nil {
			v.Folder = filepath.Dir(v.File)
		}
		return v
	}
	v := view.Preferences{File: c.file, Fields: fieldsOf(ctx, c.machine(ctx), "")}
	// A switch for each scheme in place of a list.
	v.Fields = slices.DeleteFunc(v.Fields, func(f view.Field) bool { return f.Name == keyIntercept })
	v.Fields = append(v.Fields, c.interceptionFields(ctx)...)
	spaces, err := c.spaces()
	if err != nil {
		v.Problem = desktop.Problem(problem.From(err))
	}
	at := max(0, slices.IndexFunc(spaces, func(s session.Space) bool { return s.Alias == alias }))
	for i, space := range spaces {
		v.Spaces = append(v.Spaces, view.Option{Key: space.Alias, Title: space.Alias})
		if i == at {
			v.Space, v.About = space.Alias, desktop.Space(space)
			v.OfSpace = fieldsOf(ctx, c.of(space), " "+space.Alias)
		}
	}
	trusts, err := c.store.Trusts()
	if err != nil {
		v.Problem = desktop.Problem(problem.From(err))
	}
	for _, t := range trusts {
		v.Trusted = append(v.Trusted, view.Trusted{Key: trustKey(t), Account: t.Account, Domain: t.Domain, Region: t.Region})
	}
	return v
}

// fieldsOf are the fields of preferences; the key of each ends in suffix.
func fieldsOf(ctx context.Context, all []preference, suffix string) []view.Field {
	var fields []view.Field
	for _, p := range all {
		f := view.Field{Key: p.Name + suffix, Name: p.Name, Kind: view.Line}
		value, origin, err := p.value(ctx)
		if err != nil {
			value, f.Problem = p.initial, desktop.Problem(problem.From(err))
		}
		ofOneSpace := suffix != ""
		f.Value = settings.Text(value)
		f.Chosen = origin != settings.Default && (!ofOneSpace || origin == ofSpace)
		if origin == settings.Environment && !ofOneSpace {
			f.Locked, f.By, f.Chosen = true, p.Variable, false
		}
		if origin == settings.Administrator && (!ofOneSpace || p.Name == keyForwardAgent) {
			f.Locked, f.Chosen = true, false
		}
		switch list, isList := value.([]string); {
		case isList:
			f.Kind, f.Value = view.List, strings.Join(list, "\n")
		case p.Name == settings.KeyEditor:
			f.Kind, f.Options = view.Pick, editorOptions(ctx, f.Value)
		case p.Name == settings.KeyFolder:
			f.Blank = handler.DefaultFolder
			if ofOneSpace && !f.Chosen && f.Value != "" {
				f.Blank, f.Value = f.Value, "" // the one of every space
			}
		case isSwitch(value):
			f.Kind = view.Switch
		case len(p.Values) > 0:
			f.Kind = view.Pick
			for _, v := range p.Values {
				f.Options = append(f.Options, view.Option{Key: v})
			}
		}
		fields = append(fields, f)
	}
	return fields
}

func isSwitch(value any) bool {
	_, is := value.(bool)
	return is
}

// editorOptions are the IDEs that are installed, none in particular, and the
// one that is chosen, installed or not.
func editorOptions(ctx context.Context, chosen string) []view.Option {
	options := []view.Option{{}}
	installed, _ := editor.Installed(ctx) // without it there is still the one that is chosen
	for _, i := range installed {
		options = append(options, view.Option{Key: i.Editor.Name, Title: i.Editor.Title})
	}
	if !slices.ContainsFunc(options, func(o view.Option) bool { return o.Key == chosen }) {
		options = append(options, view.Option{Key: chosen, Title: chosen})
	}
	return options
}
