package installer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
	edits, err := s.edits(ctx, c, program)
	return changesOf(edits), err
}

func (s Scheme) install(ctx context.Context, program string) ([]Change, error) {
	c, err := s.claim()
	if err != nil {
		return nil, err
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
