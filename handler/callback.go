package handler

import (
	"github.com/spacehatch/spacehatch/handler/session"
)

// callback is the kind of query that Studio's page brings back to this computer.
const callback session.Kind = "callback"

// Callback is what Studio's page brings back when a browser was sent there for
// a fresh session.
type Callback struct {
	Identifier string // of the space
	RequestID  string // what the page was opened with
	Session    session.Session
}

// ParseCallback reads the query of such a call, in all the writings in which
// [Parse] takes a link's, and with its bounds. It says what the caller wants and
// not that it may have it: see [Policy.CheckCallback].
//
// The error is a *problem.Problem of code problem.LinkMalformed that shows no
// value; the Callback is then empty.
func ParseCallback(query string) (Callback, error) {
	switch {
	case len(query) > maxLink:
		return Callback{}, malformed("it is longer than 64 KiB", nil)
	case !plainText(query):
		return Callback{}, malformed("it holds control characters or other invisible ones", nil)
	}
	p, err := readQuery(callback, query)
	if err != nil {
		return Callback{}, err
	}
	var c Callback
	for name, to := range map[string]*string{"connection_identifier": &c.Identifier, "request_id": &c.RequestID} {
		if *to, err = p.required(name); err != nil {
			return Callback{}, err
		}
	}
	// Its session may be left out, as Unified Studio does in its links.
	l := Link{Space: session.Space{Kind: session.UnifiedStudio}}
	if err := l.fillSession(p, "session", "ws_url", "token"); err != nil {
		return Callback{}, err
	}
	c.Session = l.Session
	return c, nil
}

// CheckCallback returns nil if a session that Studio's page brought back may be
// opened for the space: it asks what [Policy.Check] asks of a link.
func (p Policy) CheckCallback(space session.Space, s session.Session) error {
	l := Link{Space: space, Session: s}
	err := checkNames(l)
	if err == nil {
		err = p.checkAllowed(space)
	}
	if err == nil {
		err = p.checkStream("region of the space", space.Region, s)
	}
	return told("session from Studio", err, "Open the space again from Studio itself.", upperFirst(privateLink))
}

// CheckPage returns nil if a browser may be sent to the address for a fresh
// session: Studio's own, or one on a listed host.
func (p Policy) CheckPage(address string) error {
	return told("page for a new session", p.checkRefresh(address),
		"Open the space again from Studio itself.", upperFirst(privateLink))
}
