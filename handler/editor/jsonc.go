package editor

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// document is a settings file of an IDE: JSON with comments and trailing
// commas. Whatever is not set or removed keeps its bytes.
type document struct {
	mark   bool // a byte order mark stands first
	value  hujson.Value
	root   *hujson.Object
	eol    string
	indent string
}

const byteOrderMark = "\ufeff"

var (
	errNotUTF8   = errors.New("not UTF-8")
	errNotObject = errors.New("not an object")
)

// parseDocument reads data; nothing, or nothing but comments, counts as an
// empty object, as it does for the IDEs. The error tells a position and quotes
// nothing: settings may hold what is nobody's business.
func parseDocument(data []byte) (*document, error) {
	d := &document{eol: "\n", indent: "    "}
	body, mark := bytes.CutPrefix(data, []byte(byteOrderMark))
	d.mark = mark
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return nil, errNotUTF8
	}
	if at := bytes.IndexByte(body, '\n'); at > 0 && body[at-1] == '\r' {
		d.eol = "\r\n"
	}
	value, err := hujson.Parse(body)
	if err != nil {
		if blank, blankErr := hujson.Parse(append(bytes.Clone(body), d.separator(body)+"{}"+d.eol...)); blankErr == nil {
			value = blank
		} else {
			return nil, errors.New(position(err))
		}
	}
	root, ok := value.Value.(*hujson.Object)
	if !ok {
		return nil, errNotObject
	}
	d.value, d.root = value, root
	for _, m := range root.Members {
		if _, indent, ok := cutLast(string(m.Name.BeforeExtra), "\n"); ok && isBlank(indent) && indent != "" {
			d.indent = indent
			break
		}
	}
	return d, nil
}

// separator keeps a comment at the end of body from swallowing what follows.
func (d *document) separator(body []byte) string {
	if len(body) == 0 || body[len(body)-1] == '\n' {
		return ""
	}
	return d.eol
}

// position is where the parser stopped, as in "line 3, column 5".
func position(err error) string {
	parts := strings.SplitN(err.Error(), ": ", 3)
	if len(parts) == 3 && strings.HasPrefix(parts[1], "line ") {
		return parts[1]
	}
	return "unreadable"
}

// bytes returns the text of the document.
func (d *document) bytes() []byte {
	var out []byte
	if d.mark {
		out = append(out, byteOrderMark...)
	}
	return append(out, d.value.Pack()...)
}

// member returns the member that counts: of several with one name it is the
// last, for the IDEs as for us.
func member(o *hujson.Object, name string) *hujson.ObjectMember {
	for i := len(o.Members) - 1; i >= 0; i-- {
		if lit, ok := o.Members[i].Name.Value.(hujson.Literal); ok && lit.String() == name {
			return &o.Members[i]
		}
	}
	return nil
}

// hosts returns the object that maps hosts to values under key. It is made
// where it is missing; made tells.
func (d *document) hosts(key string) (o *hujson.Object, made bool, err error) {
	m := member(d.root, key)
	if m == nil {
		o = &hujson.Object{}
		d.add(d.root, 1, key, o)
		return o, true, nil
	}
	o, ok := m.Value.Value.(*hujson.Object)
	if !ok {
		return nil, false, fmt.Errorf("%s: %w", key, errNotObject)
	}
	return o, false, nil
}

// add appends a member in the style of those that are there. Level is how
// deep the members of o stand.
func (d *document) add(o *hujson.Object, level int, name string, value hujson.ValueTrimmed) {
	rest := string(o.AfterExtra)
	comment := strings.TrimRight(rest, " \t\r\n")
	tail := rest[len(comment):]
	m := hujson.ObjectMember{
		Name:  hujson.Value{Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: value},
	}
	indent := strings.Repeat(d.indent, level)
	oneLine := false
	if n := len(o.Members); n > 0 {
		last := o.Members[n-1]
		before := string(last.Name.BeforeExtra)
		if _, own, ok := cutLast(before, "\n"); ok && isBlank(own) {
			indent = own
		} else {
			oneLine = level > 1 && !strings.Contains(before+rest, "\n")
		}
		if last.Value.AfterExtra != nil {
			m.Value.AfterExtra = hujson.Extra{} // their trailing comma
		}
	}
	if oneLine {
		m.Name.BeforeExtra = hujson.Extra(comment + " ")
	} else {
		m.Name.BeforeExtra = hujson.Extra(comment + d.eol + indent)
		if !strings.Contains(tail, "\n") {
			tail = d.eol + strings.Repeat(d.indent, level-1)
		}
	}
	o.AfterExtra = hujson.Extra(tail)
	o.Members = append(o.Members, m)
}

// remove takes the member that counts out again, and leaves comments that
// stand before it.
func remove(o *hujson.Object, name string) {
	m := member(o, name)
	at := -1
	for i := range o.Members {
		if &o.Members[i] == m {
			at = i
		}
	}
	if at < 0 {
		return
	}
	comment := strings.TrimRight(string(m.Name.BeforeExtra), " \t\r\n")
	last := at == len(o.Members)-1
	trailingComma := last && m.Value.AfterExtra != nil
	o.Members = append(o.Members[:at:at], o.Members[at+1:]...)
	switch {
	case !last:
		next := &o.Members[at].Name
		next.BeforeExtra = append(hujson.Extra(comment), next.BeforeExtra...)
	case at == 0:
		o.AfterExtra = append(hujson.Extra(comment), o.AfterExtra...)
		if isBlank(string(o.AfterExtra)) {
			o.AfterExtra = nil
		}
	default:
		previous := &o.Members[at-1].Value
		if !trailingComma {
			comment = string(previous.AfterExtra) + comment
			previous.AfterExtra = nil
		} else if previous.AfterExtra == nil {
			previous.AfterExtra = hujson.Extra{}
		}
		o.AfterExtra = append(hujson.Extra(comment), o.AfterExtra...)
	}
}

func isBlank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }

// cutLast cuts s around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	at := strings.LastIndex(s, separator)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+len(separator):], true
}
