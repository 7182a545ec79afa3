package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	whatEntry    = "desktop entry that opens our links"
	whatMimeapps = "list of default applications"
	whatCache    = "cache of desktop entries"
)

// id is the name of our desktop entry. A package's entry has the same, so
// that the user's own takes its place.
func (s Scheme) id() string { return s.name + ".desktop" }

func (s Scheme) status(ctx context.Context) (Status, error) {
	if err := ctx.Err(); err != nil {
		return Status{}, err
	}
	f, err := xdgFolders()
	if err != nil {
		return Status{}, err
	}
	st := Status{Scheme: s.name}
	if st.Handler, st.Entry = f.handler(mimeType(s.name)); st.Entry == "" {
		return st, nil
	}
	data, err := os.ReadFile(st.Entry)
	if err != nil {
		return Status{}, fmt.Errorf("read who handles %s: %w", s.name, err)
	}
	entry := parseKeyfile(data)
	_, line := entry.find("Desktop Entry", "Exec")
	st.Program = programOf(line)
	if !filepath.IsAbs(st.Program) {
		if path, err := exec.LookPath(st.Program); err == nil {
			st.Program = path
		}
	}
	st.Ours = st.Entry == filepath.Join(f.data, "applications", s.id()) && isManaged(data)
	switch {
	case filepath.IsAbs(st.Program) && !exists(st.Program):
		st.Warning = fmt.Sprintf("Links start %s, which is not there any more.", st.Program)
	case st.Ours && needsQuotes(st.Program):
		st.Warning = fmt.Sprintf("The path %s holds a blank or another special character: outside GNOME, KDE and the like xdg-open may not find it.", st.Program)
	}
	return st, nil
}

// edit is one file of a plan.
type edit struct {
	*file
	after []byte
	what  string
}

// edits returns what program needs, nothing where it gets the links already.
func (s Scheme) edits(ctx context.Context, f folders, program string) ([]edit, error) {
	if err := checkProgram(program); err != nil {
		return nil, problem.New(Failed, fmt.Sprintf("%q cannot be made to open links: %s.", program, err),
			"Install Spacehatch into a folder such as ~/.local/bin and try again.", nil)
	}
	st, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	ours := filepath.Join(f.data, "applications", s.id())
	if st.Program == program && st.Entry != ours {
		return nil, nil // a package has seen to it
	}
	entry, err := openFile(ours)
	if err != nil {
		return nil, cannotChange(ours, err)
	}
	list, err := openFile(f.mimeapps())
	if err != nil {
		return nil, cannotChange(f.mimeapps(), err)
	}
	all := []edit{
		{entry, []byte(entryText(s.name, program)), whatEntry},
		{list, parseKeyfile(list.now).prefer(mimeType(s.name), s.id()).bytes(), whatMimeapps},
	}
	needed := func(all []edit) []edit {
		return slices.DeleteFunc(all, func(e edit) bool { return same(e.now, e.after) })
	}
	// An icon alone is no reason to ask anybody.
	if all = needed(all); len(all) > 0 {
		icons, err := f.iconEdits()
		if err != nil {
			return nil, err
		}
		all = append(all, needed(icons)...)
	}
	return all, nil
}

func (s Scheme) plan(ctx context.Context, program string) ([]Change, error) {
	f, err := xdgFolders()
	if err != nil {
		return nil, err
	}
	edits, err := s.edits(ctx, f, program)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, e := range edits {
		changes = append(changes, changeOf(e.path, e.what, e.now, e.after)...)
	}
	return changes, nil
}

func (s Scheme) install(ctx context.Context, program string) ([]Change, error) {
	f, err := xdgFolders()
	if err != nil {
		return nil, err
	}
	edits, err := s.edits(ctx, f, program)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	r, err := loadRecord(s.state)
	if err != nil {
		return nil, err
	}
	cache, err := readIfThere(f.cache())
	if err != nil {
		return nil, cannotChange(f.cache(), err)
	}
	for _, e := range edits {
		r.note(e.file, e.after)
	}
	if err := r.save(); err != nil {
		return nil, cannotChange(r.path, err)
	}
	var changes []Change
	for _, e := range edits {
		if err := e.write(e.after); err != nil {
			return nil, s.putBack(ctx, cannotChange(e.path, err))
		}
		changes = append(changes, changeOf(e.path, e.what, e.now, e.after)...)
	}
	f.tellIcons()
	if err := refresh(ctx, filepath.Dir(f.cache())); err != nil {
		return nil, s.putBack(ctx, err)
	}
	made, err := readIfThere(f.cache())
	if err != nil {
		return nil, s.putBack(ctx, cannotChange(f.cache(), err))
	}
	changes = append(changes, changeOf(f.cache(), whatCache, cache, made)...)
	if cache == nil && made != nil || r.CacheSum != "" && r.CacheSum == sum(cache) {
		r.CacheSum = sum(made)
		if err := r.save(); err != nil {
			return nil, s.putBack(ctx, cannotChange(r.path, err))
		}
	}
	if ok, seen := verify(ctx, f, mimeType(s.name), s.id()); !ok {
		return nil, s.putBack(ctx, problem.New(Failed,
			fmt.Sprintf("Links that begin with %s:// do not reach Spacehatch although it is registered, because another program or file on this system goes first.", s.name),
			"Install xdg-utils and desktop-file-utils if they are missing; else look for a file such as ~/.config/*-mimeapps.list that names another program for x-scheme-handler/"+s.name+".",
			errors.New(seen)))
	}
	return changes, nil
}

