package handler

import (
	"context"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
)

type fakePins struct {
	pinned []sshconfig.Pin
	forgot bool
}

func (f *fakePins) Pinned(string) ([]sshconfig.Pin, error) { return f.pinned, nil }
func (f *fakePins) Forget(context.Context, string) error {
	f.forgot = true
	return nil
}

func TestMeetHostKey(t *testing.T) {
	old, met := sshconfig.Pin{Type: "ssh-ed25519", Fingerprint: "SHA256:old"}, sshconfig.Pin{Type: "ssh-ed25519", Fingerprint: "SHA256:new"}
	for name, c := range map[string]struct {
		pinned  []sshconfig.Pin
		origin  session.Origin
		approve bool
		nobody  bool
		asked   bool
		forgot  bool
	}{
		"a first meeting":                        {origin: session.FromLink},
		"the same key":                           {pinned: []sshconfig.Pin{old, met}, origin: session.FromLink},
		"another key, and AWS gave the session":  {pinned: []sshconfig.Pin{old}, origin: session.FromAPI, forgot: true},
		"another key, and a link, and a yes":     {pinned: []sshconfig.Pin{old}, origin: session.FromLink, approve: true, asked: true, forgot: true},
		"another key, and a link, and a no":      {pinned: []sshconfig.Pin{old}, origin: session.FromLink, asked: true},
		"another key, and a link, and nobody":    {pinned: []sshconfig.Pin{old}, origin: session.FromLink, asked: true, nobody: true},
		"another key, and an unknown provenance": {pinned: []sshconfig.Pin{old}, asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			pins := &fakePins{pinned: c.pinned}
			w := &world{approve: c.approve}
			if c.nobody {
				w.approve, w.personErr = true, problem.New(problem.NeedsPerson, "x", "", nil)
			}
			notice, err := MeetHostKey(t.Context(), pins, w, "my-space.hatch", c.origin, met)
			if (err != nil) != c.nobody || pins.forgot != c.forgot || (notice != "") != c.forgot || (len(w.did) > 0) != c.asked {
				t.Errorf("forgot %v, notice %q, did %q, %v", pins.forgot, notice, w.did, err)
			}
		})
	}
}
