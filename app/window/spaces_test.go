//go:build cgo || !darwin

package window

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

// names are the names of spaces that are drawn.
func names(w fyne.Window, all []view.SpaceRow) []string {
	var found []string
	for _, text := range texts(w) {
		if slices.ContainsFunc(all, func(r view.SpaceRow) bool { return r.Name == text.Text }) {
			found = append(found, text.Text)
		}
	}
	return found
}

// typed writes into what has the keyboard.
func (p *person) typed(text string) {
	p.t.Helper()
	for _, r := range text {
		p.canvas.Focused().TypedRune(r)
	}
}

func TestSpacesAreFiltered(t *testing.T) {
	for name, test := range map[string]struct {
		text          string
		domain, owner string
		want          []string
	}{
		"a part of a name":    {"FRAUD", "", "", []string{"fraud-model"}},
		"an owner":            {"carol", "", "", []string{"nightly", "pricing"}},
		"an instance type":    {" t3.la ", "", "", []string{"demand-forecast"}},
		"a domain":            {"", "d-zyxwvutsrqpo", "", []string{"nightly", "pricing", "shared-notebooks"}},
		"a user profile":      {"", "", "alice", []string{"churn", "fraud-model"}},
		"all of it":           {"code", "d-zyxwvutsrqpo", "carol", []string{"nightly"}},
		"what a space does":   {"failed", "", "", []string{"pricing"}},
		"what nothing fits":   {"zzz", "", "", nil},
		"a profile elsewhere": {"", "d-abcdefghijkl", "carol", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, page := shownIn(t, find(t, "spaces-listed"), theme.VariantLight, 1)
			p := &person{t: t, canvas: w.Canvas()}
			p.canvas.Focus(page.Focus)
			for _, r := range test.text {
				p.canvas.Focused().TypedRune(r)
			}
			b := boardOf(t, page)
			if test.domain != "" {
				b.domain.SetSelected(test.domain)
			}
			if test.owner != "" {
				b.owner.SetSelected(test.owner)
			}
			got := names(w, spaceRows())
			slices.Sort(got)
			if !slices.Equal(slices.Compact(got), test.want) {
				t.Errorf("shown are %q, want %q", got, test.want)
			}
		})
	}
}

// boardOf is the board of a page.
func boardOf(t *testing.T, page Page) *board {
	t.Helper()
	for _, w := range page.kept.now {
		if b, ok := w.(*board); ok {
			return b
		}
	}
	t.Fatal("the page has no board")
	return nil
}

func TestSpacesByKeyboardAlone(t *testing.T) {
	const tab, enter, down, up, end = fyne.KeyTab, fyne.KeyReturn, fyne.KeyDown, fyne.KeyUp, fyne.KeyEnd
	for name, test := range map[string]struct {
		state string
		text  string
		keys  []fyne.KeyName
		want  string
	}{
		"connect to the first":       {"spaces-listed", "", []fyne.KeyName{down, enter}, "wish connect 1"},
		"connect to the second":      {"spaces-listed", "", []fyne.KeyName{down, down, enter}, "wish connect 2"},
		"not above the first":        {"spaces-listed", "", []fyne.KeyName{down, up, up, enter}, "wish connect 1"},
		"to the last":                {"spaces-listed", "", []fyne.KeyName{down, end, enter}, "wish connect 6"},
		"what was filtered for":      {"spaces-listed", "demand", []fyne.KeyName{enter, enter}, "wish connect 3"},
		"stop what is connected":     {"spaces-listed", "", []fyne.KeyName{down, tab, tab, enter}, "wish stop 1"},
		"details":                    {"spaces-listed", "", []fyne.KeyName{down, tab, enter}, "wish details 1"},
		"start what is stopped":      {"spaces-listed", "churn", []fyne.KeyName{down, tab, enter}, "wish start 2"},
		"cancel what is being done":  {"spaces-busy", "churn", []fyne.KeyName{down, tab, enter}, "wish cancel 2"},
		"connect to what is busy":    {"spaces-busy", "churn", []fyne.KeyName{down, enter, tab, enter}, "wish cancel 2"},
		"refresh":                    {"spaces-listed", "", []fyne.KeyName{tab, tab, tab, tab, enter}, "wish list"},
		"escape from the list":       {"spaces-listed", "", []fyne.KeyName{down, fyne.KeyEscape}, "close"},
		"escape empties the filter":  {"spaces-listed", "churn", []fyne.KeyName{fyne.KeyEscape, fyne.KeyEscape}, "close"},
		"a dangerous question":       {"spaces-stop", "", []fyne.KeyName{enter}, "wish answer q1"},
		"another question":           {"spaces-start", "", []fyne.KeyName{enter}, "wish answer q2 yes"},
		"sign in":                    {"spaces-sign-in", "", []fyne.KeyName{tab, enter}, "wish sign-in"},
		"try again":                  {"spaces-no-credentials", "", []fyne.KeyName{enter}, "wish list"},
		"copy the statement":         {"spaces-denied", "", []fyne.KeyName{tab, enter}, "copy"},
		"clear a filter in vain":     {"spaces-nothing-fits", "", []fyne.KeyName{tab, tab, tab, enter, down, enter}, "wish connect 1"},
		"everybody's":                {"spaces-none", "", []fyne.KeyName{tab, tab, tab, tab, tab, enter}, "wish list-all"},
		"nothing without a selected": {"spaces-nothing-fits", "", []fyne.KeyName{down, fyne.KeyEscape, fyne.KeyEscape}, "close"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sit(t, find(t, test.state))
			p.typed(test.text)
			p.press(test.keys...)
			if len(p.did) != 1 || p.did[0] != test.want {
				t.Errorf("did %q, want %q", p.did, test.want)
			}
		})
	}
}

