package editor

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tailscale/hujson"
)

const (
	// leastTimeout and setTimeout are seconds that the extension waits for
	// ssh. Its own 15 are too few for a space that wakes up; AWS's client
	// sets 120.
	leastTimeout = 60
	setTimeout   = 120
)

// want is a setting that must hold for a space to open.
type want struct {
	key   string // as it stands in settings.json
	host  string // member of the object under key, or empty
	value hujson.Literal
	// good says whether a value that is there may stay.
	good func(hujson.Literal) bool
}

// wants are the settings for one host alias. Their meaning and the values:
// AWS's documentation of remote connections, the extensions' own manifests.
func wants(e Editor, alias, home string) []want {
	linux := hujson.String("linux")
	all := []want{
		{e.section + ".connectTimeout", "", hujson.Int(setTimeout), func(l hujson.Literal) bool {
			seconds, err := strconv.ParseFloat(string(l), 64)
			return err == nil && seconds >= leastTimeout
		}},
		{e.section + ".remotePlatform", alias, linux, func(l hujson.Literal) bool { return l.String() == "linux" }},
	}
	if !e.noInstallPath && home != "" {
		// Without it the extension may pick /.vscode-server, which it may not
		// write. Another path is somebody's decision and stays.
		all = append(all, want{e.section + ".serverInstallPath", alias, hujson.String(home), func(l hujson.Literal) bool {
			return l.Kind() == '"' && l.String() != ""
		}})
	}
	return append(all, systemWants(e)...)
}

// change is one value that we set. It is what Undo needs to know.
type change struct {
	Key  string `json:"key"`
	Host string `json:"host,omitempty"`
	// New is the JSON that we wrote, Old what stood there, or nothing.
	New string `json:"new"`
	Old string `json:"old,omitempty"`
	// Made: the object under Key is ours, too.
	Made bool `json:"made,omitempty"`
}

// fulfil makes w hold and returns what it changed, or nil.
func (d *document) fulfil(w want) (*change, error) {
	o, name, level, made := d.root, w.key, 1, false
	if w.host != "" {
		var err error
		if o, made, err = d.hosts(w.key); err != nil {
			return nil, err
		}
		name, level = w.host, 2
	}
	c := &change{Key: w.key, Host: w.host, New: string(w.value), Made: made}
	m := member(o, name)
	if m == nil {
		d.add(o, level, name, w.value)
		return c, nil
	}
	old, ok := m.Value.Value.(hujson.Literal)
	if !ok {
		return nil, fmt.Errorf("%s: %w", w.key, errNotLiteral)
	}
	if w.good(old) {
		return nil, nil
	}
	c.Old = string(old)
	m.Value.Value = w.value
	return c, nil
}

var errNotLiteral = errors.New("not a plain value")

// revert takes one change back if its value is still ours.
func (d *document) revert(c change) {
	o, name := d.root, c.Key
	if c.Host != "" {
		m := member(d.root, c.Key)
		if m == nil {
			return
		}
		hosts, ok := m.Value.Value.(*hujson.Object)
		if !ok {
			return
		}
		o, name = hosts, c.Host
	}
	if m := member(o, name); m != nil {
		lit, ok := m.Value.Value.(hujson.Literal)
		if !ok || string(lit) != c.New {
			return // somebody else's by now
		}
		if old := hujson.Literal(c.Old); c.Old != "" && old.IsValid() {
			m.Value.Value = old
			return
		}
		remove(o, name)
	}
	if c.Made && len(o.Members) == 0 && len(o.AfterExtra) == 0 {
		remove(d.root, c.Key)
	}
}

// merge adds newer changes to the older ones of a record: the value that
// stood there first is the one to go back to.
func merge(older, newer []change) []change {
	all := slices.Clone(older)
	for _, n := range newer {
		at := slices.IndexFunc(all, func(o change) bool { return o.Key == n.Key && o.Host == n.Host })
		if at < 0 {
			all = append(all, n)
			continue
		}
		if n.Old == all[at].New {
			n.Old = all[at].Old
		}
		n.Made = n.Made || all[at].Made
		all[at] = n
	}
	// The one that made an object must be the last to be reverted, since it
	// is the one that removes it.
	slices.SortStableFunc(all, func(a, b change) int {
		switch {
		case a.Made == b.Made:
			return 0
		case a.Made:
			return -1
		}
		return 1
	})
	return all
}
