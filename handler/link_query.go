package handler

import (
	"net/url"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/handler/session"
)

// parameters are the known parameters of a link's query, values still encoded.
type parameters struct {
	values map[string]string
	// stream holds the parameters that belong to the stream URL, decoded. They
	// may come beside it, inside it or both, since a raw "&" in the stream URL
	// ends it for every reader of the link. [parameters.streamURL] merges them.
	stream     map[string]string
	streamKeys []string
	// rounds is how often a value may have been encoded: twice, and once more
	// for each time that the delimiters were, too.
	rounds int
}

// streamKeys are the parameters of a stream URL, in the order in which they
// are put back into it. The order of the X-Amz ones is that of AWS's own
// client; to the signature it makes no difference (SigV4 sorts them).
func streamKeys(kind session.Kind) []string {
	if kind == session.HyperPod {
		return []string{"role", "cell-number"}
	}
	return []string{
		"role", "cell-number",
		"X-Amz-Security-Token", "X-Amz-Algorithm", "X-Amz-Date", "X-Amz-SignedHeaders",
		"X-Amz-Credential", "X-Amz-Expires", "X-Amz-Signature",
	}
}

// linkKeys are the parameters of a link itself: first the ones that no link of
// the kind lacks and by which a mangled query is told from a sound one, then
// the others.
func linkKeys(kind session.Kind) (always, sometimes []string) {
	switch kind {
	case callback:
		return []string{"connection_identifier", "request_id", "ws_url", "token"}, []string{"session"}
	case session.HyperPod:
		return []string{"sessionId", "streamUrl", "sessionToken"},
			[]string{"workspaceName", "namespace", "eksClusterArn", "refreshUrl"}
	case session.UnifiedStudio:
		return []string{"connection_identifier", "domain", "user_profile", "ws_url", "token"},
			[]string{
				"session", "app_type", "reconnect_base_url",
				"smus_domain_id", "smus_domain_account_id", "smus_project_id",
				"smus_domain_region", "smus_auth_mode", "smus_domain_mode",
			}
	default:
		return []string{"connection_identifier", "domain", "user_profile", "session", "ws_url", "token"},
			[]string{"app_type"}
	}
}

// readQuery splits the query into its known parameters. Where some that every
// link has are missing it tries whether "&" and "=" were percent-encoded on
// the way, once or twice, and takes the reading that finds the most.
func readQuery(kind session.Kind, query string) (*parameters, error) {
	always, sometimes := linkKeys(kind)
	best, found := query, -1
	level := 0
	for i, q := 0, query; i <= 2; i++ {
		n := 0
		for _, key := range always {
			if slices.ContainsFunc(splitQuery(q), func(piece string) bool { return strings.HasPrefix(piece, key+"=") }) {
				n++
			}
		}
		if n > found {
			best, found, level = q, n, i
		}
		if n == len(always) {
			break
		}
		q = unmangle(q)
	}

	p := &parameters{
		values:     make(map[string]string),
		stream:     make(map[string]string),
		streamKeys: streamKeys(kind),
		rounds:     2 + level,
	}
	for _, piece := range splitQuery(best) {
		name, value, _ := strings.Cut(piece, "=")
		switch {
		case slices.Contains(p.streamKeys, name):
			if err := p.addStream(name, value, p.rounds+1); err != nil {
				return nil, err
			}
		case slices.Contains(always, name), slices.Contains(sometimes, name):
			if _, twice := p.values[name]; twice {
				return nil, malformed("the parameter "+name+" is there more than once", nil)
			}
			p.values[name] = value
		case len(piece) > maxParameter:
			return nil, malformed("a parameter is longer than 16 KiB", nil)
		}
	}
	for _, key := range always {
		if p.values[key] == "" {
			return nil, malformed("the parameter "+key+" is missing", nil)
		}
	}
	return p, nil
}

// splitQuery cuts a query at its delimiters, "&" or the "&amp;" that passing
// through HTML makes of it.
func splitQuery(query string) []string {
	pieces := strings.Split(query, "&")
	for i, piece := range pieces {
		for i > 0 && strings.HasPrefix(piece, "amp;") {
			piece = piece[len("amp;"):]
		}
		pieces[i] = piece
	}
	return pieces
}

// unmangle takes one layer of percent-encoding off the delimiters and leaves
// everything else to the decoding of each value.
func unmangle(query string) string {
	return strings.NewReplacer(
		"%26", "&", "%3D", "=", "%3d", "=",
		"%2526", "%26", "%253D", "%3D", "%253d", "%3D",
	).Replace(query)
}

