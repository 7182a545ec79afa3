//go:build cgo || !darwin

package window

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/ipc"
)

// loop is the toolkit's test application with an event loop as the real one
// has it: what is queued runs on the goroutine of Run.
type loop struct {
	fyne.App
	driver queue
	quit   chan struct{}
	ended  bool
	fronts int // how often its window was brought to the front
}

// frontWindow counts for a loop.
type frontWindow struct {
	fyne.Window
	of *loop
}

func (w frontWindow) RequestFocus() { w.of.fronts++ }

func (l *loop) NewWindow(title string) fyne.Window {
	return frontWindow{l.App.NewWindow(title), l}
}

type queue struct {
	fyne.Driver
	todo chan func()
}

func (q queue) DoFromGoroutine(f func(), _ bool) { q.todo <- f }

func (l *loop) Driver() fyne.Driver { return l.driver }

func (l *loop) Run() {
	for {
		select {
		case f := <-l.driver.todo:
			f()
		case <-l.quit:
			return
		}
	}
}

func (l *loop) Quit() {
	if !l.ended {
		l.ended = true
		close(l.quit)
	}
}

// stage is a window with its two pipes.
type stage struct {
	t       *testing.T
	app     *loop
	screens *io.PipeWriter
	acts    chan view.Act // closed when Out is
	result  chan error
	sizes   string
	browsed chan string
}

func raise(t *testing.T, linger time.Duration) *stage {
	t.Helper()
	inner := test.NewTempApp(t)
	a := &loop{App: inner, driver: queue{inner.Driver(), make(chan func(), 64)}, quit: make(chan struct{})}
	fyne.SetCurrentApp(a)
	t.Cleanup(func() { fyne.SetCurrentApp(inner) })
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	s := &stage{
		t: t, app: a, screens: inWriter, acts: make(chan view.Act), result: make(chan error, 1),
		sizes: filepath.Join(t.TempDir(), "windows.json"), browsed: make(chan string, 1),
	}
	go func() {
		defer close(s.acts)
		for {
			var act view.Act
			if ipc.Receive(outReader, &act) != nil {
				return
			}
			s.acts <- act
		}
	}()
	go func() {
		s.result <- Show(a, Options{
			In: inReader, Out: outWriter, Linger: linger, Sizes: s.sizes,
			Browse: func(address string) error { s.browsed <- address; return nil },
		})
	}()
	// The stream stays open where a test does not close it: its end would be
	// drawn by the toolkit of the next test.
	return s
}

func (s *stage) show(screen view.Screen) {
	s.t.Helper()
	if err := ipc.Send(s.screens, screen); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) connection(c view.Connection) {
	s.t.Helper()
	s.show(view.Screen{Connection: &c})
}

// do runs f where the toolkit runs, after all that was queued before.
func (s *stage) do(f func(w fyne.Window)) {
	s.t.Helper()
	done := make(chan struct{})
	s.app.driver.todo <- func() {
		defer close(done)
		if all := s.app.driver.AllWindows(); len(all) > 0 {
			f(all[len(all)-1]) // the test application has one of its own
		}
	}
	<-done
}

func (s *stage) press(key fyne.KeyName) {
	s.t.Helper()
	s.do(func(w fyne.Window) {
		if at := w.Canvas().Focused(); at != nil {
			at.TypedKey(&fyne.KeyEvent{Name: key})
		} else {
			s.t.Error("nothing has the keyboard")
		}
	})
}

// next returns the next act; none where the window has ended.
func (s *stage) next() view.Act { return <-s.acts }

func (s *stage) ends(want error) {
	s.t.Helper()
	if act, open := <-s.acts; open {
		s.t.Errorf("one more act: %+v", act)
	}
	if err := <-s.result; !errors.Is(err, want) {
		s.t.Errorf("Show = %v, want %v", err, want)
	}
}

func (s *stage) ready() {
	s.t.Helper()
	if act := s.next(); act.Kind != view.Ready {
		s.t.Fatalf("the first act is %+v", act)
	}
}

// words are what is drawn.
func (s *stage) words() string {
	var all []string
	s.do(func(w fyne.Window) {
		for _, text := range texts(w) {
			all = append(all, text.Text)
		}
	})
	return strings.Join(all, " ")
}

func asking(id int) view.Connection {
	return view.Connection{Space: space(), Question: &view.Question{ID: id, Consent: &view.Consent{Space: space()}}}
}

func TestAnAnswerIsGivenOnce(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(asking(5))
	s.ready()
	s.press(fyne.KeyEscape)
	act := s.next()
	if act.Kind != view.Answered || act.Answer == nil || act.Answer.ID != 5 || act.Answer.Choice != view.No {
		t.Errorf("the act is %+v", act)
	}
	if words := s.words(); strings.Contains(words, "Connect to this space?") {
		t.Error("the question can be answered twice")
	}
	s.show(view.Screen{Close: true})
	s.ends(nil)
}

func TestAQuestionIsNotDrawnAnewWhileItIsThoughtAbout(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(asking(5))
	s.ready()
	content := func() (o fyne.CanvasObject) {
		s.do(func(w fyne.Window) { o = w.Content() })
		return o
	}
	first := content()
	for _, id := range []int{5, 6} {
		for range 2 { // when the second one is taken, the first one is drawn or queued
			s.connection(asking(id))
		}
		if same := content() == first; same != (id == 5) {
			t.Errorf("question %d after question 5: the same page %v", id, same)
		}
	}
	s.show(view.Screen{Close: true})
	s.ends(nil)
}

