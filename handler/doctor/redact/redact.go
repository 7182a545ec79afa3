// Package redact takes out of a text what must not leave the machine with a
// report: secrets, AWS accounts, and who and where the user is.
//
// It must not know what the text is or where it goes. It would rather take out
// too much: a report that lacks a word is still a report.
package redact

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Mask stands for what was taken out.
const Mask = "***"

// Person is what would tell whose machine it is.
type Person struct {
	Homes []string // home folders; shown as ~
	Users []string // login names, also with a domain before a backslash
	Hosts []string // names of this machine
}

// Redactor takes things out of texts. Make one with [New].
type Redactor struct {
	homes *regexp.Regexp // nil where none is known
	names *regexp.Regexp // every word of shown; nil where there is none
	shown map[string]string
}

// leastWord is the length in bytes from which a name can be told from the
// words of any text.
const leastWord = 2

// New returns a redactor that knows the person, and words (aliases, names of
// spaces …) with what shall be shown in their place. A word is replaced
// wherever no letter or digit touches it, in upper or lower case, also where it
// is percent-encoded.
func New(person Person, words map[string]string) *Redactor {
	r := &Redactor{shown: map[string]string{}}
	var homes []string
	for _, home := range person.Homes {
		if home = strings.TrimRight(home, `/\`); len(home) <= leastWord {
			continue // the root of a disk
		}
		for _, spelling := range spellings(home) {
			homes = append(homes, regexp.QuoteMeta(spelling))
		}
	}
	r.homes = anyOf(homes)
	learn := func(word, shown string) {
		if len(word) < leastWord {
			return
		}
		for _, spelling := range spellings(word) {
			r.shown[strings.ToLower(spelling)] = shown
		}
	}
	for _, user := range person.Users {
		if at := strings.LastIndexByte(user, '\\'); at >= 0 {
			learn(user[:at], "(domain)")
			user = user[at+1:]
		}
		if user != "root" { // who is root on a machine says nothing
			learn(user, "(user)")
		}
	}
	for _, host := range person.Hosts {
		if host == "localhost" {
			continue
		}
		learn(host, "(host)")
		short, _, _ := strings.Cut(host, ".")
		learn(short, "(host)")
	}
	for word, shown := range words {
		learn(word, shown)
	}
	var names []string
	for word := range r.shown {
		names = append(names, regexp.QuoteMeta(word))
	}
	r.names = anyOf(names)
	return r
}

// anyOf matches any of the patterns, the longest first.
func anyOf(patterns []string) *regexp.Regexp {
	if len(patterns) == 0 {
		return nil
	}
	slices.SortFunc(patterns, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return regexp.MustCompile(`(?i)(?:` + strings.Join(patterns, "|") + `)`)
}

// spellings are the ways in which a path or a name may be written in a log, a
// link, JSON or a config.
func spellings(text string) []string {
	all := []string{
		text, strings.ReplaceAll(text, `\`, `\\`), strings.ReplaceAll(text, `\`, "/"),
		url.QueryEscape(text), url.PathEscape(text), strings.ReplaceAll(text, " ", `\ `),
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A rule replaces what it matches.
type rule struct {
	match *regexp.Regexp
	with  string // as of regexp.ReplaceAllString
}

// Percent-encoding, once or twice, of the characters that separate.
const (
	colon  = `(?::|%(?:25)*3[Aa])`
	slash  = `(?:/|%(?:25)*2[Ff])`
	equals = `(?:=|%(?:25)*3[Dd])`
	// value is what a key's value consists of, up to white space, a quote or
	// what separates two keys.
	value = `[^\s"'<>&,;{}()\[\]\\` + "`" + `]+`
)

// rules are applied in order. Facts: the prefixes of access key ids and unique
// ids are those of AWS's IAM guide; session ids and link parameters are those
// of Studio's links. Compiled when needed: every ssh starts a process of ours.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		// A whole link of an IDE's or of ours: everything after the path.
		{regexp.MustCompile(`\b([a-zA-Z][a-zA-Z0-9+.-]{1,31}://[^\s"'?#<>` + "`" + `]*)[?#][^\s"'<>` + "`" + `]+`), `${1}?` + Mask},
		// User and password in a URL.
		{regexp.MustCompile(`(://)[^/\s"'<>?#]+@`), `${1}` + Mask + `@`},
		{regexp.MustCompile(`(?i)(authorization|proxy-authorization)(\s*[:=]\s*)[^\r\n]+`), `${1}${2}` + Mask},
		{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}`), `${1} ` + Mask},
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), Mask},
		{regexp.MustCompile(`(?i)(x-amz-[a-z-]+)(["']?\s*` + `(?:=|:|%(?:25)*3[Dd])` + `\s*["']?)` + value), `${1}${2}` + Mask},
		// Keys of secrets, whatever joins them to their value.
		{regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:token|secret|passw(?:or)?d|passphrase|credential|cookie|signature|api[_-]?key|access[_-]?key(?:[_-]?id)?|session(?:[_-]?id)?|cell-number|ws_url|stream_?url|request[_-]?id|user_profile|connection_identifier)[a-z0-9_]*)(["']?\s*(?:=|:|%(?:25)*3[Dd])\s*["']?)` + value), `${1}${2}` + Mask},
		// Access keys and unique ids of IAM.
		{regexp.MustCompile(`\b(?:A3T[A-Z0-9]|ABIA|ACCA|AGPA|AIDA|AIPA|AKIA|ANPA|ANVA|APKA|AROA|ASCA|ASIA)[A-Z0-9]{8,}\b`), Mask},
		// ARNs: account and resource.
		{regexp.MustCompile(`\b(arn` + colon + `aws[a-z-]*` + colon + `[a-z0-9-]*` + colon + `[a-z0-9-]*` + colon + `)[^:%\s"'/]*(` + colon + `[a-z-]+(?:` + slash + `|` + colon + `))[^\s"'<>,;&)` + "`" + `]+`), `${1}` + Mask + `${2}` + Mask},
		// Studio domains and their like, private endpoints.
		{regexp.MustCompile(`\b(d|dzd|vpce|vpc|eni|i|sg|subnet)([-_])[0-9a-z]{8,}(?:-[0-9a-z]{6,})*\b`), `${1}${2}` + Mask},
		// Sessions of Session Manager.
		{regexp.MustCompile(`\bSageMaker-remote-[A-Za-z0-9-]+`), Mask},
		{regexp.MustCompile(`(data-channel` + slash + `)[^\s"'?<>]+`), `${1}` + Mask},
		{regexp.MustCompile(`[\w.@=+-]+-[0-9a-f]{17}\b`), Mask},
		// E-mail addresses, their @ encoded too.
		{regexp.MustCompile(`[A-Za-z0-9._%+-]+(?:@|%(?:25)*40)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}`), Mask},
		// Account ids: alone, in threes of four, or inside something longer.
		{regexp.MustCompile(`\d{12,}`), Mask},
		{regexp.MustCompile(`\b\d{4}-\d{4}-\d{4}\b`), Mask},
	}
})

// blob is a run of characters long enough to be a key, a token or a hash.
var blob = regexp.MustCompile(`[A-Za-z0-9+/_=%-]{32,}`)

// address is what may be an IP address.
var address = regexp.MustCompile(`[0-9a-fA-F:.]{7,45}|[0-9a-fA-F]*::[0-9a-fA-F:.]*`)

// Text returns text without what must not leave the machine. Give it a text
// once: what stands for a word may be a word again.
func (r *Redactor) Text(text string) string {
	text = strings.ToValidUTF8(text, "?")
	// What one pass takes out may bring together what the next one finds.
	for range maxPasses {
		after := r.pass(text)
		if after == text {
			break
		}
		text = after
	}
	if r.names != nil {
		text = replaceWords(text, r.names, func(word string) string { return r.shown[strings.ToLower(word)] })
	}
	return text
}

const maxPasses = 8

func (r *Redactor) pass(text string) string {
	if r.homes != nil {
		text = replaceWords(text, r.homes, func(string) string { return "~" })
	}
	for _, rule := range rules() {
		text = rule.match.ReplaceAllString(text, rule.with)
	}
	text = address.ReplaceAllStringFunc(text, maskAddress)
	return blob.ReplaceAllStringFunc(text, maskBlob)
}

// replaceWords replaces the matches that no letter or digit touches. The two
// digits of a percent-encoded character before a match belong to nothing.
func replaceWords(text string, words *regexp.Regexp, with func(string) string) string {
	var out strings.Builder
	last := 0
	for at := 0; at < len(text); {
		found := words.FindStringIndex(text[at:])
		if found == nil {
			break
		}
		from, to := at+found[0], at+found[1]
		if touches(text, from, to) {
			_, size := utf8.DecodeRuneInString(text[from:])
			at = from + size
			continue
		}
		out.WriteString(text[last:from])
		out.WriteString(with(text[from:to]))
		last, at = to, to
	}
	out.WriteString(text[last:])
	return out.String()
}

func touches(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	if encoded.MatchString(text[max(0, from-3):from]) {
		before = ' '
	}
	word := func(c rune) bool { return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c)) }
	return word(before) || word(after)
}

var encoded = regexp.MustCompile(`^%[0-9A-Fa-f]{2}$`)

// maskAddress masks an IP address that says where the machine is; loopback and
// the link-local address of instance metadata are the same everywhere.
func maskAddress(found string) string {
	trimmed := strings.TrimRight(found, ".:")
	rest := found[len(trimmed):]
	host, port := trimmed, ""
	if at := strings.LastIndexByte(trimmed, ':'); at > 0 && strings.Count(trimmed, ":") == 1 {
		host, port = trimmed[:at], trimmed[at:]
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() && addr.Is4() {
		return found
	}
	return Mask + port + rest
}

// maskBlob masks what has the look of a key: long without a slash, or longer
// with upper and lower case and digits all in it. UUIDs go with it, and our own
// file names (a hash in hexadecimal after cm-).
func maskBlob(found string) string {
	longest := 0
	for part := range strings.SplitSeq(found, "/") {
		longest = max(longest, len(part))
	}
	mixed := strings.ContainsFunc(found, unicode.IsUpper) && strings.ContainsFunc(found, unicode.IsLower) && strings.ContainsFunc(found, unicode.IsDigit)
	hasDigit := strings.ContainsFunc(found, unicode.IsDigit)
	if longest >= 32 && hasDigit || mixed && len(found) >= 38 {
		return Mask
	}
	return found
}
