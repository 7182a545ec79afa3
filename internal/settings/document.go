package settings

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// document is the text of a settings file and where its statements stand.
type document struct {
	lines      []string // with their line ends
	statements []statement
}

// statement is one key = value, or a table's header.
type statement struct {
	key   string
	value any
	line  int // number of its first line, from 1
	count int // lines it spans
}

// parse finds the statements of a file. The TOML library does not tell where
// a key stands; a statement is the fewest lines that it can read by themselves.
func parse(path string, data []byte) (document, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	if !utf8.ValidString(text) {
		return document{}, problem.New(Invalid, fmt.Sprintf("%s is not a text in UTF-8.", path),
			"Save the file as UTF-8 in your text editor.", nil)
	}
	var whole map[string]any
	if _, err := toml.Decode(text, &whole); err != nil {
		line := 1
		cause := err
		if p, ok := errors.AsType[toml.ParseError](err); ok {
			line = p.Position.Line
			cause = errors.New(p.Message)
		}
		return document{}, problem.New(Invalid, fmt.Sprintf("Line %d of %s cannot be read as TOML.", line, path),
			"Correct the line; nothing was changed.", cause)
	}
	doc := document{lines: strings.SplitAfter(string(data), "\n")}
	if doc.lines[len(doc.lines)-1] == "" {
		doc.lines = doc.lines[:len(doc.lines)-1]
	}
	for i := 0; i < len(doc.lines); {
		st := doc.statement(i)
		if st.key != "" {
			doc.statements = append(doc.statements, st)
		}
		i += st.count
	}
	return doc, nil
}

// statement reads the statement that starts on line i (from 0); blank and
// comment lines give one without a key.
func (d document) statement(i int) statement {
	st := statement{line: i + 1, count: 1}
	for n := 1; i+n <= len(d.lines); n++ {
		var values map[string]any
		text := strings.TrimPrefix(strings.Join(d.lines[i:i+n], ""), "\ufeff")
		meta, err := toml.Decode(text, &values)
		if err != nil {
			continue
		}
		st.count = n
		if found := meta.Keys(); len(found) > 0 {
			st.key = found[0].String()
			if len(found[0]) == 1 {
				st.value = values[found[0][0]]
			}
		}
		break
	}
	return st
}

// lineEnd returns how the file ends its lines.
func (d document) lineEnd() string {
	if len(d.lines) > 0 && strings.HasSuffix(d.lines[0], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// comment returns what follows the value on the last line of a statement,
// from the space before its # on, without the line end.
func (d document) comment(st statement) string {
	first := strings.Join(d.lines[st.line-1:st.line-2+st.count], "")
	last := strings.TrimRight(d.lines[st.line-2+st.count], "\r\n")
	for i := range len(last) {
		if last[i] != '#' {
			continue
		}
		var values map[string]any
		if _, err := toml.Decode(strings.TrimPrefix(first+last[:i], "\ufeff"), &values); err == nil && len(values) > 0 {
			return last[len(strings.TrimRight(last[:i], " \t")):]
		}
	}
	return ""
}
