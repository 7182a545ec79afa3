package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// folders are where the XDG Base Directory Specification puts things.
type folders struct {
	config string   // the user's
	data   string   // the user's
	confs  []string // of the system, best first
	datas  []string // of the system, best first
}

func xdgFolders() (folders, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return folders{}, fmt.Errorf("find the home folder: %w", err)
	}
	one := func(variable, fallback string) string {
		if dir := os.Getenv(variable); filepath.IsAbs(dir) {
			return filepath.Clean(dir)
		}
		return filepath.Join(home, fallback)
	}
	many := func(variable, fallback string) []string {
		list := os.Getenv(variable)
		if list == "" {
			list = fallback
		}
		var dirs []string
		for dir := range strings.SplitSeq(list, ":") {
			if filepath.IsAbs(dir) {
				dirs = append(dirs, filepath.Clean(dir))
			}
		}
		return dirs
	}
	return folders{
		config: one("XDG_CONFIG_HOME", ".config"),
		data:   one("XDG_DATA_HOME", ".local/share"),
		confs:  many("XDG_CONFIG_DIRS", "/etc/xdg"),
		datas:  many("XDG_DATA_DIRS", "/usr/local/share:/usr/share"),
	}, nil
}

// applications are the folders of desktop entries, best first.
func (f folders) applications() []string {
	dirs := []string{filepath.Join(f.data, "applications")}
	for _, d := range f.datas {
		dirs = append(dirs, filepath.Join(d, "applications"))
	}
	return dirs
}

func (f folders) mimeapps() string { return filepath.Join(f.config, "mimeapps.list") }

func (f folders) cache() string { return filepath.Join(f.data, "applications", "mimeinfo.cache") }

// entry returns the desktop entry with that id, or nothing.
func (f folders) entry(id string) string {
	if filepath.Base(id) != id {
		return ""
	}
	for _, dir := range f.applications() {
		// By the Desktop Entry Specification a dash may stand for a folder.
		for name := id; ; {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
			folder, rest, ok := strings.Cut(filepath.Base(name), "-")
			if !ok || folder == "" || rest == "" {
				break
			}
			name = filepath.Join(filepath.Dir(name), folder, rest)
		}
	}
	return ""
}

// handler returns who gets the links by the MIME Applications Associations
// specification, version 1.0.1: the first default whose entry exists, else
// the first who says that it can. Entries that may not count are passed over,
// and so are those whose program is gone, as desktops do.
func (f folders) handler(mime string, may func(id string, entry []byte) bool) (id, entry string) {
	var names []string
	for desktop := range strings.SplitSeq(os.Getenv("XDG_CURRENT_DESKTOP"), ":") {
		if desktop != "" && filepath.Base(desktop) == desktop {
			names = append(names, strings.ToLower(desktop)+"-mimeapps.list")
		}
	}
	names = append(names, "mimeapps.list")
	dirs := append([]string{f.config}, f.confs...)
	dirs = append(dirs, f.applications()...)
	for _, dir := range dirs {
		for _, name := range names {
			if id, entry := f.first(filepath.Join(dir, name), defaults, mime, may); id != "" {
				return id, entry
			}
		}
	}
	for _, dir := range f.applications() {
		if id, entry := f.first(filepath.Join(dir, "mimeinfo.cache"), "MIME Cache", mime, may); id != "" {
			return id, entry
		}
	}
	return "", ""
}

// anybody may get the links.
func anybody(string, []byte) bool { return true }

// startable: an entry whose TryExec is gone counts as not there.
func startable(entry []byte) bool {
	_, try := parseKeyfile(entry).find(entryGroup, "TryExec")
	return try == "" || exists(unescapeString(try))
}

func (f folders) first(file, group, mime string, may func(string, []byte) bool) (id, entry string) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", "" // most of them do not exist
	}
	for _, id := range parseKeyfile(data).list(group, mime) {
		entry := f.entry(id)
		if entry == "" {
			continue
		}
		if data, err := os.ReadFile(entry); err == nil && startable(data) && may(id, data) {
			return id, entry
		}
	}
	return "", ""
}
