//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Change asks about one change to this machine. Its making has the focus: the
// person sees what would change, and there is a way back.
func Change(id int, v view.Change, act Actions) Page {
	answer := func(choice view.Choice) func() {
		return func() { act.Answer(view.Answer{ID: id, Choice: choice}) }
	}
	b := newBuilder(answer(view.No))
	top := container.New(stacked{}, title(literal(v.Title, maxTitle)))
	if v.Text != "" {
		top.Add(body(literal(strings.Join(strings.Fields(v.Text), " "), maxReason)))
	}
	if v.Diff != "" {
		top.Add(apart(4))
		b.scroll = diff(v.Diff, leastDiff, b.escape)
	}
	apply := b.button(making(v.Kind), widget.HighImportance, answer(view.Yes))
	b.focus = apply
	b.left = []fyne.CanvasObject{b.button(lang.L("Not now"), widget.MediumImportance, answer(view.No))}
	b.right = []fyne.CanvasObject{apply}
	return b.page(top)
}

// making is the word on the button that makes a change.
func making(kind view.ItemKind) string {
	switch kind {
	case view.SSHConfig:
		return lang.L("Update SSH config")
	case view.Extension:
		return lang.L("Install extension")
	case view.Settings:
		return lang.L("Update settings")
	case view.Links:
		return lang.L("Open links here")
	}
	return lang.L("Update")
}
