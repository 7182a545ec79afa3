package sshconfig

import (
	"bytes"
	"strings"
)

// The lines around ours in the user's file. What follows on the same line is a
// remark and may change.
const (
	beginMarker = "# >>> spacehatch >>>"
	endMarker   = "# <<< spacehatch <<<"
	beginRemark = ` Added by Spacehatch; "spacehatch ssh-config undo" takes it out.`
)

// A userText is the user's config with our lines, if any, located in it.
type userText struct {
	data       []byte
	start, end int // our lines, from the first marker to past the last; equal where there are none
}

// A fault says why our lines could not be located: what follows "The SSH config".
type fault string

// locate finds our lines. Lines that look like our markers but do not make a
// pair with nothing of the user's in between are a fault.
func locate(data []byte) (userText, fault) {
	t := userText{data: data}
	inside, found := false, false
	for at := 0; at < len(data); {
		line, next := cutLine(data, at)
		switch kind := markerOf(line); {
		case kind == damagedMark:
			return t, "has a damaged Spacehatch marker"
		case kind == beginMark && (inside || found), kind == endMark && found:
			return t, "has Spacehatch's markers more than once"
		case kind == beginMark:
			inside, t.start = true, at
		case kind == endMark && !inside:
			return t, "has Spacehatch's last marker without its first"
		case kind == endMark:
			inside, found, t.end = false, true, next
		case inside && !ourLine(line):
			return t, "has lines of yours between Spacehatch's markers"
		}
		at = next
	}
	if inside {
		return t, "has Spacehatch's first marker without its last"
	}
	return t, ""
}

// present reports whether our lines are there.
func (t userText) present() bool { return t.end > t.start }

// stripped returns the user's bytes without our lines.
func (t userText) stripped() []byte {
	return append(bytes.Clone(t.data[:t.start]), t.data[t.end:]...)
}

// with returns the user's bytes with our lines at the top. Lines of ours that
// only blank lines and comments precede stay where they are.
func (t userText) with(include string) []byte {
	lines := ourLines(include, t.newline())
	if t.present() && onlyRemarks(t.data[:t.start]) {
		return bytes.Join([][]byte{t.data[:t.start], lines, t.data[t.end:]}, nil)
	}
	return append(lines, t.stripped()...)
}

// newline is the one that the file's first line ends in.
func (t userText) newline() string {
	if i := bytes.IndexByte(t.data, '\n'); i > 0 && t.data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func ourLines(include, newline string) []byte {
	return []byte(beginMarker + beginRemark + newline + "Include " + include + newline + endMarker + newline)
}

// includedByHand returns where an Include of our config ends that the user has
// written where it holds for every host: before anything that is not an
// Include. It is 0 where there is none.
func (t userText) includedByHand(own func(include string) bool) (end int) {
	for at := 0; at < len(t.data); {
		line, next := cutLine(t.data, at)
		if at < t.start || at >= t.end {
			name, isInclude := includeOf(line)
			switch {
			case isInclude && own(name):
				return next
			case !isInclude && !remark(line):
				return 0
			}
		}
		at = next
	}
	return 0
}

// upToOurs returns the user's bytes up to the end of our Include.
func (t userText) upToOurs(own func(include string) bool) []byte {
	if end := t.includedByHand(own); end > 0 {
		return t.data[:end]
	}
	return t.data[:t.end]
}

type marker int

const (
	noMark marker = iota
	beginMark
	endMark
	damagedMark
)

func markerOf(line string) marker {
	is := func(mark string) bool {
		rest, ok := strings.CutPrefix(line, mark)
		return ok && (rest == "" || rest[0] == ' ')
	}
	switch {
	case is(beginMarker):
		return beginMark
	case is(endMarker):
		return endMark
	}
	squeezed := strings.ToLower(strings.Join(strings.Fields(line), ""))
	if !strings.HasPrefix(squeezed, "#") {
		return noMark
	}
	for _, mark := range []string{beginMarker, endMarker} {
		whole := strings.ReplaceAll(mark, " ", "")
		if strings.HasPrefix(squeezed, whole) || squeezed == strings.TrimRight(whole, "<>") {
			return damagedMark
		}
	}
	return noMark
}

// ourLine reports whether a line between our markers can be ours: a comment,
// nothing, or an Include of our config as this or another version writes it.
func ourLine(line string) bool {
	name, ok := includeOf(line)
	return remark(line) || ok && strings.HasSuffix(strings.ReplaceAll(name, `\`, "/"), folderName+"/"+configName)
}

func remark(line string) bool { return line == "" || line[0] == '#' }

func onlyRemarks(data []byte) bool {
	for at := 0; at < len(data); {
		line, next := cutLine(data, at)
		if !remark(line) {
			return false
		}
		at = next
	}
	return true
}

// includeOf returns the single argument of an Include line, without quotes.
func includeOf(line string) (string, bool) {
	const keyword = "include"
	if len(line) <= len(keyword) || !strings.EqualFold(line[:len(keyword)], keyword) ||
		!strings.ContainsRune(" \t=\"", rune(line[len(keyword)])) {
		return "", false
	}
	rest := strings.TrimLeft(line[len(keyword):], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		rest, ok = strings.CutSuffix(quoted, `"`)
		if !ok || strings.Contains(rest, `"`) {
			return "", true
		}
		return strings.ReplaceAll(rest, `\\`, `\`), true
	}
	if strings.ContainsAny(rest, " \t\"") {
		return "", true
	}
	return rest, true
}

// cutLine returns the line that starts at, without the blanks around it and its
// end, and where the next one starts.
func cutLine(data []byte, at int) (line string, next int) {
	next = len(data)
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		next = at + i + 1
	}
	return strings.Trim(string(data[at:next]), " \t\r\n"), next
}
