//go:build cgo || !darwin

package window

import (
	"strings"
	"testing"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

// texts are all texts that are drawn on a canvas, with where they begin.
func texts(w fyne.Window) []*canvas.Text {
	var all []*canvas.Text
	var walk func(fyne.CanvasObject)
	walk = func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *canvas.Text:
			all = append(all, o)
		case fyne.Widget:
			for _, child := range test.WidgetRenderer(o).Objects() {
				walk(child)
			}
		case *fyne.Container:
			for _, child := range o.Objects {
				walk(child)
			}
		}
	}
	walk(w.Content())
	return all
}

func TestTextFromOutsideIsDrawnAsItIs(t *testing.T) {
	for _, name := range []string{"consent-hostile", "connection-hostile", "change-hostile", "settings-hostile"} {
		w, _ := shownIn(t, find(t, name), theme.VariantLight, 1)
		all, total := "", 0
		for _, text := range texts(w) {
			for _, r := range text.Text {
				if !unicode.IsPrint(r) {
					t.Errorf("%s: %U is drawn", name, r)
				}
			}
			total += len([]rune(text.Text))
			all += text.Text
		}
		for _, literally := range []string{"{{.Space}}", "**bold**", "[x](https://evil.example)"} {
			if !strings.Contains(all, literally) {
				t.Errorf("%s: %s is not drawn as it is", name, literally)
			}
		}
		if total > 12_000 {
			t.Errorf("%s: %d characters are drawn", name, total)
		}
	}
}

func TestAnAddressThatIsNotHTTPSIsNotOffered(t *testing.T) {
	w, _ := shownIn(t, find(t, "connection-hostile"), theme.VariantLight, 1)
	for _, text := range texts(w) {
		if text.Text == "Open Studio" {
			t.Error("a button opens javascript:")
		}
	}
}

// TestNothingIsWiderThanItsWindow looks at every state at 200 %; the golden
// files are what they are at 100 %.
func TestNothingIsWiderThanItsWindow(t *testing.T) {
	for _, s := range states() {
		w, _ := shownIn(t, s.screen, theme.VariantDark, 2)
		want, got := kindOf(s.screen).size, w.Content().MinSize()
		if got.Width > want.Width || got.Height > want.Height {
			t.Errorf("%s: needs %v, has %v", s.name, got, want)
		}
	}
}

func TestOddTextsOnEveryPage(t *testing.T) {
	for _, text := range []string{"", "\n\n", "  kept\n  lines\n\nand {{ not", "\xff\u202e\x00", hostile()[:200]} {
		item := view.Item{
			Key: text, Kind: view.ItemKind(text), State: view.Proposed, Name: text, Editor: text, Diff: text,
			Problem: &view.Problem{Sentence: text, Hint: text}, Options: []view.Option{{Key: text, Title: text}},
		}
		for _, screen := range []view.Screen{
			{},
			{Connection: &view.Connection{
				Space: view.Space{Name: text, Account: text, Region: text, Domain: text}, Editor: text,
				Steps:   []view.Step{{ID: text, State: view.State(text), Detail: text}},
				Problem: &view.Problem{Code: text, Sentence: text, Hint: text, Details: text, Studio: text, Retry: true},
			}},
			{Connection: &view.Connection{Question: &view.Question{Consent: &view.Consent{Space: view.Space{Name: text}}}}},
			{Connection: &view.Connection{Question: &view.Question{Change: &view.Change{Kind: view.ItemKind(text), Title: text, Text: text, Diff: text}}}},
			{Setup: &view.Setup{Stage: view.Choosing, Items: []view.Item{item}}},
			{Setup: &view.Setup{Stage: view.Stage(text), Items: []view.Item{item}}},
		} {
			w, _ := shownIn(t, screen, theme.VariantLight, 1)
			for _, drawn := range texts(w) {
				if strings.ContainsFunc(drawn.Text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%q is drawn", drawn.Text)
				}
			}
		}
	}
}

func TestCommandsAreQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"Run `spacehatch setup`, then `ssh x`.": "Run “spacehatch setup”, then “ssh x”.",
		"One ` alone":                           "One ` alone",
		"":                                      "",
		"`a\nb`":                                "“a?b”",
	} {
		if got := told(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(hostile(), 10)
	f.Add("", 0)
	f.Add("  a\r\n\tb\n\xff", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(0, limit)
		printed := func(line string, most int) {
			if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || len([]rune(line)) > most+1 {
				t.Errorf("%q is drawn", line)
			}
		}
		if limit < 1<<20 {
			printed(literal(text, limit), limit)
			if got := cut(text, limit); len([]rune(got)) > limit+1 || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
				t.Errorf("cut to %q", got)
			}
		}
		all := lines(text)
		if len(all) > maxLines+1 {
			t.Errorf("%d lines", len(all))
		}
		for _, line := range all {
			printed(line, maxLine)
		}
	})
}
