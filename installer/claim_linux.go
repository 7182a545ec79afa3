package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	whatMimeapps = "list of default applications"
	whatCache    = "cache of desktop entries"
)

// claim makes a desktop entry of ours the one that gets a scheme's links.
type claim struct {
	folders
	state  string
	scheme string
	id     string // the name of our entry
	what   string // what the entry is, in a few words
	next   string // whose turn it is once our entry is gone; may be empty
	more   []owned
}

// owned is a whole file that is ours.
type owned struct {
	path, what string
	text       []byte
	mode       fs.FileMode
	// ours recognises it where nothing is remembered.
	ours func(now []byte) bool
	// minor: it alone is no reason to change anything, or to ask anybody.
	minor bool
}

func (c claim) entryPath() string { return filepath.Join(c.data, "applications", c.id) }

// preference is what the claim wants to stand first in the list of defaults.
func (c claim) preference() preference {
	p := preference{MIME: mimeType(c.scheme), IDs: []string{c.id}}
	if c.next != "" {
		p.IDs = append(p.IDs, c.next)
	}
	return p
}

// edit is one file of a plan.
type edit struct {
	*file
	after []byte
	what  string
}

func changesOf(edits []edit) []Change {
	var changes []Change
	for _, e := range edits {
		changes = append(changes, changeOf(e.path, e.what, e.now, e.after)...)
	}
	return changes
}

// edits returns what is lacking: the entry with this text, its place in the
// list, and what else it needs.
func (c claim) edits(text string) ([]edit, error) {
	entry, err := openFile(c.entryPath())
	if err != nil {
		return nil, cannotChange(c.entryPath(), err)
	}
	list, err := openFile(c.mimeapps())
	if err != nil {
		return nil, cannotChange(c.mimeapps(), err)
	}
	all := []edit{
		{entry, []byte(text), c.what},
		{list, parseKeyfile(list.now).prefer(c.preference()).bytes(), whatMimeapps},
	}
	var minor []edit
	for _, o := range c.more {
		file, err := openFile(o.path)
		if err != nil {
			return nil, cannotChange(o.path, err)
		}
		if file.now == nil {
			file.mode = o.mode
		}
		if e := (edit{file, o.text, o.what}); o.minor {
			minor = append(minor, e)
		} else {
			all = append(all, e)
		}
	}
	needed := func(all []edit) []edit {
		return slices.DeleteFunc(all, func(e edit) bool { return same(e.now, e.after) })
	}
	if all = needed(all); len(all) > 0 {
		all = append(all, needed(minor)...)
	}
	return all, nil
}

// install makes the edits and has the system's own tools say whether the links
// come to us now; else everything is put back.
func (c claim) install(ctx context.Context, edits []edit) ([]Change, error) {
	r, err := loadRecord(c.state)
	if err != nil {
		return nil, err
	}
	cache, err := readIfThere(c.cache())
	if err != nil {
		return nil, cannotChange(c.cache(), err)
	}
	for _, e := range edits {
		r.note(e.file, e.after)
		if e.path == c.mimeapps() {
			r.file(e.path).put(c.preference())
		}
	}
	if err := r.save(); err != nil {
		return nil, cannotChange(r.path, err)
	}
	for _, e := range edits {
		if err := e.write(e.after); err != nil {
			return nil, c.putBack(ctx, cannotChange(e.path, err))
		}
	}
	if err := refresh(ctx, filepath.Dir(c.cache())); err != nil {
		return nil, c.putBack(ctx, err)
	}
	made, err := readIfThere(c.cache())
	if err != nil {
		return nil, c.putBack(ctx, cannotChange(c.cache(), err))
	}
	if cache == nil && made != nil || r.CacheSum != "" && r.CacheSum == sum(cache) {
		r.CacheSum = sum(made)
		if err := r.save(); err != nil {
			return nil, c.putBack(ctx, cannotChange(r.path, err))
		}
	}
	if ok, seen := verify(ctx, c.folders, mimeType(c.scheme), c.id); !ok {
		return nil, c.putBack(ctx, problem.New(Failed,
			fmt.Sprintf("Links that begin with %s:// do not reach Spacehatch although it is registered, because another program or file on this system goes first.", c.scheme),
			"Install xdg-utils and desktop-file-utils if they are missing; else look for a file such as ~/.config/*-mimeapps.list that names another program for "+mimeType(c.scheme)+".",
			errors.New(seen)))
	}
	return append(changesOf(edits), changeOf(c.cache(), whatCache, cache, made)...), nil
}

// putBack takes an installation that failed out again and returns why.
func (c claim) putBack(ctx context.Context, why error) error {
	// A cancelled context must not keep the system half changed.
	if _, err := c.uninstall(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(why, fmt.Errorf("put things back: %w", err))
	}
	return why
}