// What was chosen and is filtered out is not what the buttons are about.
func TestNothingIsDoneToASpaceThatCannotBeSeen(t *testing.T) {
	p := sit(t, find(t, "spaces-listed"))
	p.press(fyne.KeyDown) // to the first one
	for range 4 {         // its buttons, refresh, and the filter again
		p.press(fyne.KeyTab)
	}
	p.press(fyne.KeyTab)
	if _, is := p.canvas.Focused().(*entry); !is {
		t.Fatalf("the keyboard is at %T", p.canvas.Focused())
	}
	p.typed("churn")
	for range 10 {
		p.press(fyne.KeyTab)
		if b, is := p.canvas.Focused().(*button); is && b.Text != "Refresh" {
			t.Errorf("%q can be pressed", b.Text)
		}
	}
	p.canvas.Focus(p.first)
	p.press(fyne.KeyReturn, fyne.KeyReturn) // to the list, which chooses what can be seen
	if len(p.did) != 1 || p.did[0] != "wish connect 2" {
		t.Errorf("did %q", p.did)
	}
}

func TestAnAnswerAboutASpace(t *testing.T) {
	for _, test := range []struct {
		state string
		keys  []fyne.KeyName
		want  view.Choice
	}{
		{"spaces-stop", []fyne.KeyName{fyne.KeyReturn}, view.No},
		{"spaces-stop", []fyne.KeyName{fyne.KeyTab, fyne.KeyReturn}, view.Yes},
		{"spaces-start", []fyne.KeyName{fyne.KeyReturn}, view.Yes},
	} {
		p := sit(t, find(t, test.state))
		p.press(test.keys...)
		if len(p.wishes) != 1 || view.Choice(p.wishes[0].Value) != test.want {
			t.Errorf("%s %v: %+v", test.state, test.keys, p.wishes)
		}
	}
}

