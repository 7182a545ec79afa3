package handler

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// What a link may hold at most. AWS's API reference gives 256 characters for a
// space ARN and a session id, and 1024 for a token; tokens may grow.
const (
	maxLink      = 64 << 10 // bytes of the whole link, as it came
	maxParameter = 16 << 10 // bytes of one parameter's value, decoded
	maxARN       = 256
	maxSessionID = 256
	maxIdentity  = 512 // bytes of session.Space.ARN
)

// ownScheme is the URI scheme that is registered for this program.
const ownScheme = "spacehatch"

// LinkAuthority is the authority under which AWS emits its links: the
// identifier of AWS's extension for VS Code and its forks.
const LinkAuthority = "amazonwebservices.aws-toolkit-vscode"

// dataChannel is the path of a stream URL, before the session id.
const dataChannel = "/v1/data-channel/"

// ErrForeign is the cause of Parse's error where the text is not a link to a
// space at all: another scheme, authority or path. Who has taken over an IDE's
// scheme passes such a link on to the IDE.
var ErrForeign = errors.New("not a link to a space")

// Link is one link from Studio, read whole. It says what the link wants and
// not that it may have it: see [Policy.Check].
type Link struct {
	// Space is the space that the link opens; its Alias and LastUsed are not
	// set.
	Space session.Space
	// Session is the right to open one data channel. Its StreamURL is complete:
	// the link's stream URL with every parameter that had fallen out of it.
	// Its Expires is X-Amz-Date plus X-Amz-Expires, or zero where the link does
	// not say: the caller then counts a minute from when it got the link.
	Session session.Session
	// Scheme is the URI scheme in lower case, the same as Space.Scheme.
	Scheme string
	// UnifiedStudio is set for links of that kind only.
	UnifiedStudio UnifiedStudio
	// HyperPod is set for links of that kind only.
	HyperPod HyperPod
}

// UnifiedStudio is what a SageMaker Unified Studio link tells beyond the space.
// Each field may be empty.
type UnifiedStudio struct {
	DomainID      string
	DomainAccount string
	DomainRegion  string
	DomainMode    string
	ProjectID     string
	AuthMode      string // sso or iam
}

// HyperPod is what a HyperPod link tells beyond the space.
type HyperPod struct {
	Namespace  string // "default" where the link names none
	ClusterARN string // of the EKS cluster; may be empty
}

// String names the space, the scheme and the session, and shows no secret.
func (l Link) String() string {
	return string(l.Space.Kind) + " " + printed(l.Space.ARN) + " session " + printed(l.Session.ID) + " from " + l.Scheme
}

// LogValue implements slog.LogValuer; it shows no secret.
func (l Link) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("kind", string(l.Space.Kind)),
		slog.String("space", printed(l.Space.ARN)),
		slog.String("session", printed(l.Session.ID)),
		slog.String("stream_host", printed(l.StreamHost())),
		slog.String("scheme", l.Scheme),
		slog.Time("expires", l.Session.Expires),
	)
}

