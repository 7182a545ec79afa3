package tray

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// world is everything around a loop, in the hand of a test.
type world struct {
	shots  chan Snapshot
	failed chan error

	mu      sync.Mutex
	figures []Tunnel
	asked   int
	acted   []Action
	fails   error
	gate    chan struct{} // holds actions up; nil does not
	told    []Notice
	chosen  func(Action)
	drawn   []State
	rests   int
}

func (w *world) Follow(ctx context.Context, f func(Snapshot)) error {
	for {
		select {
		case shot := <-w.shots:
			f(shot)
		case err := <-w.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *world) Figures(context.Context) ([]Tunnel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	for i := range w.figures {
		w.figures[i].In += 2_000_000
	}
	return slices.Clone(w.figures), nil
}

func (w *world) Act(_ context.Context, a Action) error {
	w.mu.Lock()
	w.acted = append(w.acted, a)
	fails, gate := w.fails, w.gate
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return fails
}

func (w *world) Notify(_ context.Context, n Notice, chosen func(Action)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told, w.chosen = append(w.told, n), chosen
	return errors.New("nobody shows it")
}

func (w *world) draw(s State, _ time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drawn = append(w.drawn, s)
}

// give gives a snapshot and waits until it is drawn.
func (w *world) give(shot Snapshot) {
	w.shots <- shot
	synctest.Wait()
}

// see runs a look at the world, or a change of it, when nothing moves.
func (w *world) see(look func()) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	look()
}

// last returns the menu as it is drawn now.
func (w *world) last() (menu string) {
	w.see(func() { menu = w.drawn[len(w.drawn)-1].Menu(noon, time.UTC).String() })
	return menu
}

// count returns how often the figures were asked for.
func (w *world) count() (n int) {
	w.see(func() { n = w.asked })
	return n
}

// inLoop runs a loop in a bubble of its own time. The test ends it, or it has
// ended when the test returns.
func inLoop(t *testing.T, test func(w *world, l *loop, opened chan<- struct{}, ended <-chan error)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{shots: make(chan Snapshot), failed: make(chan error)}
		tray := &Tray{Source: w, Actor: w, Notifier: w, Log: slog.New(slog.DiscardHandler), Rest: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.rests++
		}}
		opened, ended := make(chan struct{}), make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		l := tray.newLoop(w.draw, opened)
		done := make(chan struct{})
		go func() { ended <- l.run(ctx); close(done) }()
		test(w, l, opened, ended)
		cancel()
		<-done
	})
}

func TestFiguresWhileTheMenuIsOpen(t *testing.T) {
	inLoop(t, func(w *world, _ *loop, opened chan<- struct{}, _ <-chan error) {
		opened <- struct{}{} // nothing to measure
		w.give(shot(tunnelOf(research, Connected)))
		w.see(func() { w.figures = []Tunnel{tunnelOf(research, Connected)} })
		quiet := w.last()
		time.Sleep(time.Hour)
		if w.count() != 0 || w.last() != quiet {
			t.Errorf("with a closed menu the tunnels were asked %d times", w.count())
		}
		opened <- struct{}{}
		time.Sleep(3*time.Second + time.Millisecond)
		if got := w.last(); !strings.Contains(got, "2.0 MB/s") || w.count() != 4 {
			t.Errorf("asked %d times, drawn is\n%s", w.count(), got)
		}
		opened <- struct{}{} // once more: from now on
		time.Sleep(14 * time.Second)
		if got := w.last(); !strings.Contains(got, "MB/s") {
			t.Errorf("the figures have gone too early:\n%s", got)
		}
		time.Sleep(time.Hour)
		asked := w.count()
		if got := w.last(); got != quiet || asked > 20 {
			t.Errorf("after an hour, and %d questions:\n%s", asked, got)
		}
	})
}

