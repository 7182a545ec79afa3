package editor

import "path/filepath"

// candidates are the installations of e: $PATH, then the command inside the
// bundle in /Applications and in the user's Applications folder. The command
// in the bundle is named after the IDE, or "code" in most builds of VS Code.
func (m machine) candidates(e Editor) []Installation {
	home := m.getenv("HOME")
	settings := filepath.Join(home, "Library", "Application Support", e.folder, "User", "settings.json")

	var commands []string
	for _, dir := range m.pathFolders() {
		commands = append(commands, filepath.Join(dir, e.Name))
	}
	folders := []string{m.system("/Applications")}
	if filepath.IsAbs(home) {
		folders = append(folders, filepath.Join(home, "Applications"))
	}
	for _, folder := range folders {
		bin := filepath.Join(folder, e.darwin+".app", "Contents", "Resources", "app", "bin")
		commands = append(commands, filepath.Join(bin, e.Name), filepath.Join(bin, "code"))
	}
	var found []Installation
	for _, path := range commands {
		if isExecutable(path) {
			found = append(found, Installation{Editor: e, Path: path, Settings: settings, query: []string{path}})
		}
	}
	return found
}
