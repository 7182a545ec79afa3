package installer

import (
	"bytes"
	"slices"
	"strings"
)

// keyfile is the text of a desktop entry, a mimeapps.list or a mimeinfo.cache:
// groups of key=value lines. Whatever is not asked to change keeps its bytes.
type keyfile []string // lines with their ends

func parseKeyfile(data []byte) keyfile {
	lines := strings.SplitAfter(string(data), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func (k keyfile) bytes() []byte {
	var b bytes.Buffer
	for _, line := range k {
		b.WriteString(line)
	}
	return b.Bytes()
}

// group returns the lines of a group, its header excluded: [from, to). From is
// -1 where there is none.
func (k keyfile) group(name string) (from, to int) {
	from = -1
	for i, line := range k {
		line = strings.TrimSpace(line)
		switch {
		case from < 0 && line == "["+name+"]":
			from = i + 1
		case from >= 0 && strings.HasPrefix(line, "["):
			return from, i
		}
	}
	return from, len(k)
}

// find returns the line of a key, or -1, and its value.
func (k keyfile) find(group, key string) (int, string) {
	from, to := k.group(group)
	if from < 0 {
		return -1, ""
	}
	for i := from; i < to; i++ {
		name, value, ok := strings.Cut(k[i], "=")
		if ok && strings.TrimSpace(name) == key {
			return i, strings.TrimSpace(value)
		}
	}
	return -1, ""
}

// list returns the elements of a value that is a list.
func (k keyfile) list(group, key string) []string {
	_, value := k.find(group, key)
	return elements(value)
}

func elements(value string) []string {
	return slices.DeleteFunc(strings.Split(value, ";"), func(s string) bool { return s == "" })
}

const (
	defaults   = "Default Applications"
	entryGroup = "Desktop Entry"
)

// prefer puts ids first among the defaults for a type.
func (k keyfile) prefer(p preference) keyfile {
	k = slices.Clone(k)
	if at, value := k.find(defaults, p.MIME); at >= 0 {
		ids := slices.DeleteFunc(elements(value), func(s string) bool { return slices.Contains(p.IDs, s) })
		k[at] = p.MIME + "=" + strings.Join(append(slices.Clone(p.IDs), ids...), ";") + k.end(at)
		return k
	}
	line := p.MIME + "=" + strings.Join(p.IDs, ";") + "\n"
	if n := len(k); n > 0 && !strings.HasSuffix(k[n-1], "\n") {
		k[n-1] += "\n"
	}
	from, to := k.group(defaults)
	if from < 0 {
		if len(k) > 0 && strings.TrimSpace(k[len(k)-1]) != "" {
			k = append(k, "\n")
		}
		return append(k, "["+defaults+"]\n", line)
	}
	for to > from && strings.TrimSpace(k[to-1]) == "" {
		to-- // blank lines belong to what follows
	}
	return slices.Insert(k, to, line)
}

// forget takes ids out of every list for mime. A list without elements goes,
// and so does a group of defaults without keys if dropGroup.
func (k keyfile) forget(mime string, ids []string, dropGroup bool) keyfile {
	gone := func(id string) bool { return slices.Contains(ids, id) }
	k = slices.Clone(k)
	for _, group := range []string{defaults, "Added Associations"} {
		at, value := k.find(group, mime)
		if at < 0 || !slices.ContainsFunc(elements(value), gone) {
			continue
		}
		if rest := slices.DeleteFunc(elements(value), gone); len(rest) > 0 {
			k[at] = mime + "=" + strings.Join(rest, ";") + k.end(at)
			continue
		}
		k = slices.Delete(k, at, at+1)
		from, to := k.group(group)
		if !dropGroup || group != defaults || slices.ContainsFunc(k[from:to], func(l string) bool { return strings.TrimSpace(l) != "" }) {
			continue
		}
		from-- // the header
		if from > 0 && strings.TrimSpace(k[from-1]) == "" {
			from-- // the blank line we set before it
		}
		k = slices.Delete(k, from, to)
	}
	return k
}

// end returns what follows the value on a line: the closing semicolon, if
// there is one, and the line end.
func (k keyfile) end(at int) string {
	text := strings.TrimRight(k[at], " \t\r\n")
	end := k[at][len(text):]
	if strings.HasSuffix(text, ";") {
		return ";" + end
	}
	return end
}
