package tunnel

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// A gateway that wants a signature gets one, at the second try; one that does
// not is never shown who is calling.
func TestUpgradeIsSignedWhereThatIsWanted(t *testing.T) {
	for _, c := range []struct {
		name    string
		wants   bool   // a signature
		query   string // of the stream URL
		sign    error
		none    bool // there is nobody to sign
		dials   int64
		signed  int64
		refused bool
	}{
		{name: "not wanted", query: "?role=x", dials: 1},
		{name: "wanted", wants: true, query: "?role=x", dials: 2, signed: 1},
		{name: "wanted of a presigned URL", wants: true, query: "?role=x&X-Amz-Signature=y", dials: 1, refused: true},
		{name: "wanted, nobody signs", wants: true, none: true, dials: 1, refused: true},
		{name: "wanted, no credentials", wants: true, sign: errors.New("none"), dials: 1, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dials, signed atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				dials.Add(1)
				good := r.Header.Get("Authorization") == "good"
				if good {
					signed.Add(1)
				}
				if c.wants && !good {
					http.Error(w, "sign", http.StatusForbidden)
					return
				}
				if conn, _, _, err := ws.UpgradeHTTP(r, w); err == nil {
					_ = conn.Close()
				}
			}))
			defer server.Close()
			o := Options{InsecurePlain: true}
			if !c.none {
				o.Sign = func(_ context.Context, stream secret.String) (http.Header, error) {
					if !strings.HasSuffix(stream.Reveal(), c.query) {
						t.Errorf("asked to sign %s", stream.Reveal())
					}
					return http.Header{"Authorization": {"good"}}, c.sign
				}
			}
			o = o.withDefaults()
			s, err := o.open(t.Context(), secret.New("ws"+strings.TrimPrefix(server.URL, "http")+"/v1/data-channel/x"+c.query))
			if (err != nil) != c.refused || c.refused && problem.From(err).Code != problem.TunnelRefused {
				t.Errorf("%v", err)
			}
			if s != nil {
				s.close()
			}
			if dials.Load() != c.dials || signed.Load() != c.signed {
				t.Errorf("%d dials, %d of them signed", dials.Load(), signed.Load())
			}
		})
	}
}
