package simulator

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The encodings in which Studio may send the values of a link. The zero value
// is the mixture that Studio itself sends, which differs from kind to kind.
const (
	encodedRaw   = "raw"
	encodedOnce  = "once"
	encodedTwice = "twice"
)

// linkForm is how a link is written.
type linkForm struct {
	scheme   string // vscode, cursor, spacehatch …
	encoding string
}

// check returns a sentence for whoever asked for the link.
func (f linkForm) check() error {
	if f.scheme == "" || strings.Trim(f.scheme, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return errors.New("the scheme is lower-case letters, digits and hyphens")
	}
	if !slices.Contains([]string{"", encodedRaw, encodedOnce, encodedTwice}, f.encoding) {
		return fmt.Errorf("the encoding is %s, %s or %s", encodedRaw, encodedOnce, encodedTwice)
	}
	return nil
}

// authority is the IDE extension that AWS addresses, in every IDE.
const authority = "amazonwebservices.aws-toolkit-vscode"

// opened is what a link carries: the right to open one data channel.
type opened struct {
	id, stream, token string
}

// amzParameters are the parameters of a presigned stream URL, in the order in
// which links have them after breaking out of it.
func amzParameters() []string {
	return []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
		"X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"}
}

// link writes the link that Studio's button opens for the place, or HyperPod's.
// refresh is where a browser gets another session; empty where there is none.
func link(p place, o opened, refresh string, f linkForm) (string, error) {
	q := query{encoding: f.encoding}
	switch p.kind {
	case kindSageMaker:
		q.add("connection_identifier", p.arn)
		q.add("domain", p.domain)
		q.add("user_profile", p.owner)
		q.add("session", o.id)
		if err := q.addStream("ws_url", o.stream, f.encoding == "" || f.encoding == encodedRaw, "cell-number"); err != nil {
			return "", err
		}
		q.add("token", o.token)
		q.add("app_type", p.appType)
		q.addBroken(amzParameters()...)
	case kindUnified:
		q.add("connection_identifier", p.arn)
		q.add("domain", p.domain)
		q.add("user_profile", p.owner)
		// No session: it is in the stream URL.
		if err := q.addStream("ws_url", o.stream, f.encoding == encodedRaw, "cell-number"); err != nil {
			return "", err
		}
		q.add("token", o.token)
		q.add("app_type", p.appType)
		q.add("smus_domain_id", unifiedID)
		q.add("smus_domain_account_id", account)
		q.add("smus_project_id", unifiedProject)
		q.add("smus_domain_region", region)
		q.add("smus_auth_mode", "sso")
		if refresh != "" {
			q.add("reconnect_base_url", refresh)
		}
		q.addBroken(amzParameters()...)
	case kindHyperPod:
		if q.encoding == "" {
			q.encoding = encodedRaw // HyperPod's query is not encoded at all
		}
		q.add("sessionId", o.id)
		q.add("sessionToken", o.token)
		if err := q.addStream("streamUrl", o.stream, q.encoding == encodedRaw, "cell-number"); err != nil {
			return "", err
		}
		q.add("workspaceName", p.name)
		q.add("namespace", hyperPodNamespace)
		q.add("eksClusterArn", hyperPodCluster)
		if refresh != "" {
			q.add("refreshUrl", refresh)
		}
	}
	return f.scheme + "://" + authority + "/connect/" + p.kind + "?" + strings.Join(q.pieces, "&"), nil
}

// query writes the parameters of a link.
type query struct {
	encoding string
	pieces   []string
	broken   url.Values // what broke out of the stream URL
}

func (q *query) add(name, value string) {
	switch q.encoding {
	case encodedRaw:
	case encodedTwice:
		value = encodeComponent(encodeComponent(value))
	default:
		value = encodeComponent(value)
	}
	q.pieces = append(q.pieces, name+"="+value)
}

// addStream adds a stream URL. Whole, it is a value like any other, with its
// own parameters encoded inside it. Broken, its raw ampersands end it for every
// reader: what follows its role stands beside it, first the named parameters,
// the others where addBroken puts them. The mixture that Studio sends has the
// URL and its cell number raw, the rest encoded.
func (q *query) addStream(name, stream string, breaks bool, first ...string) error {
	u, err := url.Parse(stream)
	if err != nil {
		return errors.New("the gateway's stream URL is not a URL")
	}
	if !breaks {
		q.add(name, stream)
		return nil
	}
	q.broken = u.Query()
	u.RawQuery = "role=" + q.broken.Get("role")
	q.pieces = append(q.pieces, name+"="+u.String())
	for _, each := range first {
		q.pieces = append(q.pieces, each+"="+q.broken.Get(each))
	}
	return nil
}

func (q *query) addBroken(names ...string) {
	for _, name := range names {
		if value := q.broken.Get(name); value != "" {
			q.add(name, value)
		}
	}
}

// encodeComponent percent-encodes as JavaScript's encodeURIComponent does, by
// which Studio's page writes its links (ECMA-262, 19.2.6).
func encodeComponent(s string) string {
	const plain = "-_.!~*'()"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
