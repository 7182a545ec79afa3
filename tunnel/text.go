package tunnel

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// textLimit bounds what is shown of a text from outside, in characters.
const textLimit = 1024

// oneLine makes a text from outside harmless for a terminal and bounded; what
// stood on several lines stands on one, and what is not visible is a blank.
func oneLine(s string, limit int) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == utf8.RuneError || r == ' ' || !unicode.IsPrint(r) })
	return printable.Text(strings.Join(words, " "), limit)
}

// redactor hides secrets in texts from outside, should they repeat them. It
// is safe for concurrent use.
type redactor struct {
	mu      sync.Mutex
	secrets []string
}

// add has the token, the stream URL's query and that query's longer values
// hidden from now on.
func (r *redactor) add(streamURL, token secret.String) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, query, _ := strings.Cut(streamURL.Reveal(), "?")
	// The longest first: a part must not be hidden before the whole.
	candidates := []string{query, token.Reveal()}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		candidates = append(candidates, value)
		if plain, err := url.PathUnescape(value); err == nil {
			candidates = append(candidates, plain)
		}
	}
	for _, c := range candidates {
		if len(c) >= 8 && !slices.Contains(r.secrets, c) {
			r.secrets = append(r.secrets, c)
		}
	}
}

// clean returns s without secrets, printable and bounded.
func (r *redactor) clean(s string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.secrets {
		s = strings.ReplaceAll(s, c, secret.Mask)
	}
	return oneLine(s, textLimit)
}
