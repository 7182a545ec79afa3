//go:build cgo || !darwin

package window

import (
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

// types writes where the keyboard is.
func (p *person) types(text string) {
	for _, r := range text {
		p.canvas.Focused().TypedRune(r)
	}
}

// goTo presses Tab until the keyboard is at the nth entry of the page.
func (p *person) goTo(n int) *textField {
	p.t.Helper()
	var met []*textField
	for range 40 {
		p.press(fyne.KeyTab)
		if e, ok := p.canvas.Focused().(*textField); ok && !slices.Contains(met, e) {
			if met = append(met, e); len(met) == n {
				return e
			}
		}
	}
	p.t.Fatalf("only %d entries are reached", len(met))
	return nil
}

func TestWhatIsTypedIsHandedOver(t *testing.T) {
	const enter, escape, tab = fyne.KeyReturn, fyne.KeyEscape, fyne.KeyTab
	for _, test := range []struct {
		name  string
		entry int // 1 the folder, 2 the space's, 3 the idle time, 4 SSH options, 5 hosts
		text  string
		keys  []fyne.KeyName
		want  []string
	}{
		{"Enter", 1, "/x", []fyne.KeyName{enter, tab}, []string{"wish set folder /x"}},
		{"Enter twice", 1, "/x", []fyne.KeyName{enter, enter}, []string{"wish set folder /x", "wish set folder /x"}},
		{"leaving", 1, "/x", []fyne.KeyName{tab}, []string{"wish set folder /x"}},
		{"nothing typed", 1, "", []fyne.KeyName{tab}, nil},
		{"Escape takes it back, and leaves", 1, "/x", []fyne.KeyName{escape, escape}, []string{"close"}},
		{"Escape, then leaving", 1, "/x", []fyne.KeyName{escape, tab}, nil},
		{"of one space", 2, "/y", []fyne.KeyName{tab}, []string{"wish set folder fraud-model.hatch /y"}},
		{"several lines", 4, "Compression no", []fyne.KeyName{enter, tab}, []string{"wish set ssh_options Compression no"}},
		{"hosts", 5, "h:1", []fyne.KeyName{tab}, []string{"wish set trusted_hosts h:1"}},
	} {
		p := sit(t, find(t, "settings-plain"))
		e := p.goTo(test.entry)
		p.types(test.text)
		if e.Text != test.text {
			t.Errorf("%s: typed %q, there is %q", test.name, test.text, e.Text)
		}
		p.press(test.keys...)
		if !slices.Equal(p.did, test.want) {
			t.Errorf("%s: did %q, want %q", test.name, p.did, test.want)
		}
	}
}

func TestSettingsAreKeptAtUninstall(t *testing.T) {
	p := sit(t, find(t, "settings-uninstall"))
	var box *check
	for range 6 {
		p.press(fyne.KeyTab)
		if c, ok := p.canvas.Focused().(*check); ok {
			box = c
			break
		}
	}
	if box == nil {
		t.Fatal("the box is not reached")
	}
	p.press(fyne.KeySpace)
	for range 6 {
		if b, ok := p.canvas.Focused().(*button); ok && b.Text == "Uninstall" {
			break
		}
		p.press(fyne.KeyTab)
	}
	p.press(fyne.KeyReturn)
	if want := []string{"wish take-away keep-settings"}; !slices.Equal(p.did, want) {
		t.Errorf("did %q, want %q", p.did, want)
	}
}

// What is locked cannot be changed, and the keyboard passes it over.
func TestALockedFieldIsPassedOver(t *testing.T) {
	p := sit(t, find(t, "settings-locked"))
	for range 20 {
		p.press(fyne.KeyTab)
		if c, ok := p.canvas.Focused().(*choice); ok && c.Selected == "Cursor" {
			t.Fatal("the keyboard is at a field that is locked")
		}
	}
	if len(p.did) > 0 {
		t.Errorf("did %q", p.did)
	}
}

// A value that comes while the person types does not disturb them; closing the
// window hands over what was typed.
func TestTypingGoesOnUnderANewValue(t *testing.T) {
	s := raise(t, time.Hour)
	show := func(change func(*view.Preferences)) {
		p := preferences(change)
		s.panel(view.Screen{Preferences: &p})
	}
	show(nil)
	s.ready()
	var at *textField
	for range 20 {
		s.do(func(w fyne.Window) {
			w.Canvas().FocusNext()
			at, _ = w.Canvas().Focused().(*textField)
		})
		if at != nil {
			break
		}
	}
	write := func(text string) {
		s.do(func(fyne.Window) {
			for _, r := range text {
				at.TypedRune(r)
			}
		})
	}
	write("/wo")
	show(func(p *view.Preferences) { p.Fields[1].Value, p.Fields[6].Value = "/other", "debug" })
	write("rk")
	s.do(func(w fyne.Window) {
		if w.Canvas().Focused() != fyne.Focusable(at) || at.Text != "/work" {
			t.Errorf("there is %q, and the keyboard is at %v", at.Text, w.Canvas().Focused())
		}
	})
	s.press(fyne.KeyReturn)
	if act := s.next(); act.Wish == nil || *act.Wish != (view.Wish{Do: view.SetField, Key: "folder", Value: "/work"}) {
		t.Errorf("the act is %+v", act)
	}
	show(func(p *view.Preferences) { p.Fields[1].Value, p.Fields[1].Saved = "/tidied", true })
	s.do(func(fyne.Window) {
		if at.Text != "/tidied" {
			t.Errorf("there is %q", at.Text)
		}
	})
	s.press(fyne.KeyEnd)
	write("/z")
	s.do(func(w fyne.Window) { // as the frame's own button does
		walk(w.Content(), func(o fyne.CanvasObject) {
			if b, ok := o.(*button); ok && b.Text == "Close" {
				b.OnTapped()
			}
		})
	})
	if act := s.next(); act.Wish == nil || act.Wish.Value != "/tidied/z" {
		t.Errorf("the wish is %+v", act.Wish)
	}
	s.ends(nil)
}

// walk goes through all objects below o.
func walk(o fyne.CanvasObject, each func(fyne.CanvasObject)) {
	each(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, child := range o.Objects {
			walk(child, each)
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(o).Objects() {
			walk(child, each)
		}
	}
}

// Hostile names of spaces and domains are drawn as they are; what is on a
// button or a list is short.
func TestNamesFromOutsideInTheSettings(t *testing.T) {
	w, _ := shownIn(t, find(t, "settings-hostile"), theme.VariantLight, 1)
	for _, text := range texts(w) {
		if len([]rune(text.Text)) > maxSentence+200 {
			t.Errorf("%d characters in one line", len([]rune(text.Text)))
		}
	}
}

func settingsStates() []state {
	prefer := func(name string, p view.Preferences) state {
		return state{"settings-" + name, view.Screen{Preferences: &p}}
	}
	return []state{
		prefer("plain", preferences(nil)),
		prefer("nothing-yet", preferences(func(p *view.Preferences) {
			p.Spaces, p.Space, p.OfSpace, p.Trusted = nil, "", nil, nil
		})),
		prefer("chosen", preferences(func(p *view.Preferences) {
			p.Fields[0].Value, p.Fields[0].Chosen, p.Fields[0].Saved = "cursor", true, true
			p.Fields[1].Value, p.Fields[1].Chosen = "/home/sagemaker-user/work", true
			p.Fields[4].Value, p.Fields[4].Chosen = "Compression no\nServerAliveInterval 30", true
			p.OfSpace[0].Value, p.OfSpace[0].Chosen = "/home/sagemaker-user/work/fraud", true
		})),
		prefer("forwarding", preferences(func(p *view.Preferences) {
			p.OfSpace[1].Value, p.OfSpace[1].Chosen, p.OfSpace[1].Saved = "true", true, true
			p.OfSpace[1].Note = "The connection that is open began without it: close it (`spacehatch close fraud-model.hatch`) and connect again."
		})),
		prefer("changing", preferences(func(p *view.Preferences) {
			p.Fields[4].Value, p.Fields[4].Setting = "Compression no", true
			p.SettingUp = true
		})),
		prefer("not-taken", preferences(func(p *view.Preferences) {
			p.Fields[1].Value = "work"
			p.Fields[1].Problem = &view.Problem{
				Sentence: "folder was not changed: it must be an absolute path on the space, such as \"/home/sagemaker-user\".",
			}
			p.Trusted[0].Problem = &view.Problem{Sentence: "The file \"/home/alice/.local/state/spacehatch/consents.json\" is damaged and was left as it is.", Hint: "Repair it, or move it to another place."}
		})),
		prefer("locked", preferences(func(p *view.Preferences) {
			p.Fields[0].Locked, p.Fields[0].By, p.Fields[0].Value = true, "SPACEHATCH_EDITOR", "cursor"
			p.Fields[6].Locked, p.Fields[6].By, p.Fields[6].Value = true, "SPACEHATCH_LOG", "debug"
			p.OfSpace[1].Locked = true
		})),
		prefer("broken", view.Preferences{File: "/home/alice/.config/spacehatch/settings.toml", Folder: "/home/alice/.config/spacehatch", Problem: &view.Problem{
			Sentence: "Line 4 of /home/alice/.config/spacehatch/settings.toml cannot be used: \"colour\": there is no such setting.",
			Hint:     "The settings are editor, folder, tray. Correct the key or remove the line.",
		}}),
		prefer("hostile", preferences(func(p *view.Preferences) {
			h := hostile()
			p.File, p.About = h, view.Space{Name: h, Domain: h, Account: h, Region: h}
			p.Spaces = []view.Option{{Key: h, Title: h}, {Key: "x", Title: h}}
			p.Space = h
			p.Trusted = []view.Trusted{{Key: h, Account: h, Domain: h, Region: h, Problem: &view.Problem{Sentence: h, Hint: h}}}
			p.Fields = []view.Field{{Key: h, Name: "editor", Kind: view.Pick, Value: h, Options: []view.Option{{Key: h, Title: h}}, Note: h, Problem: &view.Problem{Sentence: h, Hint: h}, Locked: true, By: h}}
			p.OfSpace[0].Blank = h
		})),
		prefer("uninstall", preferences(func(p *view.Preferences) { p.Uninstall = uninstall(view.Choosing) })),
		prefer("uninstalling", preferences(func(p *view.Preferences) {
			p.Uninstall = uninstall(view.Making, view.Applied, view.Applied, view.Applying)
		})),
		prefer("uninstalled", preferences(func(p *view.Preferences) {
			p.Uninstall = uninstall(view.Made, view.Applied, view.Applied, view.Applied, view.Applied, view.Applied, view.Applied, view.Applied, view.Applied)
		})),
		prefer("not-uninstalled", preferences(func(p *view.Preferences) {
			p.Uninstall = uninstall(view.Made, view.Applied, view.Applied, view.Unapplied, view.Applied, view.Applied, view.Applied, view.Applied, view.Declined)
			p.Uninstall.Parts[2].Problem = &view.Problem{
				Sentence: "The SSH config \"/home/alice/.ssh/config\" has a damaged Spacehatch marker; it was left as it is.",
				Hint:     "Remove the marker lines that name Spacehatch and the Include between them, then run the command again.",
			}
		})),
	}
}

// preferences are what somebody finds who chose nothing, with one thing changed.
func preferences(change func(*view.Preferences)) view.Preferences {
	p := view.Preferences{
		File: "/home/alice/.config/spacehatch/settings.toml",
		Fields: []view.Field{
			{Key: "editor", Name: "editor", Kind: view.Pick, Options: []view.Option{{}, {Key: "code", Title: "Visual Studio Code"}, {Key: "cursor", Title: "Cursor"}}},
			{Key: "folder", Name: "folder", Kind: view.Line, Blank: "/home/sagemaker-user"},
			{Key: "tray", Name: "tray", Kind: view.Switch, Value: "true"},
			{Key: "start_at_login", Name: "start_at_login", Kind: view.Switch, Value: "false"},
			{Key: "ssh_options", Name: "ssh_options", Kind: view.List},
			{Key: "trusted_hosts", Name: "trusted_hosts", Kind: view.List},
			{Key: "log_level", Name: "log_level", Kind: view.Pick, Value: "warn", Options: []view.Option{{Key: "debug"}, {Key: "info"}, {Key: "warn"}, {Key: "error"}}},
			{Key: "tunnel_profile", Name: "tunnel_profile", Kind: view.Pick, Value: "safe", Options: []view.Option{{Key: "safe"}, {Key: "large"}, {Key: "adaptive"}}},
			{Key: "update_check", Name: "update_check", Kind: view.Switch, Value: "true"},
			{Key: "keep_awake", Name: "keep_awake", Kind: view.Switch, Value: "true"},
			{Key: "idle_notice", Name: "idle_notice", Kind: view.Line, Value: "1h"},
			{Key: "intercept:vscode", Name: "intercept", Kind: view.Switch, Value: "false", Subject: "vscode", Other: "Visual Studio Code"},
			{Key: "intercept:cursor", Name: "intercept", Kind: view.Switch, Value: "false", Subject: "cursor", Other: "Cursor"},
		},
		Spaces: []view.Option{{Key: "fraud-model.hatch", Title: "fraud-model.hatch"}, {Key: "churn.hatch", Title: "churn.hatch"}},
		Space:  "fraud-model.hatch",
		About:  space(),
		OfSpace: []view.Field{
			{Key: "folder fraud-model.hatch", Name: "folder", Kind: view.Line, Blank: "/home/sagemaker-user"},
			{Key: "forward_agent fraud-model.hatch", Name: "forward_agent", Kind: view.Switch, Value: "false"},
		},
		Trusted: []view.Trusted{
			{Key: "1", Account: "111122223333", Domain: "d-abcdefghijkl", Region: "eu-west-1"},
			{Key: "2", Account: "111122223333", Region: "us-east-2"},
		},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func uninstall(stage view.Stage, states ...view.ItemState) *view.Uninstall {
	u := &view.Uninstall{Stage: stage, Program: "/home/alice/.local/bin/spacehatch"}
	for i, id := range []string{"tray", "connections", "ssh-config", "scheme", "interception", "autostart", "editor-settings", "files"} {
		part := view.Part{ID: id, State: view.Proposed}
		if i < len(states) {
			part.State = states[i]
		}
		u.Parts = append(u.Parts, part)
	}
	return u
}
