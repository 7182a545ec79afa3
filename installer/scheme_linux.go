package installer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// claim: a package's entry has the same name, so that the user's own takes its
// place.
func (s Scheme) claim() (claim, error) {
	f, err := xdgFolders()
	return claim{
		folders: f, state: s.state, scheme: s.name, id: s.name + ".desktop",
		what: "desktop entry that opens our links", more: f.icons(),
	}, err
}

func (s Scheme) status(ctx context.Context) (Status, error) {
	if err := ctx.Err(); err != nil {
		return Status{}, err
	}
	c, err := s.claim()
	if err != nil {
		return Status{}, err
	}
	st := Status{Scheme: s.name}
	if st.Handler, st.Entry = c.handler(mimeType(s.name), anybody); st.Entry == "" {
		return st, nil
	}
	data, err := os.ReadFile(st.Entry)
	if err != nil {
		return Status{}, fmt.Errorf("read who handles %s: %w", s.name, err)
	}
	st.Program = startedBy(data)
	st.Ours = st.Entry == c.entryPath() && isManaged(data)
	switch {
	case filepath.IsAbs(st.Program) && !exists(st.Program):
		st.Warning = fmt.Sprintf("Links start %s, which is not there any more.", printable.Text(st.Program, 300))
	case st.Ours && needsQuotes(st.Program):
		st.Warning = fmt.Sprintf("The path %s holds a blank or another special character: outside GNOME, KDE and the like xdg-open may not find it.", printable.Text(st.Program, 300))
	}
	return st, nil
}

// edits returns what program needs, nothing where it gets the links already.
func (s Scheme) edits(ctx context.Context, c claim, program string) ([]edit, error) {
	if err := checkProgram(program); err != nil {
		return nil, cannotOpenLinks(program, err)
	}
	st, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	if st.Program == program && st.Entry != c.entryPath() {
		return nil, nil // a package has seen to it
	}
	return c.edits(entryText(s.name, program))
}

func (s Scheme) plan(ctx context.Context, program string) ([]Change, error) {
	c, err := s.claim()
	if err != nil {
		return nil, err
	}
	if surplus, err := s.surplus(c, program); err != nil || surplus {
		return c.withdrawal(), err
	}
	edits, err := s.edits(ctx, c, program)
	return changesOf(edits), err
}

// surplus reports whether the user's entry of ours is one too many: without it
// that of a package has program get the links, and goes with the package.
func (s Scheme) surplus(c claim, program string) (bool, error) {
	own, err := readIfThere(c.entryPath())
	if err != nil || !isManaged(own) || len(c.datas) == 0 {
		return false, err
	}
	without := c.folders
	without.data, without.datas = c.datas[0], c.datas[1:]
	_, entry := without.handler(mimeType(s.name), anybody)
	if entry == "" {
		return false, nil
	}
	data, err := os.ReadFile(entry)
	return err == nil && startedBy(data) == program, err
}

// withdrawal says what taking out the user's entry changes.
func (c claim) withdrawal() []Change {
	changes := []Change{{Removed, c.entryPath(), c.what}}
	if list, err := readIfThere(c.mimeapps()); err == nil && slices.Contains(parseKeyfile(list).list(defaults, mimeType(c.scheme)), c.id) {
		changes = append(changes, Change{Changed, c.mimeapps(), whatMimeapps})
	}
	for _, o := range c.more {
		if now, err := readIfThere(o.path); err == nil && now != nil && o.ours(now) {
			changes = append(changes, Change{Removed, o.path, o.what})
		}
	}
	return changes
}

func (s Scheme) install(ctx context.Context, program string) ([]Change, error) {
	c, err := s.claim()
	if err != nil {
		return nil, err
	}
	if surplus, err := s.surplus(c, program); err != nil || surplus {
		if err != nil {
			return nil, err
		}
		return s.uninstall(ctx)
	}
	edits, err := s.edits(ctx, c, program)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	defer c.tellIcons()
	return c.install(ctx, edits)
}

func (s Scheme) uninstall(ctx context.Context) ([]Change, error) {
	c, err := s.claim()
	if err != nil {
		return nil, err
	}
	changes, err := c.uninstall(ctx)
	if len(changes) > 0 {
		c.tellIcons()
	}
	return changes, err
}
