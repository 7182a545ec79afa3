//go:build cgo || !darwin

package window

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// contrast is the ratio of WCAG 2.1, "contrast ratio".
func contrast(a, b color.Color) float64 {
	luminance := func(c color.Color) float64 {
		channel := func(v uint32) float64 {
			s := float64(v) / 0xffff
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		r, g, b, _ := c.RGBA()
		return 0.2126*channel(r) + 0.7152*channel(g) + 0.0722*channel(b)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestTextCanBeRead(t *testing.T) {
	for _, v := range []struct {
		name string
		is   fyne.ThemeVariant
	}{{"light", theme.VariantLight}, {"dark", theme.VariantDark}} {
		look := Theme()
		on := func(text, ground fyne.ThemeColorName, least float64) {
			if got := contrast(look.Color(text, v.is), look.Color(ground, v.is)); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.1f, want %.1f", v.name, text, ground, got, least)
			}
		}
		for _, ground := range []fyne.ThemeColorName{theme.ColorNameBackground, theme.ColorNameInputBackground, theme.ColorNameMenuBackground} {
			for _, text := range []fyne.ThemeColorName{
				theme.ColorNameForeground, theme.ColorNamePlaceHolder, theme.ColorNameDisabled, theme.ColorNamePrimary,
				theme.ColorNameError, theme.ColorNameSuccess, theme.ColorNameWarning,
			} {
				on(text, ground, 4.5)
			}
		}
		on(theme.ColorNameForeground, theme.ColorNameButton, 4.5)
		on(theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, 4.5)
		on(theme.ColorNameForegroundOnError, theme.ColorNameError, 4.5)
	}
}

func TestTheThemeLeavesTheRestToTheToolkit(t *testing.T) {
	if got, want := Theme().Color(theme.ColorNameShadow, theme.VariantLight), theme.DefaultTheme().Color(theme.ColorNameShadow, theme.VariantLight); got != want {
		t.Errorf("the shadow is %v, want %v", got, want)
	}
	if got, want := Theme().Size(theme.SizeNameScrollBar), theme.DefaultTheme().Size(theme.SizeNameScrollBar); got != want {
		t.Errorf("the scroll bar is %v wide, want %v", got, want)
	}
}