func TestClosingCancelsWhatIsUnderWay(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(view.Connection{Space: space(), Steps: steps(view.Done, view.Running, view.Waiting, view.Waiting, view.Waiting, view.Waiting)})
	s.ready()
	s.press(fyne.KeyReturn)
	if act := s.next(); act.Kind != view.CancelAsked {
		t.Errorf("the act is %+v", act)
	}
	s.ends(nil)
}

func TestClosingWhatIsOverCancelsNothing(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(view.Connection{Problem: &view.Problem{Sentence: "It broke."}})
	s.ready()
	s.press(fyne.KeyEscape)
	s.ends(nil)
}

func TestAWindowGoesWhenAllIsWell(t *testing.T) {
	s := raise(t, 0)
	s.connection(view.Connection{Done: true})
	s.ready()
	s.ends(nil)
}

func TestAProblemStaysWhenItsSenderHasLeft(t *testing.T) {
	s := raise(t, 0)
	s.connection(view.Connection{Space: space(), Problem: &view.Problem{
		Sentence: "It broke.", Retry: true, Studio: "https://studio.example/",
	}})
	s.ready()
	if words := s.words(); !strings.Contains(words, "Try again") {
		t.Errorf("%s", words)
	}
	if err := s.screens.Close(); err != nil {
		t.Fatal(err)
	}
	s.letsGo()
	if words := s.words(); !strings.Contains(words, "It broke.") || strings.Contains(words, "Try again") {
		t.Errorf("%s", words)
	}
	s.press(fyne.KeyReturn) // Open Studio
	if address := <-s.browsed; address != "https://studio.example/" {
		t.Errorf("browsed %s", address)
	}
	s.do(func(w fyne.Window) { w.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape}) })
	if err := <-s.result; err != nil {
		t.Error(err)
	}
}

// letsGo waits until the window has let go of its acts, and has drawn what it
// draws then.
func (s *stage) letsGo() {
	s.t.Helper()
	if act, open := <-s.acts; open {
		s.t.Errorf("one more act: %+v", act)
	}
}

func TestASenderThatDiesIsToldOf(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(asking(1))
	s.ready()
	if err := s.screens.Close(); err != nil {
		t.Fatal(err)
	}
	s.letsGo()
	if words := s.words(); !strings.Contains(words, "Spacehatch ended before the space was open.") {
		t.Errorf("%s", words)
	}
	s.press(fyne.KeyReturn)
	if err := <-s.result; err != nil {
		t.Error(err)
	}
}

func TestNothingToShow(t *testing.T) {
	s := raise(t, time.Hour)
	if err := s.screens.Close(); err != nil {
		t.Fatal(err)
	}
	s.ends(errNothing)
}

func TestNonsenseIsAnError(t *testing.T) {
	s := raise(t, time.Hour)
	if _, err := s.screens.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if _, open := <-s.acts; open {
		t.Error("there was an act")
	}
	if err := <-s.result; err == nil {
		t.Error("Show says that all is well")
	}
}

func TestASetUpIsAnsweredAndWatched(t *testing.T) {
	s := raise(t, time.Hour)
	chosen := setup(view.Choosing, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Proposed, view.Off)
	s.show(view.Screen{Setup: &chosen})
	s.ready()
	s.press(fyne.KeyReturn)
	act := s.next()
	if act.Answer == nil || act.Answer.Choice != view.Yes || len(act.Answer.Keys) != 4 {
		t.Errorf("the act is %+v", act)
	}
	if words := s.words(); !strings.Contains(words, "Setting up…") {
		t.Errorf("%s", words)
	}
	made := setup(view.Made, view.Applied, view.Applied, view.Applied, view.Applied, view.Applied, view.Off)
	s.show(view.Screen{Setup: &made})
	if err := s.screens.Close(); err != nil {
		t.Fatal(err)
	}
	s.letsGo()
	if words := s.words(); !strings.Contains(words, "Spacehatch is set up") {
		t.Errorf("%s", words)
	}
	s.press(fyne.KeyReturn)
	if err := <-s.result; err != nil {
		t.Error(err)
	}
}

func TestSizesAreRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		opens  fyne.Size
	}{
		"no file":      {"", fyne.NewSize(600, 540)},
		"a size":       {`{"connection":{"width":700,"height":650}}`, fyne.NewSize(700, 650)},
		"another kind": {`{"setup":{"width":700,"height":650}}`, fyne.NewSize(600, 540)},
		"too small":    {`{"connection":{"width":1,"height":650}}`, fyne.NewSize(600, 540)},
		"too large":    {`{"connection":{"width":700,"height":1e9}}`, fyne.NewSize(600, 540)},
		"no JSON":      {`{"connection":`, fyne.NewSize(600, 540)},
	} {
		t.Run(name, func(t *testing.T) {
			s := raise(t, time.Hour)
			if test.before != "" {
				if err := os.WriteFile(s.sizes, []byte(test.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.connection(view.Connection{Problem: &view.Problem{}})
			s.ready()
			s.do(func(w fyne.Window) {
				if got := w.Canvas().Size(); got != test.opens {
					t.Errorf("the window is %v, want %v", got, test.opens)
				}
				w.Resize(fyne.NewSize(777, 666))
			})
			s.press(fyne.KeyEscape)
			s.ends(nil)
			data, err := os.ReadFile(s.sizes)
			if err != nil || !strings.Contains(string(data), `"connection":{"width":777,"height":666}`) {
				t.Errorf("the file holds %s, %v", data, err)
			}
		})
	}
}

func TestNoFileIsMadeForAWindowThatWasOnlyClosed(t *testing.T) {
	s := raise(t, time.Hour)
	s.connection(view.Connection{Problem: &view.Problem{}})
	s.ready()
	s.press(fyne.KeyEscape)
	s.ends(nil)
	if _, err := os.Stat(s.sizes); err == nil {
		t.Error("a size that nobody chose was written")
	}
}
