package handler

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// urlParts is a URL of a link, taken apart.
type urlParts struct {
	scheme, host, port, path string
	// hasPort tells "host:" from "host".
	hasPort, user, fragment bool
}

// splitURL takes an absolute URL apart by hand. Nothing is decoded or
// repaired, and where net/url would see another host, the URL is not one: the
// host that is checked must be the one that is dialled.
func splitURL(raw string) (urlParts, bool) {
	var t urlParts
	if !urlText(raw) {
		return t, false
	}
	var rest string
	var ok bool
	if t.scheme, rest, ok = strings.Cut(raw, "://"); !ok || !only(t.scheme, "", lower) {
		return t, false
	}
	rest, _, t.fragment = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	authority, path, slash := strings.Cut(rest, "/")
	if slash {
		t.path = "/" + path
	}
	t.user = strings.Contains(authority, "@")
	t.host = authority[strings.LastIndexByte(authority, '@')+1:]
	if i := strings.LastIndexByte(t.host, ':'); i > strings.LastIndexByte(t.host, ']') {
		t.host, t.port, t.hasPort = t.host[:i], t.host[i+1:], true
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != t.scheme || u.Host != authority[strings.LastIndexByte(authority, '@')+1:] {
		return t, false
	}
	return t, t.host != ""
}

// urlText reports whether raw holds the characters of RFC 3986, section 2, and
// no others. What that leaves out matters most: backslashes, spaces, letters
// that only look like ASCII.
func urlText(raw string) bool {
	return only(raw, "-._~:/?#[]@!$&'()*+,;=%", lower, upper, digit)
}

// trusts reports whether the URL's host, port and encryption are listed.
func (p Policy) trusts(u urlParts) bool {
	switch u.scheme {
	case "ws", "http":
		return slices.Contains(p.TrustedHosts, "ws://"+u.host+":"+u.port)
	case "wss", "https":
		if u.port == "" || u.port == "443" {
			return slices.Contains(p.TrustedHosts, u.host) || slices.Contains(p.TrustedHosts, u.host+":443")
		}
		return slices.Contains(p.TrustedHosts, u.host+":"+u.port)
	}
	return false
}

// hostName reports whether s is a DNS name or an IPv4 address in lower case,
// without a dot at its end.
func hostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !wellFormed(label, 63, "-", lower, digit) {
			return false
		}
	}
	return true
}

// ipv6 reports whether s is an IPv6 address in brackets, without a zone.
func ipv6(s string) bool {
	inner, ok := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	addr, err := netip.ParseAddr(inner)
	return ok && closed && err == nil && addr.Is6() && addr.Zone() == ""
}

// portNumber reports whether s is a TCP port as AWS and people write it.
func portNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s == strconv.FormatUint(n, 10)
}
