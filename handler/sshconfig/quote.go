package sshconfig

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// posixWord quotes a path as one word for the shell that OpenSSH hands a
// ProxyCommand to. Double quotes where they do, since the parsers inside IDEs
// know no others; single quotes where a shell would read something into it.
func posixWord(s string) string {
	if !strings.ContainsAny(s, "\"$`\\!") {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// windowsWord quotes a Windows path. Slashes, since both CreateProcess and the
// shell of Git's OpenSSH take them, while parsers inside IDEs drop backslashes.
func windowsWord(s string) string {
	return `"` + strings.ReplaceAll(s, `\`, "/") + `"`
}

// configWord quotes an argument for OpenSSH's own parser, which takes a quoted
// string with \" and \\ in it.
func configWord(s string) string {
	if !strings.ContainsAny(s, " \t\"'\\#=") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// escapePercent keeps OpenSSH from reading a token into s.
func escapePercent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func isControl(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }

// visible returns s with every byte that a terminal would act on written out:
// control characters as ^X, what is not UTF-8 as \xNN. Newlines and tabs stay.
func visible(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[0])
		case r == '\n' || r == '\t':
			out.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			out.WriteByte('^')
			out.WriteRune(r ^ 0x40)
		case unicode.IsPrint(r):
			out.WriteString(s[:n])
		default: // C1 controls, marks that turn the direction of writing
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		s = s[n:]
	}
	return out.String()
}
