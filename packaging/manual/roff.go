package manual

import (
	"bytes"
	"strings"
)

// roff is a page that is being written.
type roff struct{ bytes.Buffer }

// line writes one line as it is.
func (r *roff) line(text string) { r.WriteString(text + "\n") }

func (r *roff) section(title string) { r.line(".SH " + escape(title)) }

// item writes a term, which is escaped already, and what it means.
func (r *roff) item(term, meaning string) {
	r.line(".TP")
	r.line(term)
	r.text(meaning)
}

// prose writes paragraphs: an empty line is between two, and what stands
// indented stays as it is.
func (r *roff) prose(text string) {
	asItIs, between := false, false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = strings.TrimRight(line, " ")
		indented := strings.HasPrefix(line, "  ")
		switch {
		case line == "":
			between = true
			continue
		case indented && !asItIs:
			r.line(".PP")
			r.line(".RS 4")
			r.line(".nf")
		case !indented && asItIs:
			r.line(".fi")
			r.line(".RE")
			r.line(".PP")
		case between && asItIs:
			r.line(".sp")
		case between:
			r.line(".PP")
		}
		asItIs, between = indented, false
		r.text(strings.TrimSpace(line))
	}
	if asItIs {
		r.line(".fi")
		r.line(".RE")
	}
}

// text writes a line of words; what stands between backquotes is bold.
func (r *roff) text(words string) {
	parts := strings.Split(words, "`")
	var line strings.Builder
	for i, part := range parts {
		if odd := i%2 == 1; odd && i < len(parts)-1 {
			line.WriteString(`\fB` + escape(part) + `\fR`)
		} else if odd {
			line.WriteString("`" + escape(part)) // one that nothing closes
		} else {
			line.WriteString(escape(part))
		}
	}
	text := line.String()
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text // or it would be taken for a macro
	}
	r.line(text)
}

// escape writes a text so that it is read as it is: a hyphen as the one that
// can be copied from the page, other letters by their numbers.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "…", `\[u2026]`, "–", `\(en`, "‘", `\(oq`, "’", `\(cq`).Replace(text)
}
