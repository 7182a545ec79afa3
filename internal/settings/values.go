package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spacehatch/spacehatch/internal/printable"
)

const (
	maxEditor = 64   // bytes of an IDE's command
	maxFolder = 4096 // bytes of a path, Linux's PATH_MAX
	maxHosts  = 64   // trusted hosts
	maxHost   = 253  // bytes of a host name, RFC 1035
)

func asText(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", errors.New(`it must be a text in quotes`)
	}
	return text, nil
}

func asHosts(value any) ([]string, error) {
	var raw []string
	switch list := value.(type) {
	case []string:
		raw = list
	case []any:
		for _, e := range list {
			text, ok := e.(string)
			if !ok {
				return nil, errors.New(`it must be a list of texts such as ["host:port"]`)
			}
			raw = append(raw, text)
		}
	default:
		return nil, errors.New(`it must be a list of texts such as ["host:port"]`)
	}
	if len(raw) > maxHosts {
		return nil, fmt.Errorf("it holds more than %d hosts", maxHosts)
	}
	hosts := make([]string, 0, len(raw))
	for _, h := range raw {
		host := strings.ToLower(h)
		address, plain := strings.CutPrefix(host, "ws://")
		if !isHost(address) || plain && !hasPort(address) {
			return nil, fmt.Errorf("%s is not a host, host:port or ws://host:port", printable.Quoted(h))
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

func splitHosts(list string) []string {
	var hosts []string
	for h := range strings.SplitSeq(list, ",") {
		if h = strings.TrimSpace(h); h != "" {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

func checkEditor(name string) error {
	if len(name) > maxEditor || strings.HasPrefix(name, "-") ||
		strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		}) {
		return errors.New(`it must be the command of an IDE, such as "code" or "cursor"`)
	}
	return nil
}

func checkFolder(folder string) error {
	if folder == "" {
		return nil
	}
	if !strings.HasPrefix(folder, "/") || len(folder) > maxFolder || !utf8.ValidString(folder) ||
		strings.ContainsFunc(folder, unicode.IsControl) {
		return errors.New(`it must be an absolute path on the space, such as "/home/sagemaker-user"`)
	}
	return nil
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
