package installer

import "path/filepath"

// loginEntryPath is where the Desktop Application Autostart Specification 0.5
// has a user's entries.
func loginEntryPath() (string, error) {
	f, err := xdgFolders()
	if err != nil {
		return "", err
	}
	return filepath.Join(f.config, "autostart", Name+".desktop"), nil
}

// loginEntry names the program a second time in TryExec: once it is gone,
// desktops pass over the entry without a word.
func loginEntry(program string) []byte {
	return []byte("[Desktop Entry]\n" +
		"Type=Application\n" +
		"Name=Spacehatch\n" +
		"Comment=Show the connections to SageMaker Studio spaces in the panel\n" +
		"Exec=" + quoteExec(program) + " tray\n" +
		"TryExec=" + escapeString(program) + "\n" +
		"Icon=spacehatch\n" +
		"Terminal=false\n" +
		managed + "\n")
}

func isOurLoginEntry(data []byte) bool { return isManaged(data) }

// readLoginEntry returns what an entry starts and whether it does: desktops
// switch one off by either of two keys.
func readLoginEntry(data []byte) (program string, on bool) {
	entry := parseKeyfile(data)
	value := func(key string) string {
		_, value := entry.find(entryGroup, key)
		return value
	}
	program = programOf(value("Exec"))
	return program, program != "" && value("Hidden") != "true" && value("X-GNOME-Autostart-enabled") != "false"
}
