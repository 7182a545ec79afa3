//go:build cgo || !darwin

package window

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/packaging/icons"
)

// Options are what a window needs of its surroundings.
type Options struct {
	// In brings screens, Out takes acts, both as messages of internal/ipc. Out
	// is closed where nobody reads it any more.
	In  io.Reader
	Out io.WriteCloser
	// Browse opens an https address in the browser, Folder a folder of this
	// machine; both may block.
	Browse func(address string) error
	Folder func(path string) error
	// Sizes is the file that remembers how large the windows were; empty
	// remembers nothing.
	Sizes string
	// Linger is how long a window stays after all went well.
	Linger time.Duration
}

// Show shows screen after screen in one window until it is closed, by the
// person or by who sends the screens. It must be called on the goroutine of
// main. The error says that nothing was ever shown, or that the sender spoke
// nonsense.
func Show(a fyne.App, o Options) error {
	s := &shown{app: a, Options: o, acts: make(chan view.Act, 16), ended: make(chan struct{})}
	a.SetIcon(fyne.NewStaticResource("spacehatch.png", icons.PNG(64)))
	s.window = a.NewWindow("Spacehatch")
	s.window.SetCloseIntercept(s.close)
	s.window.SetMaster()
	s.window.SetPadded(false) // pages have margins of their own

	var running sync.WaitGroup
	running.Go(s.send)
	received := make(chan error, 1)
	// Not waited for: it ends with its stream, at the latest with the process.
	go s.receive(received)
	a.Run()
	s.end()
	running.Wait()
	select {
	case err := <-received:
		return err
	default:
		return nil
	}
}

// shown is one window on its way. Its fields belong to the toolkit's
// goroutine, but for the channels.
type shown struct {
	Options
	app    fyne.App
	window fyne.Window

	screen  view.Screen
	visible bool
	gone    bool
	asked   int    // the question that was drawn last
	drawn   string // the kind of window that was drawn last
	front   int    // how often it was asked for again
	page    Page
	linger  *time.Timer

	acts     chan view.Act
	ended    chan struct{}
	endOnce  sync.Once
	outClose sync.Once
}

// errNothing says that the stream ended before a screen came.
var errNothing = errors.New("nothing was sent to be shown")

// receive takes screens until there are no more, and says how that ended before
// the window learns of it: what the window does then may end the program.
func (s *shown) receive(how chan<- error) {
	count := 0
	for {
		var next view.Screen
		err := ipc.Receive(s.In, &next)
		if err != nil {
			switch {
			case count == 0 && errors.Is(err, io.EOF):
				how <- errNothing
			case errors.Is(err, io.EOF):
				how <- nil
			default:
				how <- fmt.Errorf("receive a screen: %w", err)
			}
			fyne.Do(s.alone)
			s.closeOut() // who is gone reads no acts
			return
		}
		count++
		fyne.Do(func() { s.draw(next) })
	}
}

// send writes acts until the window ends.
func (s *shown) send() {
	defer s.closeOut()
	for {
		select {
		case act := <-s.acts:
			s.write(act)
		case <-s.ended:
			for {
				select {
				case act := <-s.acts:
					s.write(act)
				default:
					return
				}
			}
		}
	}
}

// write sends one act. Who no longer reads has ended, and then the stream of
// screens says so.
func (s *shown) write(act view.Act) { _ = ipc.Send(s.Out, act) }

func (s *shown) closeOut() { s.outClose.Do(func() { _ = s.Out.Close() }) }

func (s *shown) end() { s.endOnce.Do(func() { close(s.ended) }) }

// act queues what the person did. The queue is longer than anything that a
// person can do before it is read; if not, the last things are lost.
func (s *shown) act(act view.Act) {
	select {
	case s.acts <- act:
	default:
	}
}

// draw shows the next screen.
func (s *shown) draw(next view.Screen) {
	if next.Close {
		s.quit()
		return
	}
	s.screen = next
	asked := question(next)
	if s.visible && asked != 0 && asked == s.asked {
		return // the person may be in the middle of it
	}
	s.asked = asked
	s.redraw()
	if !s.visible {
		s.visible = true
		s.window.CenterOnScreen()
		s.window.Show()
		s.act(view.Act{Kind: view.Ready})
	} else if asked != 0 || next.Front > s.front {
		s.window.RequestFocus()
	}
	s.front = next.Front
	if s.screen.Connection != nil && s.screen.Connection.Done && s.linger == nil {
		s.linger = time.AfterFunc(s.Linger, func() { fyne.Do(s.quit) })
	}
}

