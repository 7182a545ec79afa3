//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// problem adds what went wrong, and the buttons for what to do next.
func (b *builder) problem(v view.Connection, act Actions) {
	p := v.Problem
	b.add(heading(told(p.Sentence)))
	if p.Hint != "" {
		b.add(body(told(p.Hint)))
	}
	b.left = []fyne.CanvasObject{
		b.button(lang.L("Copy diagnostics"), widget.LowImportance, func() { act.Copy(v.Diagnostics()) }),
	}
	copies := func(text, what string) {
		b.left = append(b.left, b.button(text, widget.LowImportance, func() { act.Copy(what) }))
	}
	if p.Paste != "" {
		b.add(monospace(p.Paste))
		copies(lang.L("Copy statement"), p.Paste)
	}
	if command := signIn(*p); command != "" && p.SignIn == "" {
		copies(lang.L("Copy command"), command)
	}
	b.add(apart(10))
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
		words, importance := lang.L("Try again"), widget.HighImportance
		if p.Starts {
			words = lang.L("Start the space")
		}
		if p.SignIn != "" {
			importance = widget.MediumImportance
		}
		again := b.button(words, importance, act.Retry)
		b.right, b.focus = append(b.right, again), again
	}
	if p.SignIn != "" {
		in := b.button(lang.L("Sign in"), widget.HighImportance, act.SignIn)
		b.right, b.focus = append(b.right, in), in
	}
}

// signIn is the command that the hint names, where signing in is what helps.
func signIn(p view.Problem) string {
	if p.Code != "credentials-expired" && p.Code != "no-credentials" {
		return ""
	}
	if parts := strings.Split(p.Hint, "`"); len(parts) > 2 {
		return literal(parts[1], maxName)
	}
	return ""
}

// details are folded away.
func (b *builder) details(text string) fyne.CanvasObject {
	l := monospace(text)
	return fold(lang.L("Show details"), lang.L("Hide details"), l, false, b.escape, b.scroll.reveal)
}
