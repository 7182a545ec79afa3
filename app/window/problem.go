//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// problem adds what went wrong, and the buttons for what to do next.
func (b *builder) problem(v view.Connection, act Actions) {
	p := v.Problem
	b.add(heading(literal(p.Sentence, maxSentence)))
	if p.Hint != "" {
		b.add(body(literal(p.Hint, maxSentence)))
	}
	b.add(apart(10))
	b.left = []fyne.CanvasObject{
		b.button(lang.L("Copy diagnostics"), widget.LowImportance, func() { act.Copy(v.Diagnostics()) }),
	}
	end := b.button(lang.L("Close"), widget.MediumImportance, act.Close)
	b.right, b.focus = []fyne.CanvasObject{end}, end
	if strings.HasPrefix(p.Studio, "https://") {
		importance := widget.HighImportance
		if p.Retry {
			importance = widget.MediumImportance
		}
		open := b.button(lang.L("Open Studio"), importance, func() { act.Browse(p.Studio) })
		b.right, b.focus = append(b.right, open), open
	}
	if p.Retry {
		again := b.button(lang.L("Try again"), widget.HighImportance, act.Retry)
		b.right, b.focus = append(b.right, again), again
	}
}

// details are folded away.
func (b *builder) details(text string) fyne.CanvasObject {
	l := widget.NewLabel(strings.Join(lines(text), "\n"))
	l.Wrapping = fyne.TextWrapBreak
	l.SizeName = theme.SizeNameCaptionText
	l.TextStyle.Monospace = true
	return fold(lang.L("Show details"), lang.L("Hide details"), l, false, b.escape, b.scroll.reveal)
}