func TestRest(t *testing.T) {
	inLoop(t, func(w *world, _ *loop, _ chan<- struct{}, _ <-chan error) {
		w.give(shot(tunnelOf(research, Connected)))
		time.Sleep(restAfter - time.Millisecond)
		w.give(shot(tunnelOf(research, Paused)))
		time.Sleep(restAfter - time.Millisecond)
		w.see(func() {
			if w.rests != 0 {
				t.Error("it rests while things happen")
			}
		})
		time.Sleep(time.Hour)
		w.see(func() {
			if w.rests != 1 {
				t.Errorf("it rested %d times", w.rests)
			}
		})
	})
}

func TestClicks(t *testing.T) {
	inLoop(t, func(w *world, l *loop, _ chan<- struct{}, _ <-chan error) {
		w.give(shot(tunnelOf(research, Connected)))
		w.give(shot(lost(research)))
		l.clicks <- Action{Dismiss, research.Alias}
		if got := w.last(); strings.Contains(got, "lost") {
			t.Errorf("still there:\n%s", got)
		}
		w.see(func() {
			if len(w.told) != 1 || len(w.acted) != 0 {
				t.Errorf("told %v, acted %v", w.told, w.acted)
			}
			w.fails = problem.New(problem.NoSession, "There is no session.", "Open it from Studio.", errors.New("inner"))
		})
		l.clicks <- Action{Connect, research.Alias}
		var chosen func(Action)
		if got := w.last(); strings.Contains(got, "connecting") {
			t.Errorf("after a failure:\n%s", got)
		}
		w.see(func() {
			if len(w.acted) != 1 || w.acted[0] != (Action{Connect, research.Alias}) {
				t.Errorf("acted %v", w.acted)
			}
			if n := w.told[len(w.told)-1]; len(w.told) != 2 || n.Title+": "+n.Body != "research.hatch could not be opened: There is no session. Open it from Studio." {
				t.Errorf("told %+v", w.told)
			}
			chosen = w.chosen
		})
		chosen(Action{CopySSH, gpu.Alias}) // a button of a notification
		w.see(func() {
			if len(w.acted) != 2 {
				t.Errorf("acted %v", w.acted)
			}
		})
	})
}

func TestAskedInTheTray(t *testing.T) {
	inLoop(t, func(w *world, l *loop, _ chan<- struct{}, _ <-chan error) {
		w.give(shot())
		// A space that has to be started first: its tunnel comes late and is
		// quick then.
		gate := make(chan struct{})
		w.see(func() { w.gate = gate })
		l.clicks <- Action{Connect, research.Alias}
		time.Sleep(time.Minute)
		for _, phase := range []Phase{Connecting, Ready} {
			tunnel := tunnelOf(research, phase)
			tunnel.Since = time.Now()
			w.give(shot(tunnel))
		}
		w.see(func() {
			if len(w.told) != 1 || w.told[0].Title != "Research is connected" {
				t.Errorf("told %+v", w.told)
			}
		})
		close(gate)
	})
}

func TestQuit(t *testing.T) {
	stop := errors.New("stop")
	for name, c := range map[string]struct {
		do   func(w *world, l *loop)
		want error
		more bool // it goes on
	}{
		"quit":           {do: func(_ *world, l *loop) { l.clicks <- Action{Do: Quit} }},
		"close and quit": {do: func(_ *world, l *loop) { l.clicks <- Action{Do: CloseQuit} }},
		"close and quit, in vain": {do: func(w *world, l *loop) {
			w.see(func() { w.fails = stop })
			l.clicks <- Action{Do: CloseQuit}
		}, more: true},
		"the source fails": {do: func(w *world, _ *loop) { w.failed <- stop }, want: stop},
	} {
		t.Run(name, func(t *testing.T) {
			inLoop(t, func(w *world, l *loop, _ chan<- struct{}, ended <-chan error) {
				w.give(shot(tunnelOf(research, Connected)))
				c.do(w, l)
				synctest.Wait()
				select {
				case err := <-ended:
					if c.more || !errors.Is(err, c.want) {
						t.Errorf("ended with %v", err)
					}
				default:
					if !c.more {
						t.Error("it goes on")
					}
				}
			})
		})
	}
}