// addStream notes a parameter of the stream URL. It may come more than once if
// it says the same each time; without a value it is as good as absent.
func (p *parameters) addStream(name, encoded string, rounds int) error {
	value, err := decodeValue(name, encoded, rounds, unescaped)
	if err != nil {
		return err
	}
	if value == "" {
		return nil
	}
	if before, ok := p.stream[name]; ok && before != value {
		return malformed("the parameter "+name+" is there with two different values", nil)
	}
	p.stream[name] = value
	return nil
}

// optional returns a decoded value, empty where the parameter is absent.
func (p *parameters) optional(name string) (string, error) {
	return decodeValue(name, p.values[name], p.rounds, unescaped)
}

// required is optional for a parameter that must be there.
func (p *parameters) required(name string) (string, error) {
	value, err := p.optional(name)
	if err == nil && value == "" {
		err = malformed("the parameter "+name+" is missing", nil)
	}
	return value, err
}

// url returns a decoded URL, empty where the parameter is absent. The URLs of
// links have no escapes before their question mark: it is decoded until that is
// so, and the escapes of its query are left alone.
func (p *parameters) url(name string) (string, error) {
	return decodeValue(name, p.values[name], p.rounds, func(s string) bool {
		head, _, _ := strings.Cut(s, "?")
		return !strings.Contains(head, "%")
	})
}

// streamURL returns the stream URL with all of its parameters, each encoded
// once. What the URL holds already keeps its place, so a complete URL stays as
// it was; the others follow in the order of [streamKeys].
func (p *parameters) streamURL(name string) (string, error) {
	whole, err := p.url(name)
	if err != nil {
		return "", err
	}
	if strings.Contains(whole, "#") {
		return "", malformed("the parameter "+name+` holds a "#"`, nil)
	}
	head, query, _ := strings.Cut(whole, "?")
	var keep []string // names of p.streamKeys, and other parameters whole
	for _, piece := range splitQuery(query) {
		key, value, _ := strings.Cut(piece, "=")
		switch {
		case piece == "":
		case slices.Contains(p.streamKeys, key):
			if err := p.addStream(key, value, p.rounds+1); err != nil {
				return "", err
			}
			if !slices.Contains(keep, key) {
				keep = append(keep, key)
			}
		default:
			text, err := url.PathUnescape(piece)
			if err != nil || !plainText(text) {
				return "", malformed("the parameter "+name+" is not encoded as a URL is", nil)
			}
			keep = append(keep, piece)
		}
	}
	for _, key := range p.streamKeys {
		if !slices.Contains(keep, key) {
			keep = append(keep, key)
		}
	}
	if p.stream["cell-number"] == "" {
		return "", malformed("the parameter cell-number is missing", nil)
	}
	var b strings.Builder
	b.WriteString(head)
	delimiter := byte('?')
	for _, piece := range keep {
		if slices.Contains(p.streamKeys, piece) {
			value := p.stream[piece]
			if value == "" {
				continue
			}
			piece += "=" + escapeValue(value)
		}
		b.WriteByte(delimiter)
		b.WriteString(piece)
		delimiter = '&'
	}
	if b.Len() > maxParameter {
		return "", malformed("the parameter "+name+" is longer than 16 KiB", nil)
	}
	return b.String(), nil
}

// unescaped reports whether no percent-encoding is left.
func unescaped(s string) bool { return !strings.Contains(s, "%") }

// decodeValue takes percent-encoding off a value, at most rounds times, until done
// says that it is plain. A "+" stays a plus: none of a link's values holds a
// space, tokens and cell numbers hold plusses.
func decodeValue(name, value string, rounds int, done func(string) bool) (string, error) {
	for i := 0; !done(value); i++ {
		if i == rounds {
			return "", malformed("the parameter "+name+" is encoded too many times", nil)
		}
		plain, err := url.PathUnescape(value)
		if err != nil {
			return "", malformed("the parameter "+name+" holds a broken percent sign", nil)
		}
		value = plain
	}
	switch {
	case len(value) > maxParameter:
		return "", malformed("the parameter "+name+" is longer than 16 KiB", nil)
	case !plainText(value):
		return "", malformed("the parameter "+name+" holds control characters or other invisible ones", nil)
	case strings.Contains(value, " "):
		return "", malformed("the parameter "+name+" holds a space", nil)
	}
	return value, nil
}

// escapeValue encodes a value for the query of a URL, once; a plus too.
func escapeValue(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}
