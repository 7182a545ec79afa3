//go:build cgo || !darwin

package window

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

// panel shows the screen twice: when the second one is taken, the first one is
// drawn, or queued before whatever comes next.
func (s *stage) panel(screen view.Screen) {
	s.t.Helper()
	s.show(screen)
	s.show(screen)
}

func (s *stage) diagnostics(d view.Diagnostics) {
	s.t.Helper()
	s.panel(view.Screen{Diagnostics: &d})
}

// TestTheKeyboardStaysInAPanel also holds a button between press and release:
// it must be the same one when the next value has come.
func TestTheKeyboardStaysInAPanel(t *testing.T) {
	s := raise(t, time.Hour)
	s.diagnostics(view.Diagnostics{Findings: findings()})
	s.ready()
	// The text is read where the toolkit runs, which may be drawing it.
	at := func() (at fyne.Focusable, text string) {
		s.do(func(w fyne.Window) {
			at = w.Canvas().Focused()
			if b, ok := at.(*button); ok {
				text = b.Text
			}
		})
		return at, text
	}
	var fix fyne.Focusable
	for range 20 {
		s.do(func(w fyne.Window) { w.Canvas().FocusNext() })
		if b, text := at(); text == "Fix" {
			fix = b
			break
		}
	}
	if fix == nil {
		t.Fatal("no button to fix is reached")
	}
	next := findings()
	next[0].Sentence = "Something else."
	s.diagnostics(view.Diagnostics{Findings: next})
	if words := s.words(); !strings.Contains(words, "Something else.") {
		t.Fatalf("%s", words)
	}
	if now, text := at(); now != fix {
		t.Errorf("the keyboard is at %q", text)
	}
	s.press(fyne.KeyReturn)
	if act := s.next(); act.Kind != view.Wished || act.Wish == nil || *act.Wish != (view.Wish{Do: view.Mend, Key: "ssh-config"}) {
		t.Errorf("the act is %+v", act)
	}
	s.diagnostics(view.Diagnostics{Findings: next[4:]}) // it is gone
	if _, text := at(); text != "Close" {
		t.Errorf("the keyboard is at %q", text)
	}
	s.press(fyne.KeyEscape)
	s.ends(nil)
}

func TestAPanelStaysWhereItIsScrolled(t *testing.T) {
	s := raise(t, time.Hour)
	many := append(findings(), findings()...)
	s.diagnostics(view.Diagnostics{Findings: many})
	s.ready()
	page := func() (found *scroller) {
		s.do(func(w fyne.Window) { found = scrollerOf(w.Content()) })
		return found
	}
	before := page()
	s.do(func(fyne.Window) { before.scroll.ScrollToOffset(fyne.NewPos(0, 100)) })
	s.diagnostics(view.Diagnostics{Findings: many, Mending: "sockets"})
	after := page()
	s.do(func(fyne.Window) {
		if after != before || after.scroll.Offset.Y != 100 {
			t.Errorf("the page is scrolled to %v", after.scroll.Offset)
		}
	})
	s.show(view.Screen{Close: true})
	s.ends(nil)
}

// scrollerOf is the first scroller below o.
func scrollerOf(o fyne.CanvasObject) *scroller {
	switch o := o.(type) {
	case *scroller:
		return o
	case *fyne.Container:
		for _, child := range o.Objects {
			if found := scrollerOf(child); found != nil {
				return found
			}
		}
	}
	return nil
}

func TestAPanelComesToTheFront(t *testing.T) {
	s := raise(t, time.Hour)
	s.diagnostics(view.Diagnostics{})
	s.ready()
	var fronts []int
	for _, times := range []int{0, 1, 1, 2} {
		s.panel(view.Screen{Diagnostics: &view.Diagnostics{}, Front: times})
		s.do(func(fyne.Window) { fronts = append(fronts, s.app.fronts) })
	}
	if want := []int{0, 1, 1, 2}; !slices.Equal(fronts, want) {
		t.Errorf("it came to the front %v times, want %v", fronts, want)
	}
	s.show(view.Screen{Close: true})
	s.ends(nil)
}

func TestEveryKindOfWindowHasItsOwnSize(t *testing.T) {
	s := raise(t, time.Hour)
	before := `{"connection":{"width":610,"height":550},"diagnostics":{"width":700,"height":500}}`
	if err := os.WriteFile(s.sizes, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	s.diagnostics(view.Diagnostics{})
	s.ready()
	s.do(func(w fyne.Window) {
		if got, want := w.Canvas().Size(), fyne.NewSize(700, 500); got != want {
			t.Errorf("it opens with %v, want %v", got, want)
		}
		if w.Title() != "Spacehatch diagnostics" {
			t.Errorf("its title is %q", w.Title())
		}
		w.Resize(fyne.NewSize(800, 600))
	})
	s.press(fyne.KeyEscape)
	s.ends(nil)
	after := `{"connection":{"width":610,"height":550},"diagnostics":{"width":800,"height":600}}`
	if data, err := os.ReadFile(s.sizes); err != nil || strings.TrimSpace(string(data)) != after {
		t.Errorf("the file holds %s, %v", data, err)
	}
}

func TestAPanelWhoseSenderDies(t *testing.T) {
	s := raise(t, time.Hour)
	s.diagnostics(view.Diagnostics{Findings: findings()})
	s.ready()
	if err := s.screens.Close(); err != nil {
		t.Fatal(err)
	}
	s.letsGo()
	if words := s.words(); !strings.Contains(words, "Spacehatch has ended.") || strings.Contains(words, "Run again") {
		t.Errorf("%s", words)
	}
	s.press(fyne.KeyReturn)
	if err := <-s.result; err != nil {
		t.Error(err)
	}
}

// TestAPanelDrawnOnIsAsDrawnAnew goes through the states of each panel forth and
// back: the window of the one before must leave no trace in the next.
func TestAPanelDrawnOnIsAsDrawnAnew(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(variant{Theme(), theme.VariantLight})
	var panels []state
	for _, s := range states() {
		// What is filtered by is the person's, and outlives the value.
		filtered := s.screen.Spaces != nil && s.screen.Spaces.Filter != view.SpaceFilter{}
		if kindOf(s.screen).panel && !filtered && !strings.HasSuffix(s.name, "hostile") {
			panels = append(panels, s)
		}
	}
	alone := map[string]string{}
	for _, s := range panels {
		page := Draw(s.screen, nothing, Page{})
		w := test.NewTempWindow(t, page.Content)
		w.SetPadded(false)
		w.Resize(kindOf(s.screen).size)
		alone[s.name] = test.RenderToMarkup(w.Canvas())
	}
	var page Page
	var w fyne.Window
	last := state{}
	for _, s := range append(slices.Clone(panels), reversed(panels)...) {
		if k := kindOf(s.screen); last.name == "" || k.name != kindOf(last.screen).name {
			page = Draw(s.screen, nothing, Page{})
			w = test.NewTempWindow(t, page.Content)
			w.SetPadded(false)
			w.Resize(k.size)
		} else {
			page = Draw(s.screen, nothing, page)
			w.SetContent(page.Content)
		}
		if test.RenderToMarkup(w.Canvas()) != alone[s.name] {
			t.Errorf("%s after %s is not as it is alone", s.name, last.name)
		}
		last = s
	}
}

func reversed(all []state) []state {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}
