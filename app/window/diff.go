//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// How high a diff is: where it has a page for itself, and at most where it is
// one thing among others.
const (
	leastDiff = 100
	mostDiff  = 150
)

// diff shows a change line by line, in the signs it came with and in colour.
func diff(text string, height float32, escape func()) *scroller {
	var segments []widget.RichTextSegment
	for _, line := range lines(text) {
		segments = append(segments, &widget.TextSegment{Text: line, Style: widget.RichTextStyle{
			ColorName: lineColour(line), SizeName: theme.SizeNameCaptionText,
			TextStyle: fyne.TextStyle{Monospace: true},
		}})
	}
	shown := widget.NewRichText(segments...)
	return newTextScroller(shown, height, escape)
}

func lineColour(line string) fyne.ThemeColorName {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "@@"):
		return theme.ColorNamePlaceHolder
	case strings.HasPrefix(line, "+"):
		return theme.ColorNameSuccess
	case strings.HasPrefix(line, "-"):
		return theme.ColorNameError
	}
	return theme.ColorNameForeground
}
