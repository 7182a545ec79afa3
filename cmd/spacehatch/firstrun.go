package main

import (
	"context"
	"slices"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/installer"
)

// firstRun finds everything that would be asked about on the way of a link, so
// that it is asked about at once. It implements desktop.FirstRun.
type firstRun struct {
	*program
	*parts
	space  session.Space // as soon as it is known
	editor string        // the IDE that was asked for, or nothing

	extras []handler.Change // what is offered and not made on the way of a link
}

// Offer never fails for what can as well be asked about later: the link comes
// first.
func (r *firstRun) Offer(ctx context.Context, _ handler.Proposal) (view.Setup, error) {
	changes, err := sshChanges{r.parts}.Changes(ctx, r.space)
	if err != nil {
		return view.Setup{}, err
	}
	s := view.Setup{Stage: view.Choosing, Items: itemsOf(view.SSHConfig, changes)}
	s.Items = append(s.Items, r.editorItems(ctx)...)
	s.Items = append(s.Items, r.linkItems(ctx)...)
	s.Items = append(s.Items, r.loginItems(ctx)...)
	s.Items = append(s.Items, view.Item{Key: "agent", Kind: view.Agent, State: view.Off})
	return s, nil
}

func (r *firstRun) editorItems(ctx context.Context) []view.Item {
	if r.editor == handler.NoEditor {
		return nil
	}
	chosen, err := editors{r.parts}.Choose(ctx, r.editor, r.space.Scheme)
	if err != nil {
		return []view.Item{{Key: "ide", Kind: view.IDE, State: view.Off}}
	}
	items := []view.Item{{Key: "ide", Kind: view.IDE, Name: chosen.Name(), State: view.Present}}
	changes, err := chosen.Changes(ctx, r.space)
	if err != nil {
		r.log.Warn("what the IDE lacks is asked about later", "error", err)
	}
	changes = slices.DeleteFunc(changes, func(c handler.Change) bool { return r.store.Settled(c.Describe().Key) })
	return append(items, itemsOf("", changes)...)
}

func (r *firstRun) linkItems(ctx context.Context) []view.Item {
	scheme, err := installer.NewScheme(r.state)
	if err != nil || r.store.Settled(linksKey) {
		return nil
	}
	changes, err := schemeChanges{scheme, r.parts}.Changes(ctx, r.space)
	if err != nil {
		r.log.Warn("links are registered later", "error", err)
		return nil
	}
	r.extras = append(r.extras, changes...)
	return itemsOf(view.Links, changes)
}

func (r *firstRun) loginItems(ctx context.Context) []view.Item {
	if r.store.Settled(loginKey) {
		return nil
	}
	changes, err := loginChanges{r.parts}.Changes(ctx, r.space)
	if err != nil {
		r.log.Warn("the start at login is chosen later", "error", err)
	}
	r.extras = append(r.extras, changes...)
	return itemsOf("", changes)
}

// Take makes what was chosen of what the way of a link does not make by
// itself, and remembers what is not wanted.
func (r *firstRun) Take(ctx context.Context, chosen view.Answer) error {
	for _, extra := range r.extras {
		key := extra.Describe().Key
		if !slices.Contains(chosen.Keys, key) {
			if err := r.store.Settle(ctx, key); err != nil {
				return err
			}
			continue
		}
		if err := extra.Apply(ctx); err != nil {
			r.log.Warn("a part of the set-up was not made", "what", key, "error", err)
		}
	}
	return nil
}

// itemsOf are the lines of a set-up for changes; one that says that all is
// well where there is none and the kind is known.
func itemsOf(kind view.ItemKind, changes []handler.Change) []view.Item {
	var items []view.Item
	for _, c := range changes {
		if p := c.Describe(); !p.Silent {
			items = append(items, view.Item{
				Key: p.Key, Kind: kindOf(p.Key), Diff: p.Diff, State: view.Proposed, Chosen: true,
			})
			item := &items[len(items)-1]
			switch c := c.(type) {
			case extensionChange:
				item.Name, item.Editor = c.Editor.Extension.ID, c.Name()
			case settingsChange:
				item.Editor = c.Name()
			case loginChange:
				item.Chosen = false // it is off until somebody asks for it
			}
		}
	}
	if len(items) == 0 && kind != "" {
		items = []view.Item{{Key: string(kind), Kind: kind, State: view.Present}}
	}
	return items
}