// putBack takes an installation that failed out again and returns why.
func (s Scheme) putBack(ctx context.Context, why error) error {
	// A cancelled context must not keep the system half changed.
	if _, err := s.uninstall(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(why, fmt.Errorf("put things back: %w", err))
	}
	return why
}

func (s Scheme) uninstall(ctx context.Context) ([]Change, error) {
	f, err := xdgFolders()
	if err != nil {
		return nil, err
	}
	r, err := loadRecord(s.state)
	if err != nil {
		return nil, err
	}
	if ours := filepath.Join(f.data, "applications", s.id()); r.file(ours) == nil && r.file(f.mimeapps()) == nil {
		// Without a record only the mark in our entry tells that we were here.
		entry, err := readIfThere(ours)
		if err != nil || !isManaged(entry) {
			return nil, err
		}
	}
	changes, err := s.takeOut(f, r)
	if err != nil {
		return nil, err
	}
	if len(changes) > 0 || r.CacheSum != "" {
		cache, err := s.uncache(ctx, f, r)
		if err != nil {
			return nil, err
		}
		changes = append(changes, cache...)
	}
	return changes, r.settle()
}

// takeOut undoes the entry and the list.
func (s Scheme) takeOut(f folders, r *record) ([]Change, error) {
	ours := filepath.Join(f.data, "applications", s.id())
	paths, pictures := []string{f.mimeapps(), ours}, map[string][]byte{}
	for _, i := range f.icons() {
		paths = append(paths, i.path)
		pictures[i.path] = i.data
	}
	defer f.tellIcons()
	var changes []Change
	for _, path := range paths {
		file, err := openFile(path)
		if err != nil {
			return nil, cannotChange(path, err)
		}
		b := r.take(path)
		if file.now == nil {
			continue
		}
		known := path == ours && isManaged(file.now) || b == nil && same(file.now, pictures[path])
		after, what := b.restore(file.now, known), whatIcon
		switch path {
		case ours:
			what = whatEntry
		case f.mimeapps():
			what = whatMimeapps
			if same(after, file.now) {
				made := b != nil && !parseKeyfile(b.Content).has(defaults)
				after = parseKeyfile(file.now).forget(mimeType(s.name), s.id(), made).bytes()
				if len(after) == 0 && b != nil && !b.Existed {
					after = nil
				}
			}
		}
		if same(file.now, after) {
			continue
		}
		if err := file.write(after); err != nil {
			return nil, cannotChange(path, err)
		}
		changes = append(changes, changeOf(path, what, file.now, after)...)
	}
	return changes, nil
}

// uncache brings the cache of desktop entries up to date, and removes one that
// exists only because we made it.
func (s Scheme) uncache(ctx context.Context, f folders, r *record) ([]Change, error) {
	made := r.CacheSum
	r.CacheSum = ""
	old, err := readIfThere(f.cache())
	if err != nil || old == nil {
		return nil, err
	}
	if made == sum(old) {
		if err := os.Remove(f.cache()); err != nil {
			return nil, cannotChange(f.cache(), err)
		}
		return changeOf(f.cache(), whatCache, old, nil), nil
	}
	if err := refresh(ctx, filepath.Dir(f.cache())); err != nil {
		return nil, err
	}
	now, err := readIfThere(f.cache())
	if err != nil {
		return nil, err
	}
	return changeOf(f.cache(), whatCache, old, now), nil
}

func (k keyfile) has(group string) bool {
	from, _ := k.group(group)
	return from >= 0
}

func isManaged(entry []byte) bool {
	return slices.ContainsFunc(parseKeyfile(entry), func(l string) bool { return strings.TrimSpace(l) == managed })
}
