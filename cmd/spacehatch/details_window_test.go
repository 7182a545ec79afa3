//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
)

// disconnects waits until the figures move, ends the connection and closes the
// window when it has heard of the end.
func disconnects() func(view.Screen) (*view.Wish, bool) {
	asked := false
	return func(s view.Screen) (*view.Wish, bool) {
		d := s.Details
		switch {
		case d == nil:
			return nil, false
		case !asked && (d.Phase == view.PhaseConnected || d.Phase == view.PhaseReady) && len(d.Figures) > 0:
			asked = true
			return &view.Wish{Do: view.Disconnect}, false
		}
		return nil, asked && d.Doing == "" && d.Phase == view.PhaseEnded
	}
}

func TestDetailsInAWindow(t *testing.T) {
	s, d := newStudio(t), newDesk(t)
	d.signedIn(s)
	d.knows(t)
	d.start(t, "proxy", alias).expect(t, "SSH-2.0-")
	shown := d.person(t, "disconnects")
	if got := d.run(t, "", "status", "--window", alias); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	screens := shown()
	at := slices.IndexFunc(screens, func(s view.Screen) bool { return s.Details != nil && s.Details.Doing == view.Disconnect })
	if at < 0 {
		t.Fatalf("nothing says that it is being disconnected: %+v", screens)
	}
	before, last := screens[at].Details, screens[len(screens)-1].Details
	if before.Space.Domain != "d-simulated0001" || before.SSH != "ssh "+alias || !strings.Contains(before.Text, "your AWS credentials") {
		t.Errorf("it shows %+v", before)
	}
	if last == nil || last.Phase != view.PhaseEnded || last.Problem != nil {
		t.Errorf("the last screen is %+v", last)
	}
	d.noSocket(t)
}

func TestStatusOfOneSpace(t *testing.T) {
	d := newDesk(t)
	d.knows(t)
	if got := d.run(t, "", "status", alias); got.code != exitOK || !strings.Contains(got.out, "no connection") || !strings.Contains(got.out, "d-simulated0001") {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "status", "--json", alias); got.code != exitOK || strings.TrimSpace(got.out) != "[]" {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "status", "other.hatch"); got.code != exitFailed {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "status", "--window", alias); got.code != exitFailed || !strings.Contains(got.errors, "spacehatch status "+alias) {
		t.Errorf("%v", got)
	}
	for _, args := range [][]string{{"status", "a", "b"}, {"status", "--window"}, {"status", "--window", "--json", alias}} {
		if got := d.run(t, "", args...); got.code != exitUsage {
			t.Errorf("%q: %v", args, got)
		}
	}
}
