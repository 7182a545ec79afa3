//go:build cgo || !darwin

package window

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

// person drives a page by keyboard alone and notes what it did.
type person struct {
	t      *testing.T
	canvas fyne.Canvas
	did    []string
	answer view.Answer
	wishes []view.Wish
	first  fyne.Focusable // what has the keyboard at first
}

func sit(t *testing.T, screen view.Screen) *person {
	t.Helper()
	a := test.NewTempApp(t)
	a.Settings().SetTheme(variant{Theme(), theme.VariantLight})
	p := &person{t: t}
	note := func(what string) { p.did = append(p.did, what) }
	page := Draw(screen, Actions{
		Answer: func(a view.Answer) { p.answer = a; note("answer " + string(a.Choice)) },
		Retry:  func() { note("retry") }, SignIn: func() { note("sign in") }, Close: func() { note("close") },
		Browse: func(address string) { note("browse " + address) }, Copy: func(string) { note("copy") },
		Wish: func(w view.Wish) {
			p.wishes = append(p.wishes, w)
			note(strings.TrimSpace("wish " + w.Do + " " + strings.TrimSpace(w.Key+" "+w.Value)))
		},
		Folder: func(path string) { note("folder " + path) },
	}, Page{})
	w := test.NewTempWindow(t, page.Content)
	w.SetPadded(false)
	w.Resize(kindOf(screen).size)
	p.canvas = w.Canvas()
	if page.Focus == nil {
		t.Fatal("nothing has the keyboard")
	}
	p.canvas.Focus(page.Focus)
	p.first = page.Focus
	return p
}

func (p *person) press(keys ...fyne.KeyName) {
	p.t.Helper()
	for _, key := range keys {
		switch key {
		case fyne.KeyTab:
			p.canvas.FocusNext()
		case fyne.KeySpace:
			at := p.canvas.Focused() // a button gives it back when it is pressed
			at.TypedKey(&fyne.KeyEvent{Name: key})
			at.TypedRune(' ')
		default:
			p.canvas.Focused().TypedKey(&fyne.KeyEvent{Name: key})
		}
	}
}

// find returns the screen of a state.
func find(t *testing.T, name string) view.Screen {
	t.Helper()
	for _, s := range states() {
		if s.name == name {
			return s.screen
		}
	}
	t.Fatalf("there is no state %s", name)
	return view.Screen{}
}

