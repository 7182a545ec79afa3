package simulator

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/gateway"
)

//go:embed page
var pageFiles embed.FS

// studio is the web page and what its buttons call, beside the AWS API.
type studio struct {
	base   string   // http://127.0.0.1:<port>
	hosts  []string // what a browser may call us
	places []place
	api    *api.Server
	pods   api.Gateway   // starts the sessions of places that the API does not know
	role   string        // the ARN of Studio's execution role, which starts the sessions
	token  secret.String // opens the switches
	// counters are the gateway's.
	counters func() gateway.Counters
	links    atomic.Int64
}

const (
	html       = "text/html; charset=utf-8"
	javaScript = "text/javascript; charset=utf-8"

	// No style, script or address of anybody else's; nobody's frame.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// The reconnect page also calls whoever waits on this computer.
	reconnectPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; " +
		"connect-src 'self' http://localhost:* http://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func (s *studio) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", s.api)
	mux.HandleFunc("GET /{$}", file("index.html", html))
	mux.HandleFunc("GET /page.css", file("page.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /page.js", file("page.js", javaScript))
	mux.HandleFunc("GET /refresh.js", file("refresh.js", javaScript))
	mux.HandleFunc("GET /api/spaces", s.serveSpaces)
	mux.HandleFunc("GET /api/link", s.serveLink)
	// Studio's own two paths, and the bases that links of the other kinds name.
	mux.HandleFunc("GET /jupyterlab/{space}", s.serveReconnect)
	mux.HandleFunc("GET /code-editor/{space}", s.serveReconnect)
	mux.HandleFunc("GET /reconnect/{kind}/{space}/{rest...}", s.serveReconnect)
	mux.HandleFunc("GET /reconnect/{kind}/{space}", s.serveReconnect)
	for _, call := range []string{"POST /client/register", "POST /device_authorization", "POST /token", "POST /logout", "GET /federation/credentials"} {
		mux.Handle(call, s.api)
	}
	mux.HandleFunc("GET /device", file("device.html", html))
	mux.HandleFunc("GET /device.js", file("device.js", javaScript))
	mux.HandleFunc("GET /api/device", s.serveDevice)
	mux.HandleFunc("POST /api/device", s.answerDevice)
	s.control(mux)
	return s.guard(mux)
}

// guard refuses requests that a foreign web page could make a browser send: by
// a host name of its own that leads here, or across sites.
func (s *studio) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(s.hosts, r.Host) {
			http.Error(w, "This is not the host that was asked for.", http.StatusMisdirectedRequest)
			return
		}
		site, navigates := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode") == "navigate"
		if (site == "cross-site" || site == "same-site") && (!navigates || strings.HasPrefix(r.URL.Path, "/api/")) {
			http.Error(w, "Other sites may not call this one.", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// file serves one of our own files. Its type is given here, since some systems'
// tables hold strange ones.
func file(name, media string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		data, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "The page is missing from this program.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(data) // a browser that went away is its own business
	}
}

// button is what the page shows of a place.
type button struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Domain  string `json:"domain"`
	Where   string `json:"where"`
	What    string `json:"what"`
	State   string `json:"state"`
	Running bool   `json:"running"`
}

func (s *studio) serveSpaces(w http.ResponseWriter, _ *http.Request) {
	all := []button{}
	for _, p := range s.places {
		b := button{Name: p.name, Kind: p.kind, Domain: p.domain, Where: "Domain " + p.domain + ", " + p.owner, What: p.appType}
		switch p.kind {
		case kindHyperPod:
			b.Where, b.What, b.State, b.Running = "Namespace "+hyperPodNamespace, "HyperPod space", "Running", true
		case kindUnified:
			b.What += ", Unified Studio"
		}
		if p.kind != kindHyperPod {
			state, remote := s.api.SpaceState(p.arn)
			b.State, b.Running = state, state == "InService"
			if !remote {
				b.State += ", remote access off"
			}
		}
		all = append(all, b)
	}
	writeJSON(w, all)
}