func (c claim) uninstall(ctx context.Context) ([]Change, error) {
	r, err := loadRecord(c.state)
	if err != nil {
		return nil, err
	}
	if r.file(c.entryPath()) == nil && !r.file(c.mimeapps()).has(c.preference()) {
		// Without a record only the mark in our entry tells that we were here.
		entry, err := readIfThere(c.entryPath())
		if err != nil || !isManaged(entry) {
			return nil, err
		}
	}
	changes, err := c.releaseList(r)
	if err != nil {
		return nil, err
	}
	entry, err := remove(r, c.entryPath(), c.what, isManaged)
	if err != nil {
		return nil, err
	}
	changes = append(changes, entry...)
	for _, o := range c.more {
		gone, err := remove(r, o.path, o.what, o.ours)
		if err != nil {
			return nil, err
		}
		changes = append(changes, gone...)
	}
	if len(changes) > 0 || r.CacheSum != "" {
		cache, err := c.uncache(ctx, r)
		if err != nil {
			return nil, err
		}
		changes = append(changes, cache...)
	}
	return changes, r.settle()
}

// releaseList takes us out of the list of defaults, where other claims of ours
// may stay.
func (c claim) releaseList(r *record) ([]Change, error) {
	path := c.mimeapps()
	list, err := openFile(path)
	if err != nil {
		return nil, cannotChange(path, err)
	}
	b := r.file(path)
	var original []byte
	var others []preference
	if b != nil {
		original, others = b.content(), b.drop(c.preference())
	}
	after := list.now
	switch {
	case list.now == nil:
	case b != nil && b.Exact && b.Sum == sum(list.now):
		after = original
		for _, p := range others {
			after = parseKeyfile(after).prefer(p).bytes()
		}
	default:
		was := parseKeyfile(original)
		groupToo := b != nil && len(others) == 0 && !was.has(defaults)
		after = parseKeyfile(list.now).forget(mimeType(c.scheme), c.withdrawn(list.now, was), groupToo).bytes()
		if len(after) == 0 && groupToo && original == nil {
			after = nil
		}
	}
	if !same(list.now, after) {
		if err := list.write(after); err != nil {
			return nil, cannotChange(path, err)
		}
	}
	switch {
	case b == nil:
	case len(others) == 0:
		r.take(path)
	default:
		b.Exact = b.Exact && b.Sum == sum(list.now)
		b.Sum, b.Defaults = sum(after), others
	}
	return changeOf(path, whatMimeapps, list.now, after), nil
}

// withdrawn returns the ids that leave a list that somebody changed: ours, and
// the one that we put behind it, as long as it stands there and did not before.
func (c claim) withdrawn(now []byte, was keyfile) []string {
	mime := mimeType(c.scheme)
	ids := parseKeyfile(now).list(defaults, mime)
	at := slices.Index(ids, c.id)
	if at >= 0 && at+1 < len(ids) && ids[at+1] == c.next && !slices.Contains(was.list(defaults, mime), c.next) {
		return []string{c.id, c.next}
	}
	return []string{c.id}
}

// uncache brings the cache of desktop entries up to date, and removes one that
// exists only because we made it.
func (c claim) uncache(ctx context.Context, r *record) ([]Change, error) {
	made := r.CacheSum
	r.CacheSum = ""
	old, err := readIfThere(c.cache())
	if err != nil || old == nil {
		return nil, err
	}
	others := slices.ContainsFunc(r.Files, func(b before) bool { return filepath.Dir(b.Path) == filepath.Dir(c.cache()) })
	var now []byte
	if made != sum(old) || others {
		if err := refresh(ctx, filepath.Dir(c.cache())); err != nil {
			return nil, err
		}
		if now, err = readIfThere(c.cache()); err != nil {
			return nil, err
		}
		if made == sum(old) {
			r.CacheSum = sum(now)
		}
	} else if err := os.Remove(c.cache()); err != nil {
		return nil, cannotChange(c.cache(), err)
	}
	return changeOf(c.cache(), whatCache, old, now), nil
}

func (k keyfile) has(group string) bool {
	from, _ := k.group(group)
	return from >= 0
}

func isManaged(entry []byte) bool {
	return slices.ContainsFunc(parseKeyfile(entry), func(l string) bool { return strings.TrimSpace(l) == managed })
}

// startedBy returns the program that an entry starts: its path, or its name
// where it is not found.
func startedBy(entry []byte) string {
	_, line := parseKeyfile(entry).find(entryGroup, "Exec")
	program := programOf(line)
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	return program
}

func cannotOpenLinks(program string, why error) error {
	return problem.New(Failed, fmt.Sprintf("%q cannot be made to open links: %s.", program, why),
		"Install Spacehatch into a folder such as ~/.local/bin and try again.", nil)
}