func TestEveryPageWorksByKeyboardAlone(t *testing.T) {
	const tab, enter, space, escape = fyne.KeyTab, fyne.KeyReturn, fyne.KeySpace, fyne.KeyEscape
	const studio = "browse https://studio-d-abcdefghijkl.studio.eu-west-1.sagemaker.aws/"
	for _, test := range []struct {
		state string
		keys  []fyne.KeyName
		want  string
	}{
		{"consent", []fyne.KeyName{enter}, "answer "},
		{"consent", []fyne.KeyName{space}, "answer "},
		{"consent", []fyne.KeyName{escape}, "answer "},
		{"consent", []fyne.KeyName{tab, enter}, "answer yes"},
		{"consent", []fyne.KeyName{tab, tab, enter}, "answer remember"},
		{"consent", []fyne.KeyName{tab, tab, escape}, "answer "},
		{"change-ssh-config", []fyne.KeyName{enter}, "answer yes"},
		{"change-ssh-config", []fyne.KeyName{escape}, "answer "},
		{"change-ssh-config", []fyne.KeyName{tab, fyne.KeyPageDown, escape}, "answer "}, // from the diff
		{"change-ssh-config", []fyne.KeyName{tab, tab, enter}, "answer "},
		{"change-host-key", []fyne.KeyName{enter}, "answer "},
		{"change-host-key", []fyne.KeyName{tab, enter}, "answer yes"},
		{"setup-choose", []fyne.KeyName{enter}, "answer yes"},
		{"setup-choose", []fyne.KeyName{escape}, "answer "},
		{"setup-made", []fyne.KeyName{enter}, "close"},
		{"setup-all-is-well", []fyne.KeyName{enter}, "answer "},
		{"setup-making", []fyne.KeyName{escape}, "close"},
		{"connection-under-way", []fyne.KeyName{enter}, "close"},
		{"connection-under-way", []fyne.KeyName{escape}, "close"},
		{"connection-done", []fyne.KeyName{enter}, "close"},
		{"connection-tunnel-refused", []fyne.KeyName{enter}, studio},
		{"connection-tunnel-refused", []fyne.KeyName{escape}, "close"},
		{"connection-try-again", []fyne.KeyName{enter}, "retry"},
		{"connection-denied", []fyne.KeyName{enter}, "retry"},
		{"connection-denied", []fyne.KeyName{tab, tab, tab, enter}, "copy"}, // the details, diagnostics, the statement
		{"connection-sign-in", []fyne.KeyName{enter}, "sign in"},
		{"connection-sign-in-elsewhere", []fyne.KeyName{enter}, "retry"},
		{"connection-sign-in-elsewhere", []fyne.KeyName{tab, tab, enter}, "copy"},
		{"connection-not-signed-in", []fyne.KeyName{enter}, "retry"},
		{"sign-in-question", []fyne.KeyName{enter}, "answer yes"},
		{"sign-in-code", []fyne.KeyName{enter}, "answer "},
		{"sign-in-code", []fyne.KeyName{escape}, "answer "},
		{"sign-in-code", []fyne.KeyName{tab, enter}, "copy"},
		{"sign-in-code", []fyne.KeyName{tab, tab, enter}, "browse https://device.sso.eu-west-1.amazonaws.com/?user_code=KQXW-ZRTB"},
		{"mfa", []fyne.KeyName{escape}, "answer "},
		{"mfa", []fyne.KeyName{enter, tab, enter}, "answer "}, // nothing was typed
		{"settings-plain", []fyne.KeyName{enter}, "close"},
		{"settings-plain", []fyne.KeyName{escape}, "close"},
		{"settings-plain", []fyne.KeyName{tab, tab, fyne.KeyRight}, "wish set editor code"},
		{"settings-plain", []fyne.KeyName{tab, tab, tab, tab, fyne.KeyRight}, "wish space churn.hatch"},
		{"settings-plain", []fyne.KeyName{tab, tab, tab, tab, tab, tab, space}, "wish set forward_agent fraud-model.hatch true"},
		{"settings-plain", []fyne.KeyName{tab, tab, tab, tab, tab, tab, tab, enter}, "wish forget 1"},
		{"settings-broken", []fyne.KeyName{tab, enter}, "folder /home/alice/.config/spacehatch"},
		{"settings-broken", []fyne.KeyName{tab, tab, enter}, "wish reload"},
		{"settings-uninstall", []fyne.KeyName{enter}, "wish keep"},
		{"settings-uninstall", []fyne.KeyName{escape}, "wish keep"},
		{"settings-uninstall", []fyne.KeyName{tab, enter}, "wish take-away"},
		{"settings-uninstalled", []fyne.KeyName{escape}, "close"},
		{"settings-not-uninstalled", []fyne.KeyName{tab, enter}, "wish take-away"},
	} {
		p := sit(t, find(t, test.state))
		p.press(test.keys...)
		if len(p.did) != 1 || p.did[0] != test.want {
			t.Errorf("%s, %v: did %q, want %q", test.state, test.keys, p.did, test.want)
		}
	}
}

func TestTabReachesEverythingAndComesBack(t *testing.T) {
	for _, s := range states() {
		p := sit(t, s.screen)
		first := p.canvas.Focused()
		var met []fyne.Focusable
		for range 50 {
			p.press(fyne.KeyTab)
			at := p.canvas.Focused()
			if at == nil {
				t.Errorf("%s: the keyboard is lost", s.name)
				break
			}
			if at == first {
				break
			}
			if slices.Contains(met, at) {
				t.Errorf("%s: the way never comes back to where it began", s.name)
				break
			}
			met = append(met, at)
			// Escape must leave from everywhere.
			before := len(p.did)
			p.press(fyne.KeyEscape)
			if len(p.did) != before+1 {
				t.Errorf("%s: Escape does nothing in %T", s.name, at)
			}
		}
	}
}

