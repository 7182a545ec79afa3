package tray

import (
	"testing"
	"time"
)

// at is a moment after noon.
func at(after time.Duration) time.Time { return noon.Add(after) }

func idleShot(after time.Duration, tunnels ...Tunnel) Snapshot {
	s := shot(tunnels...)
	s.IdleAfter = after
	return s
}

func worked(space Space, since, last time.Duration) Tunnel {
	t := tunnelOf(space, Connected)
	t.Since = at(since)
	if last != 0 {
		t.Active = at(last)
	}
	return t
}

// bodies are what was told.
func bodies(all []Notice) (texts []string) {
	for _, n := range all {
		texts = append(texts, n.Title+": "+n.Body)
	}
	return texts
}

func TestAnIdleConnectionIsToldOnce(t *testing.T) {
	tunnel := worked(research, -3*time.Hour, -10*time.Minute)
	s := State{}.Next(idleShot(time.Hour, tunnel), noon)
	if got := s.NextLook(); !got.Equal(at(50 * time.Minute)) {
		t.Fatalf("the next look is at %v", got)
	}
	look := func(after time.Duration, tunnels ...Tunnel) []string {
		t.Helper()
		var told []Notice
		s, told = s.Idle(tunnels, at(after))
		return bodies(told)
	}
	// Somebody has worked since the tunnel last said so.
	tunnel.Active = at(30 * time.Minute)
	if told := look(50*time.Minute, tunnel); told != nil || !s.NextLook().Equal(at(90*time.Minute)) {
		t.Errorf("told %q, next look %v", told, s.NextLook())
	}
	// A tunnel that does not answer is not called idle.
	if told := look(90 * time.Minute); told != nil || !s.NextLook().Equal(at(91*time.Minute)) {
		t.Errorf("told %q, next look %v", told, s.NextLook())
	}
	const want = "Research is idle: Connected for 5 h; nobody has worked there from this computer for 61 min. A space costs money while it runs."
	if told := look(91*time.Minute, tunnel); len(told) != 1 || told[0] != want {
		t.Errorf("told %q", told)
	}
	if told := look(151*time.Minute, tunnel); told != nil {
		t.Errorf("told again: %q", told)
	}
	// Other news leave it at that, and work begins it anew.
	s = s.Next(idleShot(time.Hour, tunnel), at(152*time.Minute))
	if told := look(211*time.Minute, tunnel); told != nil {
		t.Errorf("told again: %q", told)
	}
	tunnel.Active = at(220 * time.Minute)
	look(271*time.Minute, tunnel)
	if told := look(280*time.Minute, tunnel); len(told) != 1 {
		t.Errorf("not told of the second time: %q", told)
	}
}

func TestWhatIsNeverCalledIdle(t *testing.T) {
	idle := worked(research, -9*time.Hour, 0)
	for name, s := range map[string]State{
		"switched off":         State{}.Next(idleShot(0, idle), noon),
		"lost":                 State{}.Next(idleShot(time.Hour, idle), noon).Next(idleShot(time.Hour, lost(research)), noon),
		"asked for":            State{}.Next(idleShot(time.Hour), noon).Asked(research.Alias, noon),
		"switched off by then": State{}.Next(idleShot(time.Hour, idle), noon).Next(idleShot(0, idle), noon),
	} {
		if next := s.NextLook(); !next.IsZero() {
			t.Errorf("%s: looked at %v", name, next)
		}
		if _, told := s.Idle([]Tunnel{idle}, at(24*time.Hour)); told != nil {
			t.Errorf("%s: told %q", name, bodies(told))
		}
	}
}

func TestIdleBySeveralTunnelsAndAnotherMeasure(t *testing.T) {
	first, second := worked(research, -5*time.Hour, -4*time.Hour), worked(research, -time.Hour, -20*time.Minute)
	s := State{}.Next(idleShot(time.Hour, first, second), noon)
	if got := s.NextLook(); !got.Equal(at(40 * time.Minute)) {
		t.Errorf("the next look is at %v", got)
	}
	s = s.Next(idleShot(3*time.Hour, first, second), noon)
	if got := s.NextLook(); !got.Equal(at(160 * time.Minute)) {
		t.Errorf("with another measure the next look is at %v", got)
	}
}

func TestTheLoopLooksWhenItIsDue(t *testing.T) {
	inLoop(t, func(w *world, l *loop, _ chan<- struct{}, _ <-chan error) {
		start := time.Now()
		tunnel := Tunnel{Alias: research.Alias, Phase: Connected, Since: start}
		w.figures = []Tunnel{tunnel}
		w.give(idleShot(time.Hour, tunnel))
		time.Sleep(time.Hour - time.Second)
		if n := w.count(); n != 0 {
			t.Errorf("asked %d times before it was due", n)
		}
		time.Sleep(time.Second)
		w.see(func() {
			if len(w.told) != 1 || len(w.told[0].Offers) != 2 {
				t.Fatalf("told %+v", w.told)
			}
			w.chosen(w.told[0].Offers[0].Action)
		})
		w.see(func() {
			if len(w.acted) != 1 || w.acted[0] != (Action{Stop, research.Alias}) {
				t.Errorf("the button did %+v", w.acted)
			}
		})
	})
}

func TestHours(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "1 min", 99 * time.Minute: "99 min", 100 * time.Minute: "2 h", 47 * time.Hour: "47 h", 50 * time.Hour: "2 days",
	} {
		if got := hours(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
