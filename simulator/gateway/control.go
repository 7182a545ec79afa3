package gateway

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const maxControlBody = 1 << 16

// handler serves data channels and, with the control token, the faults.
func (g *Gateway) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+dataChannelPath+"{id}", g.dataChannel)
	if !g.config.ControlToken.Empty() {
		mux.Handle("/control/", g.owner(g.control()))
	}
	return mux
}

// owner lets those through who know the control token, which no web page and
// no other user of the machine does.
func (g *Gateway) owner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(g.config.ControlToken.Reveal())) != 1 {
			http.Error(w, "the control token is missing or wrong", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		next.ServeHTTP(w, r)
	})
}

// faultsJSON is [Faults] as JSON. What is left out stays as it is.
type faultsJSON struct {
	RTT            *string `json:"rtt"` // as Go writes durations, "50ms"
	Bandwidth      *int64  `json:"bandwidth"`
	Silence        *bool   `json:"silence"`
	LoseEvery      *int    `json:"lose_every"`
	DuplicateEvery *int    `json:"duplicate_every"`
	ReorderEvery   *int    `json:"reorder_every"`
	ReorderSpan    *int    `json:"reorder_span"`
	LoseAcksEvery  *int    `json:"lose_acks_every"`
	DamageEvery    *int    `json:"damage_every"`
	TokenOnce      *bool   `json:"token_once"`
	RefuseDials    *bool   `json:"refuse_dials"`
	RefuseStatus   *int    `json:"refuse_status"`
	SignedUpgrades *bool   `json:"signed_upgrades"`
}

// action names the session that an action is for; empty is all.
type action struct {
	Session string `json:"session"`
	Text    string `json:"text"` // for /control/end: what the client is told
}

func (g *Gateway) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /control/state", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, map[string]any{"counters": g.Counters(), "faults": g.Faults().json(), "sessions": g.list()})
	})
	mux.HandleFunc("POST /control/faults", g.controlFaults)
	for name, act := range map[string]func(id string) int{
		"drop": g.Drop, "close": g.CloseSockets, "mute": g.Mute, "flood": g.Flood, "pause": g.Pause, "start": g.Resume,
	} {
		mux.HandleFunc("POST /control/"+name, func(w http.ResponseWriter, r *http.Request) {
			if a, ok := read[action](w, r); ok {
				respond(w, map[string]int{"clients": act(a.Session)})
			}
		})
	}
	mux.HandleFunc("POST /control/end", func(w http.ResponseWriter, r *http.Request) {
		a, ok := read[action](w, r)
		if !ok {
			return
		}
		if err := g.TerminateSession(a.Session, a.Text); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		respond(w, map[string]int{"clients": 1})
	})
	return mux
}

func (g *Gateway) controlFaults(w http.ResponseWriter, r *http.Request) {
	in, ok := read[faultsJSON](w, r)
	if !ok {
		return
	}
	f := g.Faults()
	if in.RTT != nil {
		rtt, err := time.ParseDuration(*in.RTT)
		if err != nil {
			http.Error(w, "rtt is not a duration such as 50ms", http.StatusBadRequest)
			return
		}
		f.RTT = rtt
	}
	set(&f.Bandwidth, in.Bandwidth)
	set(&f.Silence, in.Silence)
	set(&f.LoseEvery, in.LoseEvery)
	set(&f.DuplicateEvery, in.DuplicateEvery)
	set(&f.ReorderEvery, in.ReorderEvery)
	set(&f.ReorderSpan, in.ReorderSpan)
	set(&f.LoseAcksEvery, in.LoseAcksEvery)
	set(&f.DamageEvery, in.DamageEvery)
	set(&f.TokenOnce, in.TokenOnce)
	set(&f.RefuseDials, in.RefuseDials)
	set(&f.RefuseStatus, in.RefuseStatus)
	set(&f.SignedUpgrades, in.SignedUpgrades)
	if !f.valid() {
		http.Error(w, "a fault is out of its bounds", http.StatusBadRequest)
		return
	}
	g.SetFaults(f)
	respond(w, f.json())
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (f Faults) json() faultsJSON {
	rtt := f.RTT.String()
	return faultsJSON{
		&rtt, &f.Bandwidth, &f.Silence, &f.LoseEvery, &f.DuplicateEvery, &f.ReorderEvery, &f.ReorderSpan,
		&f.LoseAcksEvery, &f.DamageEvery, &f.TokenOnce, &f.RefuseDials, &f.RefuseStatus, &f.SignedUpgrades,
	}
}

// listed is a session as /control/state shows it; it holds no secret.
type listed struct {
	ID     string `json:"id"`
	Space  string `json:"space"`
	State  string `json:"state"` // waiting, open, ended
	Client bool   `json:"client"`
	// Terminated: the client has asked for the end.
	Terminated bool   `json:"terminated"`
	Reason     string `json:"reason,omitempty"`
}

func (g *Gateway) list() []listed {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []listed{}
	for _, s := range g.sessions {
		s.mu.Lock()
		all = append(all, listed{s.id, s.space.Name(), [...]string{"waiting", "open", "ended"}[s.state], s.client != nil, s.terminated, s.reason})
		s.mu.Unlock()
	}
	return all
}

// read reads a JSON body; an empty one is the zero value.
func read[T any](w http.ResponseWriter, r *http.Request) (v T, ok bool) {
	if r.ContentLength == 0 {
		return v, true
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		http.Error(w, "the body is not the expected JSON: "+err.Error(), http.StatusBadRequest)
		return v, false
	}
	return v, true
}

func respond(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}
