package installer

import (
	"errors"
	"strings"
)

// managed marks an entry as ours, should the record of it be lost.
const managed = "X-Spacehatch-Managed=true"

// entryText is the desktop entry that makes program the handler of scheme.
// Keys and quoting: Desktop Entry Specification 1.5. There is no NoDisplay:
// with it some desktops are reported not to offer the handler.
func entryText(scheme, program string) string {
	return "[Desktop Entry]\n" +
		"Type=Application\n" +
		"Name=Spacehatch\n" +
		"Comment=Open SageMaker Studio spaces in the IDE on this machine\n" +
		"Exec=" + quoteExec(program) + " open %u\n" +
		"Icon=spacehatch\n" +
		"Terminal=false\n" +
		"Categories=Development;\n" +
		"MimeType=" + mimeType(scheme) + ";\n" +
		managed + "\n"
}

func mimeType(scheme string) string { return "x-scheme-handler/" + scheme }

// checkWritable refuses a path that cannot stand in a desktop entry: the
// specification forbids the first character, GLib does not find the second.
func checkWritable(program string) error {
	if strings.ContainsAny(program, "=%") {
		return errors.New("its path holds a = or %, with which desktops do not find it")
	}
	return nil
}

// reservedInExec are the characters that the specification wants quoted. What
// does not need quotes must not have them: xdg-open looks for a program whose
// name includes them where no desktop environment helps it.
const reservedInExec = " \t\n\"'\\><~|&;$*?#()`"

func needsQuotes(program string) bool { return strings.ContainsAny(program, reservedInExec) }

// quoteExec writes a program's path for the key Exec: quoted by the rules of
// Exec, then escaped by those of strings.
func quoteExec(program string) string {
	if needsQuotes(program) {
		program = `"` + strings.NewReplacer(`"`, `\"`, "`", "\\`", `$`, `\$`, `\`, `\\`).Replace(program) + `"`
	}
	return escapeString(program)
}

// escapeString writes a text as the value of a key.
func escapeString(text string) string { return strings.ReplaceAll(text, `\`, `\\`) }

// unescapeString reads the value of a key.
func unescapeString(value string) string {
	return strings.NewReplacer(`\s`, " ", `\t`, "\t", `\n`, "\n", `\r`, "\r", `\\`, `\`).Replace(value)
}

// programOf returns the program that an Exec value starts, as it is written:
// a path or a name. It undoes what quoteExec does, and a doubled percent sign.
func programOf(exec string) string {
	exec = strings.ReplaceAll(unescapeString(strings.TrimSpace(exec)), "%%", "%")
	rest, quoted := strings.CutPrefix(exec, `"`)
	if !quoted {
		program, _, _ := strings.Cut(exec, " ")
		return program
	}
	var program strings.Builder
	for i := 0; i < len(rest) && rest[i] != '"'; i++ {
		if rest[i] == '\\' && i+1 < len(rest) {
			i++
		}
		program.WriteByte(rest[i])
	}
	return program.String()
}
