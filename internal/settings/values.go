package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/internal/printable"
)

const (
	maxEditor  = 64   // bytes of an IDE's command
	maxFolder  = 4096 // bytes of a path, Linux's PATH_MAX
	maxHosts   = 64   // trusted hosts
	maxHost    = 253  // bytes of a host name, RFC 1035
	maxOptions = 32   // lines for the SSH config
	maxOption  = 256  // bytes of one

	leastIdle = time.Minute
	mostIdle  = 7 * 24 * time.Hour
)

// off is how a time that never comes is written.
const off = "off"

func putText(field func(*Settings) *string, valid func(string) bool) func(*Settings, any) error {
	return func(s *Settings, value any) error {
		text, err := asText(value)
		if err != nil {
			return err
		}
		if !valid(text) {
			return errUnfit
		}
		*field(s) = text
		return nil
	}
}

func putBool(field func(*Settings) *bool) func(*Settings, any) error {
	return func(s *Settings, value any) error {
		on, ok := value.(bool)
		if !ok {
			return errUnfit
		}
		*field(s) = on
		return nil
	}
}

// putList takes at most that many texts and puts them in the form that as gives
// them; its error says what is wrong with one.
func putList(field func(*Settings) *[]string, most int, as func(string) (string, error)) func(*Settings, any) error {
	return func(s *Settings, value any) error {
		var raw []string
		switch list := value.(type) {
		case []string:
			raw = list
		case []any:
			for _, e := range list {
				text, ok := e.(string)
				if !ok {
					return errUnfit
				}
				raw = append(raw, text)
			}
		default:
			return errUnfit
		}
		if len(raw) > most {
			return fmt.Errorf("it holds more than %d entries", most)
		}
		texts := make([]string, 0, len(raw))
		for _, text := range raw {
			good, err := as(text)
			if err != nil {
				return err
			}
			texts = append(texts, good)
		}
		*field(s) = texts
		return nil
	}
}

func asText(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", errors.New(`it must be a text in quotes`)
	}
	return text, nil
}

func asHost(text string) (string, error) {
	host := strings.ToLower(text)
	address, plain := strings.CutPrefix(host, "ws://")
	if !isHost(address) || plain && !hasPort(address) {
		return "", fmt.Errorf("%s is not a host, host:port or ws://host:port", printable.Quoted(text))
	}
	return host, nil
}

// asOption takes what could be a line of an SSH config: a keyword, and a value
// that needs no quotes.
func asOption(text string) (string, error) {
	keyword, value, _ := strings.Cut(strings.Trim(text, " "), " ")
	value = strings.Trim(value, " ")
	letters := strings.Trim(strings.ToLower(keyword), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	if len(text) > maxOption || keyword == "" || !letters || value == "" ||
		strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("\"'#\\", r) }) {
		return "", fmt.Errorf("%s is not an option with its value, such as \"Compression no\"", printable.Quoted(text))
	}
	return keyword + " " + value, nil
}

func isEditor(name string) bool {
	return len(name) <= maxEditor && !strings.HasPrefix(name, "-") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		})
}

func isFolder(folder string) bool {
	return folder == "" || strings.HasPrefix(folder, "/") && len(folder) <= maxFolder && utf8.ValidString(folder) &&
		!strings.ContainsFunc(folder, unicode.IsControl)
}

func putIdleNotice(s *Settings, value any) error {
	text, err := asText(value)
	if err != nil {
		return err
	}
	if text == off {
		s.IdleNotice = 0
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < leastIdle || d > mostIdle {
		return errUnfit
	}
	s.IdleNotice = d.Round(time.Second)
	return nil
}

// duration writes a time as it is typed: "1h30m", or "off".
func duration(d time.Duration) string {
	if d == 0 {
		return off
	}
	text := d.String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(text, nothing); ok {
			text = rest + nothing[:1]
		}
	}
	return text
}

// isHost reports whether s, in lower case, is a host name or IP address with
// or without a port. No wildcard: who trusts a host names it.
func isHost(s string) bool {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		host, after, closed := strings.Cut(rest, "]")
		addr, err := netip.ParseAddr(host)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return false
		}
		port, hasPort := strings.CutPrefix(after, ":")
		return after == "" || hasPort && isPort(port)
	}
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort && !isPort(port) {
		return false
	}
	if host == "" || len(host) > maxHost {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// hasPort reports whether a host that isHost allows has a port.
func hasPort(host string) bool {
	return strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']')
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s == strconv.FormatUint(n, 10)
}
