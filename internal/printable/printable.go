// Package printable makes text from outside fit to be shown: one line, no
// control characters, no marks that turn the direction of writing, bounded.
//
// It must not know where the text is shown or what it means.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// replacement stands for what a terminal or a window could act on.
const replacement = '?'

// Text returns text with everything replaced that is not a printable character
// or a plain space, bytes that are not UTF-8 included, and cut after limit
// characters with an ellipsis.
func Text(text string, limit int) string {
	var out strings.Builder
	count := 0
	for len(text) > 0 {
		if count == limit {
			out.WriteRune('…')
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			r = replacement
		}
		out.WriteRune(r)
		text = text[size:]
		count++
	}
	return out.String()
}

// Quoted is Text of at most 128 characters in quotation marks.
func Quoted(text string) string { return `"` + Text(text, 128) + `"` }

// ASCII is for names whose look must not deceive, such as hosts from a link:
// everything but printable ASCII is written as its escape in Go's notation, so
// that neither look-alike letters nor reversed writing reach the reader. It
// cuts after limit bytes of text.
func ASCII(text string, limit int) string {
	rest := ""
	if len(text) > limit {
		text, rest = text[:limit], "..."
	}
	quoted := strconv.QuoteToASCII(text)
	return quoted[1:len(quoted)-1] + rest
}
