//go:build cgo || !darwin

package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// look is our theme: the toolkit's, with one accent colour, more room and
// colours whose contrast is at least 4.5 for text (theme_test.go measures it).
type look struct{ fyne.Theme }

// Theme returns how our windows look, in the light and in the dark.
func Theme() fyne.Theme { return look{theme.DefaultTheme()} }

// pair is a colour in the light and in the dark, as 0xRRGGBBAA.
type pair struct{ light, dark uint32 }

func (p pair) in(variant fyne.ThemeVariant) color.Color {
	c := p.light
	if variant == theme.VariantDark {
		c = p.dark
	}
	return color.NRGBA{R: uint8(c >> 24), G: uint8(c >> 16), B: uint8(c >> 8), A: uint8(c)}
}

// colour returns what we say about a colour; ok is false where the toolkit
// knows best.
func colour(name fyne.ThemeColorName) (p pair, ok bool) {
	const (
		accentLight, accentDark = 0x0f6b67ff, 0x6cc7c0ff
		inkLight, inkDark       = 0x1d2426ff, 0xe8ebebff
		quietLight, quietDark   = 0x566164ff, 0xa7b1b3ff
		paperLight, paperDark   = 0xfbfbf9ff, 0x1b1f20ff
		sheetLight, sheetDark   = 0xffffffff, 0x242a2bff
		lineLight, lineDark     = 0xd9deddff, 0x3a4344ff
	)
	switch name {
	case theme.ColorNameBackground:
		return pair{paperLight, paperDark}, true
	case theme.ColorNameForeground:
		return pair{inkLight, inkDark}, true
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return pair{accentLight, accentDark}, true
	case theme.ColorNameForegroundOnPrimary:
		return pair{0xffffffff, 0x0b2322ff}, true
	case theme.ColorNameFocus:
		return pair{0x0f6b6744, 0x6cc7c055}, true
	case theme.ColorNameSelection:
		return pair{0x0f6b6733, 0x6cc7c044}, true
	case theme.ColorNamePlaceHolder:
		return pair{quietLight, quietDark}, true
	case theme.ColorNameDisabled:
		return pair{quietLight, quietDark}, true // the toolkit writes quiet labels in it
	case theme.ColorNameButton:
		return pair{0xe9edecff, 0x323a3bff}, true
	case theme.ColorNameDisabledButton:
		return pair{0xf0f2f1ff, 0x262c2dff}, true
	case theme.ColorNameHover:
		return pair{0x0000000d, 0xffffff12}, true
	case theme.ColorNamePressed:
		return pair{0x00000022, 0xffffff22}, true
	case theme.ColorNameSeparator:
		return pair{lineLight, lineDark}, true
	case theme.ColorNameInputBackground:
		return pair{0xf1f4f3ff, sheetDark}, true
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground:
		return pair{sheetLight, sheetDark}, true
	case theme.ColorNameInputBorder:
		return pair{0xb6bfbeff, 0x566263ff}, true
	case theme.ColorNameError:
		return pair{0xb3261eff, 0xff9a92ff}, true
	case theme.ColorNameSuccess:
		return pair{0x1d6f42ff, 0x7ccf9bff}, true
	case theme.ColorNameWarning:
		return pair{0x8a5300ff, 0xf0bf70ff}, true
	}
	return pair{}, false
}

// Color implements fyne.Theme.
func (l look) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if p, ok := colour(name); ok {
		return p.in(variant)
	}
	return l.Theme.Color(name, variant)
}

// Size implements fyne.Theme.
func (l look) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNamePadding:
		return 6
	case theme.SizeNameInnerPadding:
		return 5
	case theme.SizeNameText:
		return 14
	case theme.SizeNameCaptionText:
		return 12
	case theme.SizeNameSubHeadingText:
		return 19
	case theme.SizeNameButtonRadius, theme.SizeNameInputRadius:
		return 6
	}
	return l.Theme.Size(name)
}

// buttonLook gives buttons more room than lines of text.
type buttonLook struct{ fyne.Theme }

// Size implements fyne.Theme.
func (b buttonLook) Size(name fyne.ThemeSizeName) float32 {
	if name == theme.SizeNameInnerPadding {
		return 9
	}
	return b.Theme.Size(name)
}
