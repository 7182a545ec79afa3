package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/gateway"
)

// The page's own switches, for tests that run the simulator as a program of its
// own: they need the token from Info.ControlToken as
// "Authorization: Bearer <token>", which only the owner can read.
//
//	GET    /control/counts  links given, and the gateway's counters, JSON;
//	                        asking here does not count as a dial
//	GET    /control/calls   the API's log, JSON
//	POST   /control/faults  one api.Fault, JSON
//	DELETE /control/faults  every fault taken back
//	PUT    /control/policy?role=R  an IAM policy document for the sessions of
//	                        the role R (StudioUser, StudioExecutionRole)
//	DELETE /control/policy?role=R  no limits again
func (s *studio) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /control/calls", s.owner(func(w http.ResponseWriter, _ *http.Request) {
		calls := s.api.Calls()
		if calls == nil {
			calls = []api.Call{}
		}
		writeJSON(w, calls)
	}))
	mux.HandleFunc("GET /control/counts", s.owner(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, counts{Links: s.links.Load(), Gateway: s.counters()})
	}))
	mux.HandleFunc("POST /control/faults", s.owner(func(w http.ResponseWriter, r *http.Request) {
		var f api.Fault
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil || f.Code == "" {
			http.Error(w, "This is not a fault.", http.StatusBadRequest)
			return
		}
		s.api.Fail(f)
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("PUT /control/policy", s.owner(func(w http.ResponseWriter, r *http.Request) {
		document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err == nil && len(document) == 0 {
			err = errors.New("the policy is empty")
		}
		if err == nil {
			err = s.api.SetPolicy(r.FormValue("role"), document)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("DELETE /control/policy", s.owner(func(w http.ResponseWriter, r *http.Request) {
		_ = s.api.SetPolicy(r.FormValue("role"), nil) // taking away cannot fail
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("DELETE /control/faults", s.owner(func(w http.ResponseWriter, _ *http.Request) {
		s.api.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	}))
}

// counts is the answer of /control/counts.
type counts struct {
	Links   int64            `json:"links"`
	Gateway gateway.Counters `json:"gateway"`
}

func (s *studio) owner(next http.HandlerFunc) http.HandlerFunc {
	want := []byte("Bearer " + s.token.Reveal())
	return func(w http.ResponseWriter, r *http.Request) {
		if s.token.Empty() || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "Only the owner of the simulator may do this.", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}
