package editor

import "path/filepath"

// candidates are the installations of e: $PATH, then where distributions,
// snap and flatpak put it, then the user's own folder.
func (m machine) candidates(e Editor) []Installation {
	config := m.getenv("XDG_CONFIG_HOME")
	home := m.getenv("HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	settings := filepath.Join(config, e.folder, "User", "settings.json")

	var commands []string
	for _, dir := range m.pathFolders() {
		commands = append(commands, filepath.Join(dir, e.Name))
	}
	for _, dir := range []string{"/usr/bin", "/usr/local/bin", "/snap/bin"} {
		commands = append(commands, m.system(dir, e.Name))
	}
	for _, folder := range e.linux.folders {
		commands = append(commands, m.system("/usr/share", folder, "bin", e.Name), m.system("/opt", folder, "bin", e.Name))
	}
	if filepath.IsAbs(home) {
		commands = append(commands, filepath.Join(home, ".local", "bin", e.Name))
	}
	var found []Installation
	for _, path := range commands {
		if isExecutable(path) {
			found = append(found, Installation{Editor: e, Path: path, Settings: settings, query: []string{path}})
		}
	}
	if e.linux.flatpak == "" {
		return found
	}
	// A flatpak's command is named after the application, and its settings are
	// in its own folder.
	exports := []string{m.system("/var/lib/flatpak/exports/bin", e.linux.flatpak)}
	if filepath.IsAbs(home) {
		exports = append(exports, filepath.Join(home, ".local/share/flatpak/exports/bin", e.linux.flatpak))
		settings = filepath.Join(home, ".var", "app", e.linux.flatpak, "config", e.folder, "User", "settings.json")
	}
	for _, path := range exports {
		if isExecutable(path) {
			found = append(found, Installation{Editor: e, Path: path, Settings: settings, query: []string{path}})
		}
	}
	return found
}
