package handler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/handler/session"
)

// Policy says what a link may make us do. Its zero value allows AWS's own
// hosts and nothing else.
type Policy struct {
	// TrustedHosts are the stream and refresh hosts beyond AWS's own, in lower
	// case. They come from the user's settings or environment, never from a link. A host given alone is good for port 443,
	// one with a port for that port, and one as ws://host:port for that port
	// without encryption (a simulator on loopback); http counts there like ws.
	TrustedHosts []string
	// Accounts, Domains (SageMaker's, also of Unified Studio) and Regions are
	// the only ones that a space may be in, by an administrator's decision;
	// empty is any.
	Accounts, Domains, Regions []string
}

// Check returns nil if the link may be acted on: its names are ones that AWS
// gives, its stream URL goes by TLS to the Session Manager host of the space's
// own region and partition and to the data channel of its own session, and its
// refresh URL is Studio's. Otherwise it returns a *problem.Problem of code
// problem.LinkRefused whose sentence says why.
//
// A space and a session from elsewhere (a refreshed one) are checked the same
// way, as a Link that holds them and nothing else.
func (p Policy) Check(l Link) error {
	if err := checkNames(l); err != nil {
		return ofLink(err)
	}
	if err := p.checkAllowed(l.Space); err != nil {
		return ofLink(err)
	}
	if err := p.checkStream("region of the space", l.Space.Region, l.Session); err != nil {
		return ofLink(err)
	}
	return ofLink(p.checkRefresh(l.Space.RefreshURL))
}

// CheckSession does the same for a session that a program of the user's hands
// over without a space, as the AWS CLI does to its plugin. Whoever can start
// us may name any session; where it leads is held to what Check asks. region
// is what the program says, and may be empty.
func (p Policy) CheckSession(region string, s session.Session) error {
	if !sessionID(s.ID) {
		return ofSession(refused("its session id " + quoted(s.ID) + " is not one that AWS would give"))
	}
	if u, ok := splitURL(s.StreamURL.Reveal()); region == "" && ok {
		_, region, _ = streamHostRegion(u.host)
	}
	if !allowed(p.Regions, region) {
		return ofSession(notAllowed("region", region, p.Regions))
	}
	return ofSession(p.checkStream("region of the call", region, s))
}

// checkAllowed holds a space against what an administrator allows. A space of
// which something is not known is not allowed where that is restricted.
func (p Policy) checkAllowed(s session.Space) error {
	switch {
	case !allowed(p.Accounts, s.Account):
		return notAllowed("account", s.Account, p.Accounts)
	case !allowed(p.Regions, s.Region):
		return notAllowed("region", s.Region, p.Regions)
	case !allowed(p.Domains, s.Domain):
		return notAllowed("domain", s.Domain, p.Domains)
	}
	return nil
}

func allowed(only []string, name string) bool { return len(only) == 0 || slices.Contains(only, name) }

// notAllowed names what is allowed, as far as it fits into a sentence.
func notAllowed(what, name string, only []string) error {
	names := "its " + what + " is " + quoted(name)
	if name == "" {
		names = "it names no " + what
	}
	some := strings.Join(only[:min(3, len(only))], ", ")
	if more := len(only) - 3; more > 0 {
		some += fmt.Sprintf(" and %d more", more)
	}
	return refusal{reason: names + "; your administrator allows " + some + " only", ruled: true}
}

// CheckSpace returns nil if a space may be opened at all, before there is a
// session for it.
func (p Policy) CheckSpace(s session.Space) error { return ofSpace(p.checkAllowed(s)) }

// checkStream checks where a session would have us dial: into the region, which
// what names for a sentence.
func (p Policy) checkStream(what, within string, s session.Session) error {
	raw := s.StreamURL.Reveal()
	u, err := checkURL("stream URL", raw)
	if err != nil {
		return err
	}
	if u.path != dataChannel+s.ID {
		return refused("its stream URL does not lead to the data channel of its session")
	}
	if p.trusts(u) {
		return nil
	}
	if u.scheme != "wss" {
		return refused("its stream URL is not encrypted (it must start with wss://)")
	}
	_, region, ok := streamHostRegion(u.host)
	if !ok {
		return refusedHost("it wants a connection to " + quoted(u.host) + ", which is not a Session Manager host of AWS")
	}
	if u.port != "" && u.port != "443" {
		return refusedHost("it wants a connection to port " + u.port + " of " + quoted(u.host) + "; AWS answers on 443 only")
	}
	if region != within { // and so of its partition: checkPlace has seen to that
		return refused("its stream host " + quoted(u.host) + " is not in the " + what + ", " + quoted(within))
	}
	return nil
}

// checkRefresh checks the page that a browser would be sent to for a fresh
// session; empty is fine.
func (p Policy) checkRefresh(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := checkURL("refresh URL", raw)
	if err != nil {
		return err
	}
	if p.trusts(u) {
		return nil
	}
	if u.scheme != "https" {
		return refused("its refresh URL is not encrypted (it must start with https://)")
	}
	if !strings.HasSuffix(u.host, ".sagemaker.aws") {
		return refusedHost("its refresh URL leads to " + quoted(u.host) + ", which is not SageMaker's")
	}
	if u.port != "" && u.port != "443" {
		return refusedHost("its refresh URL leads to port " + u.port + " of " + quoted(u.host))
	}
	return nil
}