// serveLink answers GET /api/link?space=&domain=&kind=&scheme=&encoding=&presigned=
// with one fresh link as text. Only space or kind is required.
func (s *studio) serveLink(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p, ok := find(s.places, q.Get("space"), q.Get("domain"), q.Get("kind"))
	if !ok {
		http.Error(w, "There is no such space.", http.StatusNotFound)
		return
	}
	form := linkForm{scheme: "vscode", encoding: q.Get("encoding")}
	if scheme := q.Get("scheme"); scheme != "" {
		form.scheme = scheme
	}
	presigned := p.kind == kindSageMaker
	switch q.Get("presigned") {
	case "":
	case "0":
		presigned = false
	case "1":
		presigned = true
	default:
		http.Error(w, "presigned is 0 or 1.", http.StatusBadRequest)
		return
	}
	if presigned && p.kind == kindHyperPod {
		http.Error(w, "HyperPod's links are never presigned.", http.StatusBadRequest)
		return
	}
	if err := form.check(); err != nil {
		http.Error(w, "Not a link that Studio writes: "+err.Error()+".", http.StatusBadRequest)
		return
	}
	session, err := s.open(r.Context(), p, presigned)
	if err != nil {
		fail(w, err)
		return
	}
	text, err := link(p, session, s.reconnectBase(p), form)
	if err != nil {
		fail(w, err)
		return
	}
	s.links.Add(1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text))
}

// reconnectBase is where a browser gets another session for a place whose link
// names such an address; Studio's own is known by the domain.
func (s *studio) reconnectBase(p place) string {
	if p.kind == kindSageMaker {
		return ""
	}
	return s.base + "/reconnect/" + p.kind + "/" + p.name
}

// open starts a session as Studio's execution role.
func (s *studio) open(ctx context.Context, p place, presigned bool) (opened, error) {
	var session api.Session
	var err error
	if p.kind == kindHyperPod {
		session, err = s.pods.StartSession(ctx, p.arn, presigned)
	} else {
		session, err = s.api.StartSession(ctx, s.role, p.arn, presigned)
	}
	if err != nil {
		return opened{}, err
	}
	return opened{id: session.ID, stream: session.StreamURL.Reveal(), token: session.Token.Reveal()}, nil
}

// serveReconnect is Studio's page for a fresh session without a click. A
// browser gets a page that fetches this address once more as JSON and takes
// the session to the callback. Who reads no HTML (curl -L, a test) is
// redirected there.
func (s *studio) serveReconnect(w http.ResponseWriter, r *http.Request) {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "text/html") {
		w.Header().Set("Content-Security-Policy", reconnectPolicy)
		file("refresh.html", html)(w, r)
		return
	}
	callback, err := s.callback(r)
	if err != nil {
		fail(w, err)
		return
	}
	if strings.Contains(accept, "application/json") {
		writeJSON(w, struct {
			Callback string `json:"callback"`
		}{callback})
		return
	}
	http.Redirect(w, r, callback, http.StatusFound)
}

// refusal is an error for whoever opened the page.
type refusal struct{ text string }

func (e refusal) Error() string { return e.text }

// callback starts a session and returns the address that brings it to whoever
// waits on this computer.
func (s *studio) callback(r *http.Request) (string, error) {
	q := r.URL.Query()
	identifier, id := q.Get("reconnect_identifier"), q.Get("reconnect_request_id")
	if q.Get("remote_access_token_refresh") != "true" || identifier == "" || id == "" {
		return "", refusal{"This is not a request to reconnect."}
	}
	to, err := url.Parse(q.Get("reconnect_callback_url"))
	if err != nil || to.Scheme != "http" || to.User != nil || to.RawQuery != "" ||
		!slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, to.Hostname()) {
		return "", refusal{"The callback is not on this computer."}
	}
	var p place
	ok := false
	if kind := r.PathValue("kind"); kind == kindHyperPod {
		p, ok = find(s.places, r.PathValue("space"), "", kind)
	} else if i := slices.IndexFunc(s.places, func(p place) bool { return p.arn == identifier }); i >= 0 {
		p, ok = s.places[i], s.places[i].name == r.PathValue("space")
	}
	if !ok {
		return "", refusal{"There is no such space."}
	}
	session, err := s.open(r.Context(), p, p.kind == kindSageMaker)
	if err != nil {
		return "", err
	}
	out := query{}
	out.add("connection_identifier", identifier)
	out.add("request_id", id)
	out.add("ws_url", session.stream)
	out.add("token", session.token)
	out.add("session", session.id)
	to.RawQuery = strings.Join(out.pieces, "&")
	return to.String(), nil
}

// fail tells a person why there is no session; AWS's own errors keep their
// code and status.
func fail(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*api.Error](err); ok {
		http.Error(w, e.Error(), e.Status)
		return
	}
	if e, ok := errors.AsType[refusal](err); ok {
		http.Error(w, e.text, http.StatusBadRequest)
		return
	}
	if errors.Is(err, api.ErrTooManyConnections) {
		http.Error(w, "The space has its ten connections already.", http.StatusTooManyRequests)
		return
	}
	http.Error(w, "The simulator could not start a session.", http.StatusInternalServerError)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a browser that went away is its own business
}