// redraw draws the screen. A panel is drawn on under the person: the keyboard
// stays where it is.
func (s *shown) redraw() {
	canvas, at := s.window.Canvas(), fyne.Focusable(nil)
	now := kindOf(s.screen)
	if now.name != s.drawn {
		s.page = Page{} // nothing of another kind is taken over
	} else if now.panel {
		at = canvas.Focused()
	}
	asked := s.page.asks
	if s.page = Draw(s.screen, s.actions(), s.page); s.page.asks != "" && s.page.asks != asked {
		at = nil // to the question
	}
	s.window.SetContent(s.page.Content)
	if now.name != s.drawn {
		s.drawn = now.name
		s.window.SetTitle(now.title)
		s.window.Resize(s.size())
		if s.visible {
			// Grown where it stood, it may reach below the screen, with its
			// buttons first.
			s.window.CenterOnScreen()
		}
	}
	canvas.SetOnTypedKey(func(key *fyne.KeyEvent) {
		switch {
		case key.Name == fyne.KeyEscape && s.page.Escape != nil:
			s.page.Escape()
		case isEnter(key) && s.page.Focus != nil:
			canvas.Focus(s.page.Focus)
		}
	})
	for _, takes := range []fyne.Focusable{at, s.page.Focus} {
		if takes != nil && (canvas.Focused() == nil || at == nil) {
			canvas.Focus(takes)
		}
	}
}

func (s *shown) actions() Actions {
	return Actions{
		Answer: s.answer,
		Retry:  func() { s.act(view.Act{Kind: view.RetryAsked}) },
		SignIn: func() { s.act(view.Act{Kind: view.SignInAsked}) },
		Close:  s.close,
		Browse: func(address string) {
			go func() { _ = s.Browse(address) }() // a browser that does not start says so itself
		},
		Folder: func(path string) {
			go func() { _ = s.Folder(path) }() // the same
		},
		Wish: func(w view.Wish) { s.act(view.Act{Kind: view.Wished, Wish: &w}) },
		Copy: func(text string) { s.app.Clipboard().SetContent(text) },
	}
}

// answer sends an answer and shows the way on, so that a second press answers
// nothing.
func (s *shown) answer(a view.Answer) {
	s.act(view.Act{Kind: view.Answered, Answer: &a})
	if c := s.screen.Connection; c != nil {
		going := *c
		going.Question = nil
		s.screen.Connection = &going
		s.redraw()
	}
	if set := s.screen.Setup; set != nil {
		if a.Choice == view.No {
			s.quit()
			return
		}
		going := *set
		going.Stage = view.Making
		s.screen.Setup = &going
		s.redraw()
	}
}

// close is the person's wish that the window go. What is under way is
// cancelled with it.
func (s *shown) close() {
	if kindOf(s.screen).panel {
		s.window.Canvas().Unfocus() // what is being typed is handed over
	}
	if pending(s.screen) {
		s.act(view.Act{Kind: view.CancelAsked})
	}
	s.quit()
}

func (s *shown) quit() {
	if s.gone {
		return
	}
	s.gone = true
	if s.linger != nil {
		s.linger.Stop()
	}
	if s.visible {
		s.remember(s.window.Canvas().Size())
	}
	s.window.Close()
	s.app.Quit()
}

// alone is called when no more screens will come. What is over stays for the
// person to read; what is not over will never be.
func (s *shown) alone() {
	switch c := s.screen.Connection; {
	case !s.visible:
		s.quit()
	case c != nil && c.Problem != nil:
		p := *c.Problem
		p.Retry = false // nobody is there to do it
		going := *c
		going.Problem = &p
		changed := c.Problem.Retry
		s.screen.Connection = &going
		if changed {
			s.redraw()
		}
	case c != nil && c.Done, s.screen.Setup != nil && s.screen.Setup.Stage == view.Made:
	default:
		s.screen = view.Screen{Connection: &view.Connection{Problem: stopped(kindOf(s.screen).panel)}}
		s.redraw()
	}
}

// stopped is what is shown when the sender of the screens ended in the middle.
func stopped(panel bool) *view.Problem {
	p := &view.Problem{Code: "stopped"}
	if panel {
		p.Sentence, p.Hint = lang.L("Spacehatch has ended."), lang.L("Open this window again.")
	} else {
		p.Sentence, p.Hint = lang.L("Spacehatch ended before the space was open."), lang.L("Go back to Studio and open the space again.")
	}
	return p
}

// question is the id of the question that a screen asks, 0 where it asks none.
func question(s view.Screen) int {
	switch {
	case s.Connection != nil && s.Connection.Question != nil:
		return s.Connection.Question.ID
	case s.Setup != nil && s.Setup.Stage == view.Choosing:
		return s.Setup.ID
	}
	return 0
}

// pending reports whether a screen shows something that can be cancelled.
func pending(s view.Screen) bool {
	switch {
	case s.Connection != nil:
		return !s.Connection.Done && s.Connection.Problem == nil
	case s.Setup != nil:
		return s.Setup.Stage != view.Made
	}
	return false
}