func TestWhatIsTickedIsAnswered(t *testing.T) {
	p := sit(t, find(t, "setup-choose"))
	var checks []*check
	var options *choice
	for range 20 {
		p.press(fyne.KeyTab)
		switch at := p.canvas.Focused().(type) {
		case *check:
			if !slices.Contains(checks, at) {
				checks = append(checks, at)
			}
		case *choice:
			options = at
		}
	}
	if len(checks) != 5 || options == nil {
		t.Fatalf("%d boxes and %v were met", len(checks), options)
	}
	p.canvas.Focus(checks[0])
	p.press(fyne.KeyReturn) // off
	p.canvas.Focus(checks[1])
	p.press(fyne.KeyReturn, fyne.KeyReturn) // off and on again
	p.canvas.Focus(options)
	p.press(fyne.KeyRight) // the next one
	p.canvas.Focus(checks[3])
	p.press(fyne.KeySpace) // off
	for _, apply := range []fyne.KeyName{fyne.KeyTab, fyne.KeyTab, fyne.KeyTab} {
		if b, ok := p.canvas.Focused().(*button); ok && b.Text == "Set up" {
			break
		}
		p.press(apply)
	}
	p.press(fyne.KeyReturn)
	if p.answer.ID != 7 || p.answer.Choice != view.Yes || !slices.Equal(p.answer.Keys, []string{"extension", "settings"}) ||
		len(p.answer.Options) != 1 || p.answer.Options["ide"] != "cursor" {
		t.Errorf("the answer is %+v", p.answer)
	}
}

func TestACodeIsTypedAndHandedOver(t *testing.T) {
	for _, hand := range [][]fyne.KeyName{{fyne.KeyReturn}, {fyne.KeyTab, fyne.KeyTab, fyne.KeyReturn}} {
		p := sit(t, find(t, "mfa"))
		for _, digit := range " 123456" {
			p.canvas.Focused().TypedRune(digit)
		}
		p.press(hand...)
		if p.answer.Choice != view.Yes || p.answer.Code != "123456" || len(p.did) != 1 {
			t.Errorf("%v: the answer is %+v", hand, p.answer)
		}
	}
}

func TestADiffScrollsByKeyboard(t *testing.T) {
	p := sit(t, find(t, "change-hostile"))
	var s *scroller
	for range 5 {
		if at, ok := p.canvas.Focused().(*scroller); ok {
			s = at
			break
		}
		p.press(fyne.KeyTab)
	}
	if s == nil {
		t.Fatal("the diff cannot be reached")
	}
	bottom := s.scroll.Content.MinSize().Height - s.scroll.Size().Height
	for _, step := range []struct {
		key  fyne.KeyName
		good func(before, after fyne.Position) bool
	}{
		{fyne.KeyDown, func(b, a fyne.Position) bool { return a.Y > b.Y }},
		{fyne.KeyPageDown, func(b, a fyne.Position) bool { return a.Y > b.Y+50 }},
		{fyne.KeyUp, func(b, a fyne.Position) bool { return a.Y < b.Y }},
		{fyne.KeyRight, func(b, a fyne.Position) bool { return a.X > b.X }},
		{fyne.KeyLeft, func(b, a fyne.Position) bool { return a.X < b.X }},
		{fyne.KeyEnd, func(_, a fyne.Position) bool { return a.Y >= bottom-1 }},
		{fyne.KeyPageUp, func(b, a fyne.Position) bool { return a.Y < b.Y }},
		{fyne.KeyHome, func(_, a fyne.Position) bool { return a.Y == 0 }},
	} {
		before := s.scroll.Offset
		p.press(step.key)
		if !step.good(before, s.scroll.Offset) {
			t.Errorf("%s moves from %v to %v", step.key, before, s.scroll.Offset)
		}
	}
}
