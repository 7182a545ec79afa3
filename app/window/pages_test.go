//go:build cgo || !darwin

package window

import (
	"flag"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/spacehatch/spacehatch/app/view"
)

var (
	update      = flag.Bool("update", false, "write the golden files anew")
	screenshots = flag.String("screenshots", "", "a folder for pictures of every state; empty draws none")
)

// variant is our look, always light or always dark.
type variant struct {
	fyne.Theme
	is fyne.ThemeVariant
}

func (v variant) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return v.Theme.Color(name, v.is)
}

// nothing is what a person does who only looks.
var nothing = Actions{
	Answer: func(view.Answer) {}, Retry: func() {}, SignIn: func() {}, Close: func() {}, Browse: func(string) {}, Copy: func(string) {},
	Wish: func(view.Wish) {}, Folder: func(string) {},
}

// shownIn draws a screen in a window of its default size.
func shownIn(t *testing.T, screen view.Screen, is fyne.ThemeVariant, scale float32) (fyne.Window, Page) {
	t.Helper()
	a := test.NewTempApp(t)
	a.Settings().SetTheme(variant{Theme(), is})
	page := Draw(screen, nothing, Page{})
	w := test.NewTempWindow(t, page.Content)
	w.SetPadded(false)
	w.Canvas().(software.WindowlessCanvas).SetScale(scale)
	w.Resize(kindOf(screen).size)
	if page.Focus != nil {
		w.Canvas().Focus(page.Focus)
	}
	return w, page
}

func TestEveryStateIsDrawnAsBefore(t *testing.T) {
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			w, _ := shownIn(t, s.screen, theme.VariantLight, 1)
			got := test.RenderToMarkup(w.Canvas())
			if strings.Contains(got, "`") {
				t.Error("a command stands between backquotes, which are for terminals")
			}
			path := filepath.Join("testdata", s.name+".xml")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is drawn differently; look at it (make screenshots), and run with -update if it is right", s.name)
			}
		})
	}
}

func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no folder is given for them")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) { takeScreenshots(t, s) })
	}
}

func takeScreenshots(t *testing.T, s state) {
	for _, v := range []struct {
		suffix string
		is     fyne.ThemeVariant
		scale  float32
	}{
		{"light", theme.VariantLight, 1}, {"dark", theme.VariantDark, 1}, {"light-200", theme.VariantLight, 2},
	} {
		w, _ := shownIn(t, s.screen, v.is, v.scale)
		f, err := os.Create(filepath.Join(*screenshots, s.name+"-"+v.suffix+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, w.Canvas().Capture()); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