// StreamHost returns host or host:port of the stream URL, for showing it. For
// a stream URL that the policy refuses it is a guess, and may be empty.
func (l Link) StreamHost() string {
	_, rest, ok := strings.Cut(l.Session.StreamURL.Reveal(), "://")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, `/?#\`); end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// Parse reads a link of one of the three kinds, under our own scheme or an
// IDE's, its values raw or encoded once or twice, its delimiters as they were
// or mangled on the way; all writings of a link give the same Link. The order
// of the parameters does not matter and unknown ones are passed over.
//
// Bounds: 64 KiB for the link, 16 KiB for a value. The error is a
// *problem.Problem of code problem.LinkMalformed whose sentence names the
// parameter and the reason, never a value; the Link is then empty. Where the
// text is no link to a space at all the error wraps [ErrForeign].
func Parse(raw string) (Link, error) {
	switch {
	case len(raw) > maxLink:
		return Link{}, malformed("it is longer than 64 KiB", nil)
	case !plainText(raw):
		return Link{}, malformed("it holds control characters or other invisible ones", nil)
	case strings.ContainsRune(raw, '#'):
		return Link{}, malformed(`it holds a "#", which no link from Studio does`, nil)
	}
	scheme, kind, query, ok := locate(raw)
	if !ok {
		return Link{}, malformed("it is not a link to a SageMaker space", ErrForeign)
	}
	p, err := readQuery(kind, query)
	if err != nil {
		return Link{}, err
	}
	link := Link{Scheme: scheme, Space: session.Space{Kind: kind, Scheme: scheme}}
	if kind == session.HyperPod {
		err = link.fillHyperPod(p)
	} else {
		err = link.fillStudio(p)
	}
	if err != nil {
		return Link{}, err
	}
	return link, nil
}

// ForSpace reports whether a text is a link to a space, by its scheme, authority
// and path. Parse may still find fault with it; what is not for a space belongs
// to whoever the scheme belongs to.
func ForSpace(raw string) bool {
	_, _, _, ok := locate(raw)
	return ok
}

// IDESchemes returns the URI schemes of IDEs under which links to spaces come.
func IDESchemes() []string {
	return slices.DeleteFunc(schemes(), func(s string) bool { return s == ownScheme })
}

func schemes() []string {
	return []string{ownScheme, "vscode", "vscode-insiders", "vscodium", "cursor", "windsurf", "kiro", "positron"}
}

// locate finds the kind of a link by its scheme, authority and path. The
// query is what follows the first question mark.
func locate(raw string) (scheme string, kind session.Kind, query string, ok bool) {
	head, rest, ok := strings.Cut(raw, ":")
	if !ok {
		return "", "", "", false
	}
	if scheme, ok = knownScheme(head); !ok {
		return "", "", "", false
	}
	path, query, _ := strings.Cut(rest, "?")
	authority := ""
	if after, has := strings.CutPrefix(path, "//"); has {
		authority, path, _ = strings.Cut(after, "/")
		path = "/" + path
	}
	if scheme == ownScheme && authority == "connect" {
		// spacehatch://connect/…: to a URL parser "connect" is the authority.
		authority, path = "", "/connect"+path
	}
	if authority != LinkAuthority && (scheme != ownScheme || authority != "") {
		return "", "", "", false
	}
	switch path {
	case "/connect/sagemaker":
		kind = session.SageMaker
	case "/connect/smus":
		kind = session.UnifiedStudio
	case "/connect/workspace":
		kind = session.HyperPod
	default:
		return "", "", "", false
	}
	return scheme, kind, query, true
}

// knownScheme gives the scheme in lower case if links may come under it:
// our own, VS Code's and those of its forks.
func knownScheme(s string) (string, bool) {
	for _, known := range schemes() {
		// Equal lengths keep EqualFold to ASCII: every other letter that folds
		// to an ASCII one is longer in UTF-8.
		if len(s) == len(known) && strings.EqualFold(s, known) {
			return known, true
		}
	}
	return "", false
}

// fillStudio fills a link of SageMaker AI Studio or Unified Studio.
func (l *Link) fillStudio(p *parameters) error {
	identifier, err := p.required("connection_identifier")
	if err != nil {
		return err
	}
	named, err := session.ParseARN(identifier)
	if err != nil || named.Kind != session.SageMaker || len(identifier) > maxARN {
		return malformed("the parameter connection_identifier is not the ARN of a space", nil)
	}
	named.Kind, named.Scheme = l.Space.Kind, l.Space.Scheme
	l.Space = named

	stated, err := p.required("domain")
	if err != nil {
		return err
	}
	if stated != l.Space.Domain {
		// Consent is given for a domain: a link must not show one and mean another.
		return malformed("the parameter domain is not the domain that connection_identifier names", nil)
	}
	if l.Space.UserProfile, err = p.required("user_profile"); err != nil {
		return err
	}
	if l.Space.AppType, err = p.optional("app_type"); err != nil {
		return err
	}
	if err := l.fillSession(p, "session", "ws_url", "token"); err != nil {
		return err
	}
	if l.Space.Kind != session.UnifiedStudio {
		return nil
	}
	if l.Space.RefreshURL, err = p.url("reconnect_base_url"); err != nil {
		return err
	}
	for _, f := range [...]struct {
		name string
		to   *string
	}{
		{"smus_domain_id", &l.UnifiedStudio.DomainID},
		{"smus_domain_account_id", &l.UnifiedStudio.DomainAccount},
		{"smus_domain_region", &l.UnifiedStudio.DomainRegion},
		{"smus_domain_mode", &l.UnifiedStudio.DomainMode},
		{"smus_project_id", &l.UnifiedStudio.ProjectID},
		{"smus_auth_mode", &l.UnifiedStudio.AuthMode},
	} {
		if *f.to, err = p.optional(f.name); err != nil {
			return err
		}
	}
	return nil
}

// fillHyperPod fills a link of a HyperPod space.
func (l *Link) fillHyperPod(p *parameters) error {
	err := l.fillSession(p, "sessionId", "streamUrl", "sessionToken")
	if err != nil {
		return err
	}
	if l.Space.Name, err = p.optional("workspaceName"); err != nil {
		return err
	}
	if l.Space.Name == "" {
		l.Space.Name = "workspace"
	}
	if l.HyperPod.Namespace, err = p.optional("namespace"); err != nil {
		return err
	}
	if l.HyperPod.Namespace == "" {
		l.HyperPod.Namespace = "default" // as Kubernetes has it
	}
	if l.Space.RefreshURL, err = p.url("refreshUrl"); err != nil {
		return err
	}
	if l.HyperPod.ClusterARN, err = p.optional("eksClusterArn"); err != nil {
		return err
	}
	if l.HyperPod.ClusterARN == "" {
		// No cluster, no account: the stream host still tells the region. Where
		// it does not, only a trusted host gets past the policy.
		l.Space.Partition, l.Space.Region, _ = streamHostRegion(l.StreamHost())
		l.Space.ARN = "hyperpod:" + l.Space.Region + "/" + l.HyperPod.Namespace + "/" + l.Space.Name
		if len(l.Space.ARN) > maxIdentity {
			return malformed("the parameters namespace and workspaceName are too long", nil)
		}
		return nil
	}
	named, err := session.ParseARN(l.HyperPod.ClusterARN + "/" + l.HyperPod.Namespace + "/" + l.Space.Name)
	if err != nil || named.Kind != session.HyperPod {
		return malformed("the parameters eksClusterArn, namespace and workspaceName do not name a workspace", nil)
	}
	l.Space.ARN, l.Space.Partition, l.Space.Region, l.Space.Account = named.ARN, named.Partition, named.Region, named.Account
	return nil
}

// fillSession fills the session from the parameters of the given names.
func (l *Link) fillSession(p *parameters, idName, urlName, tokenName string) error {
	id, err := p.optional(idName)
	if err != nil {
		return err
	}
	stream, err := p.streamURL(urlName)
	if err != nil {
		return err
	}
	if id == "" && l.Space.Kind == session.UnifiedStudio {
		// Unified Studio may leave the session out; the stream URL's path ends
		// in it.
		if u, ok := splitURL(stream); ok {
			if rest, found := strings.CutPrefix(u.path, dataChannel); found && !strings.Contains(rest, "/") {
				id = rest
			}
		}
	}
	if id == "" {
		return malformed("the parameter "+idName+" is missing", nil)
	}
	if len(id) > maxSessionID {
		return malformed("the parameter "+idName+" is longer than 256 bytes", nil)
	}
	token, err := p.required(tokenName)
	if err != nil {
		return err
	}
	expires, err := expiry(p.stream["X-Amz-Date"], p.stream["X-Amz-Expires"])
	if err != nil {
		return err
	}
	l.Session = session.Session{ID: id, StreamURL: secret.New(stream), Token: secret.New(token), Expires: expires}
	return nil
}

// expiry returns when a presigned URL expires, zero where it does not say.
// Form and bounds (ISO 8601 basic, 1 to 604800 seconds) are those of AWS
// Signature Version 4's query parameters.
func expiry(date, seconds string) (time.Time, error) {
	if date == "" || seconds == "" {
		return time.Time{}, nil
	}
	signed, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return time.Time{}, malformed("the parameter X-Amz-Date is not a time", nil)
	}
	n, err := strconv.Atoi(seconds)
	if err != nil || n < 1 || n > 604800 {
		return time.Time{}, malformed("the parameter X-Amz-Expires is not a number of seconds", nil)
	}
	return signed.Add(time.Duration(n) * time.Second), nil
}
