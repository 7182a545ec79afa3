package sshconfig

import (
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"
)

// Diff returns what Apply will do, as text for a person: a line for each file
// and folder with the mode it will have, and a unified diff where the content
// matters. Bytes that a terminal would act on are written out (^M, \xff). It
// holds no colours.
func (p *Plan) Diff() string {
	var out strings.Builder
	for _, s := range p.steps {
		out.WriteString(string(s.Action) + " ")
		if s.Folder {
			out.WriteString("folder ")
		}
		out.WriteString(visible(s.Path))
		if s.Target != "" {
			out.WriteString(" -> " + visible(s.Target))
		}
		if s.Mode != "" {
			out.WriteString(" (mode " + s.Mode + ")")
		}
		out.WriteByte('\n')
		if !s.Folder && !s.quiet {
			out.WriteString(visible(s.unified()))
		}
	}
	return out.String()
}

func (s step) unified() string {
	before, after := string(s.before.data), string(s.after)
	if before == after {
		return ""
	}
	from, to := s.Path, s.Path
	switch s.Action {
	case Create:
		from = "/dev/null"
	case Remove:
		to = "/dev/null"
	}
	text, err := udiff.ToUnified(from, to, before, udiff.Lines(before, after), udiff.DefaultContextLines)
	if err != nil { // edits that overlap, which Lines does not give
		return ""
	}
	return text
}