// checkURL reads a URL as strictly as checkNames reads a name, and says what is
// wrong with it.
func checkURL(what, raw string) (urlParts, error) {
	u, ok := splitURL(raw)
	switch {
	case !urlText(raw):
		return u, refused("its " + what + " holds a character that belongs in no URL, or only looks like one that does")
	case !ok:
		return u, refused("its " + what + " is not one that AWS would write")
	case u.user:
		return u, refused("its " + what + " hides a user name before the host")
	case u.fragment:
		return u, refused("its " + what + ` holds a "#"`)
	case strings.HasSuffix(u.host, "."):
		return u, refused("its " + what + " leads to " + quoted(u.host) + ", a host name that ends in a dot")
	case !hostName(u.host) && !ipv6(u.host):
		return u, refused("its " + what + " leads to " + quoted(u.host) + ", which is not a host name in plain lower-case letters")
	case u.hasPort && !portNumber(u.port):
		return u, refused("its " + what + " has a port that is not one")
	}
	return u, nil
}

// checkNames holds everything that a link names against the forms that AWS
// gives to such names, so that none of them can be an option, a path or more
// than one line to whatever reads it later. Sources: the SageMaker API
// reference (SpaceName and UserProfileName [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62},
// DomainId d-(-*[a-z0-9]){1,61}), Kubernetes' object names.
func checkNames(l Link) error {
	s := l.Space
	if err := checkPlace(s); err != nil {
		return err
	}
	type named struct {
		what, value string
		ok          bool
	}
	all := []named{
		{"session id", l.Session.ID, sessionID(l.Session.ID)},
		{"app type", s.AppType, s.AppType == "" || wellFormed(s.AppType, 63, "-", lower, upper, digit)},
	}
	switch s.Kind {
	case session.Instance:
		id, ok := session.InstanceID(s.Name)
		all = append(all, named{"instance", s.Name, ok && id == s.Name})
	case session.HyperPod:
		all = append(all,
			named{"workspace name", s.Name, wellFormed(s.Name, 128, "-._", lower, upper, digit)},
			named{"namespace", l.HyperPod.Namespace, l.HyperPod.Namespace == "" || wellFormed(l.HyperPod.Namespace, 63, "-", lower, digit)})
	default:
		id, d := strings.CutPrefix(s.Domain, "d-")
		all = append(all,
			named{"space name", s.Name, wellFormed(s.Name, 63, "-", lower, upper, digit)},
			named{"domain", s.Domain, d && wellFormed(id, 61, "-", lower, digit)},
			// User profiles follow AWS's pattern; the wider one leaves room for
			// Unified Studio, whose users may be known by an e-mail address.
			named{"user profile", s.UserProfile, s.UserProfile == "" || wellFormed(s.UserProfile, 128, "-._@+=,", lower, upper, digit)})
	}
	u := l.UnifiedStudio
	for _, n := range []named{
		{"Unified Studio domain", u.DomainID, wellFormed(u.DomainID, 64, "-_", lower, upper, digit)},
		{"Unified Studio account", u.DomainAccount, accountID(u.DomainAccount)},
		{"Unified Studio region", u.DomainRegion, wellFormed(u.DomainRegion, 32, "-", lower, digit)},
		{"Unified Studio domain mode", u.DomainMode, wellFormed(u.DomainMode, 64, "-_", lower, upper, digit)},
		{"Unified Studio project", u.ProjectID, wellFormed(u.ProjectID, 64, "-_", lower, upper, digit)},
		{"Unified Studio sign-in", u.AuthMode, wellFormed(u.AuthMode, 16, "-", lower, upper, digit)},
	} {
		n.ok = n.ok || n.value == ""
		all = append(all, n)
	}
	for _, n := range all {
		if !n.ok {
			return refused("its " + n.what + " " + quoted(n.value) + " is not one that AWS would give")
		}
	}
	return nil
}

// sessionID reports whether s is the id of a session.
func sessionID(s string) bool {
	return s != "" && len(s) <= maxSessionID && only(s[:1], "_", lower, upper, digit) && only(s, "_+=,.@-", lower, upper, digit)
}

// checkPlace checks partition, region and account. A HyperPod link without a
// cluster has no account, and no region either where its host is not AWS's.
func checkPlace(s session.Space) error {
	unknown := s.Kind == session.HyperPod && s.Account == ""
	// An instance's id is all that is needed; its account is AWS's to check.
	if !unknown && s.Kind != session.Instance && !accountID(s.Account) {
		return refused("its account " + quoted(s.Account) + " is not an AWS account")
	}
	if unknown && s.Region == "" && s.Partition == "" {
		return nil
	}
	p := partitionOf(s.Region)
	if p == nil {
		return refused("there is no AWS region " + quoted(s.Region))
	}
	if p.id != s.Partition {
		return refused("region " + quoted(s.Region) + " is not in the partition " + quoted(s.Partition))
	}
	return nil
}
