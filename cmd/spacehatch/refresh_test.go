//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// loses lets every socket be closed and no token be taken a second time.
func (s studio) loses(t *testing.T) {
	t.Helper()
	s.Gateway().SetFaults(gateway.Faults{TokenOnce: true})
	t.Cleanup(func() { s.Gateway().SetFaults(gateway.Faults{}) })
	if n := s.Gateway().CloseSockets(""); n != 1 {
		t.Fatalf("%d sockets were closed", n)
	}
}

const lost = "The connection to the space was lost, and AWS does not let this session be taken up again."

func TestALostSessionEndsSSHAndTheNextIsReady(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{false, true} {
		d, s := newDesk(t), newStudio(t)
		d.signedIn(s)
		d.knows(t)
		if attached {
			d.waitingTunnel(t, s)
		}
		proxy := d.start(t, "proxy", alias)
		proxy.expect(t, banner)
		d.awaitTunnel(t, registry.Connected)
		before := s.Gateway().Counters()
		s.loses(t)
		e := proxy.end(t)
		told(t, e, exitFailed, lost)
		if want := "spacehatch: " + lost + "\n  Connect again: a new session is ready.\n"; e.errors != want {
			t.Errorf("said %q, want %q", e.errors, want)
		}
		// The one that is ready is taken, and no third one is asked for.
		if got := d.connect(t, alias, "echo hello"); got != "hello\n" {
			t.Errorf("the space says %q", got)
		}
		if now := s.Gateway().Counters(); now.Sessions != before.Sessions+1 || now.Opened != before.Opened+1 {
			t.Errorf("sessions: %+v, before %+v", now, before)
		}
	}
}

func TestALostSessionWithoutAnotherSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	space := d.knows(t)
	if err := d.store().Keep(t.Context(), space.Alias, s.opened(t)); err != nil {
		t.Fatal(err)
	}
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	d.awaitTunnel(t, registry.Connected)
	s.loses(t)
	e := proxy.end(t)
	told(t, e, exitFailed, lost)
	if want := "spacehatch: " + lost + "\n  Click Open in VS Code in Studio again"; len(e.errors) < len(want) || e.errors[:len(want)] != want {
		t.Errorf("said %q, want %q", e.errors, want)
	}
}

// A source that gives a fresh token of the same session, as ssm:ResumeSession
// does, keeps the stream.
func TestAFreshTokenKeepsTheStream(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	space := d.knows(t)
	o := s.opened(t)
	if err := d.store().Keep(t.Context(), space.Alias, o); err != nil {
		t.Fatal(err)
	}
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	d.awaitTunnel(t, registry.Connected)
	again, err := s.Gateway().ResumeSession(o.ID)
	if err != nil {
		t.Fatal(err)
	}
	fresh := session.Session{ID: again.ID, StreamURL: again.StreamURL, Token: again.Token, Expires: again.Expires, Origin: session.FromAPI}
	if err := d.store().Keep(t.Context(), space.Alias, fresh); err != nil {
		t.Fatal(err)
	}
	s.loses(t)
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(d.runtime, "sessions", alias+".json"))
		all := d.tunnels(t)
		return errors.Is(err, fs.ErrNotExist) && len(all) == 1 && all[0].State == registry.Connected && all[0].Reconnects > 0
	}, func() string { return "the tunnel is not taken up again: " + proxy.errors.String() })
	// The stream still works: the server answers the client's version with
	// what it can do.
	if _, err := proxy.stdin.Write([]byte(banner + "x\r\n")); err != nil {
		t.Fatal(err)
	}
	proxy.expect(t, "curve25519")
	proxy.signal(t, os.Interrupt)
	if e := proxy.end(t); e.code != exitOK || e.errors != "" {
		t.Errorf("the proxy: %v", e)
	}
}
