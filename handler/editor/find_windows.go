package editor

import (
	"os"
	"path/filepath"
)

// candidates are the installations of e: beside a bin folder in %PATH%, then
// per user, then per machine.
//
// The command on Windows is a batch file, and no argument is safe on its way
// through cmd.exe. So the IDE's own program is started. Questions about
// versions and extensions are answered by the script that the batch file runs
// (cli.js, with the program as its Node.js), called the same way without
// cmd.exe. Newer builds keep it in a folder named after their commit.
func (m machine) candidates(e Editor) []Installation {
	settings := filepath.Join(m.getenv("APPDATA"), e.folder, "User", "settings.json")
	var folders []string
	for _, dir := range m.pathFolders() {
		if filepath.Base(dir) == "bin" {
			folders = append(folders, filepath.Dir(dir))
		}
	}
	if local := m.getenv("LOCALAPPDATA"); filepath.IsAbs(local) {
		folders = append(folders, filepath.Join(local, "Programs", e.windows.folder))
	}
	for _, variable := range []string{"ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"} {
		if dir := m.getenv(variable); filepath.IsAbs(dir) {
			folders = append(folders, filepath.Join(dir, e.windows.folder))
		}
	}
	var found []Installation
	for _, folder := range folders {
		program := filepath.Join(folder, e.windows.executable)
		if !isExecutable(program) {
			continue
		}
		i := Installation{Editor: e, Path: program, Settings: settings}
		if script := cliScript(folder); script != "" {
			i.query = []string{program, script}
			i.queryEnv = []string{"ELECTRON_RUN_AS_NODE=1"}
		}
		found = append(found, i)
	}
	return found
}

// cliScript returns the IDE's command-line script, or nothing.
func cliScript(folder string) string {
	patterns := []string{
		filepath.Join(folder, "resources", "app", "out", "cli.js"),
		filepath.Join(folder, "*", "resources", "app", "out", "cli.js"),
	}
	newest, when := "", int64(0)
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // a folder with brackets in its name
		}
		for _, path := range matches {
			// An update leaves the old folder until the IDE has restarted.
			if info, err := os.Stat(path); err == nil && (newest == "" || info.ModTime().UnixNano() > when) {
				newest, when = path, info.ModTime().UnixNano()
			}
		}
	}
	return newest
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