// TestAValueComesWhileAPersonChooses: what is typed, chosen and scrolled stays.
func TestAValueComesWhileAPersonChooses(t *testing.T) {
	s := raise(t, time.Hour)
	spaces := func(v view.Spaces) { s.t.Helper(); v.Region = "eu-west-1"; s.panel(view.Screen{Spaces: &v}) }
	spaces(view.Spaces{Rows: manySpaces(1000)})
	s.ready()
	s.do(func(w fyne.Window) {
		for _, r := range "space-09" {
			w.Canvas().Focused().TypedRune(r)
		}
	})
	for _, key := range []fyne.KeyName{fyne.KeyDown, fyne.KeyPageDown, fyne.KeyPageDown, fyne.KeyDown} {
		s.press(key)
	}
	type state struct {
		text, chosen string
		offset       float32
		list         bool
		rows         int
	}
	now := func() (now state) {
		s.do(func(w fyne.Window) {
			l, is := w.Canvas().Focused().(*spaceList)
			if !is {
				s.t.Errorf("the keyboard is at %T", w.Canvas().Focused())
				return
			}
			now = state{l.of.entry.Text, l.of.chosen, l.GetScrollOffset(), true, l.Length()}
		})
		return now
	}
	before := now()
	if before.rows != 100 || before.offset == 0 || before.chosen == "900" {
		t.Fatalf("%+v", before)
	}
	rows := manySpaces(1000)[300:] // what is above is gone, and what is chosen moves
	rows[650].Status = view.SpaceFailed
	spaces(view.Spaces{Rows: rows})
	if after := now(); after != before {
		t.Errorf("%+v becomes %+v", before, after)
	}
	s.press(fyne.KeyReturn)
	if act := s.next(); act.Wish == nil || *act.Wish != (view.Wish{Do: view.ConnectSpace, Key: before.chosen}) {
		t.Errorf("the act is %+v", act)
	}
	question := view.SpaceQuestion{Key: "q", Yes: view.StopSpace, Change: view.Change{Title: "Stop?", Cautious: true}}
	spaces(view.Spaces{Rows: rows, Question: &question})
	s.press(fyne.KeyReturn) // where the question put the keyboard
	if act := s.next(); act.Wish == nil || *act.Wish != (view.Wish{Do: view.AnswerSpace, Key: "q"}) {
		t.Errorf("the act is %+v", act)
	}
	s.show(view.Screen{Close: true})
	s.ends(nil)
}

// TestOnlyWhatCanBeSeenIsDrawn is what lets thousands of spaces scroll.
func TestOnlyWhatCanBeSeenIsDrawn(t *testing.T) {
	count := func(rows int) (n int) {
		w, page := shownIn(t, view.Screen{Spaces: &view.Spaces{Region: "eu-west-1", Rows: manySpaces(rows)}}, theme.VariantLight, 1)
		b := boardOf(t, page)
		b.list.ScrollToBottom()
		b.list.ScrollToTop()
		var walk func(o fyne.CanvasObject)
		walk = func(o fyne.CanvasObject) {
			n++
			switch o := o.(type) {
			case *fyne.Container:
				for _, child := range o.Objects {
					walk(child)
				}
			case fyne.Widget:
				for _, child := range test.WidgetRenderer(o).Objects() {
					walk(child)
				}
			case *canvas.Text:
			}
		}
		walk(w.Content())
		return n
	}
	few, many := count(100), count(10_000)
	if many > few+10 {
		t.Errorf("%d objects are drawn for 10,000 spaces, %d for 100", many, few)
	}
}

func BenchmarkScrollSpaces(b *testing.B) {
	a := test.NewTempApp(b)
	a.Settings().SetTheme(variant{Theme(), theme.VariantLight})
	page := Draw(view.Screen{Spaces: &view.Spaces{Region: "eu-west-1", Rows: manySpaces(1000)}}, nothing, Page{})
	w := test.NewTempWindow(b, page.Content)
	w.Resize(kindOf(view.Screen{Spaces: &view.Spaces{}}).size)
	var list *spaceList
	for _, kept := range page.kept.now {
		if board, ok := kept.(*board); ok {
			list = board.list
		}
	}
	for i := 0; b.Loop(); i++ {
		list.ScrollToOffset(float32(i * 37 % 50_000))
	}
}

func TestWordsOfSpaces(t *testing.T) {
	for _, status := range []view.SpaceStatus{
		view.SpaceRunning, view.SpaceStopped, view.SpaceStarting, view.SpaceStopping, view.SpaceUpdating, view.SpaceDeleting, view.SpaceFailed, "new",
	} {
		if _, _, word := spaceWords(view.SpaceRow{Status: status}); word == "" || strings.Contains(word, "QUESTION") {
			t.Errorf("%s has no word", status)
		}
	}
}
