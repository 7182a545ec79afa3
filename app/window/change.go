//go:build cgo || !darwin

package window

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Change asks about one change to this machine. Its making has the focus, since
// the person sees what would change and there is a way back; of a cautious
// question the no has it.
func Change(id int, v view.Change, act Actions) Page {
	answer := func(choice view.Choice) func() {
		return func() { act.Answer(view.Answer{ID: id, Choice: choice}) }
	}
	b := newBuilder(answer(view.No))
	top := container.New(stacked{}, title(literal(v.Title, maxTitle)))
	if v.Diff == "" {
		b.add(paragraphs(v.Text)...)
	} else {
		for _, p := range paragraphs(v.Text) {
			top.Add(p)
		}
		top.Add(apart(4))
		b.scroll = diff(v.Diff, leastDiff, b.escape)
	}
	apply := b.button(making(v.Kind), widget.HighImportance, answer(view.Yes))
	leave := b.button(lang.L("Not now"), widget.MediumImportance, answer(view.No))
	b.focus = apply
	if v.Cautious {
		apply.Importance = widget.DangerImportance
		leave.Text = lang.L("Cancel")
		b.focus = leave
	}
	b.left, b.right = []fyne.CanvasObject{leave}, []fyne.CanvasObject{apply}
	return b.page(top)
}

// paragraphs draws a text of view.Change.
func paragraphs(text string) []fyne.CanvasObject {
	var all []fyne.CanvasObject
	for _, part := range strings.Split(cut(text, maxReason), "\n\n") {
		kept := lines(part)
		switch {
		case len(kept) == 0:
		case slices.ContainsFunc(kept, func(line string) bool { return !strings.HasPrefix(line, "  ") }):
			all = append(all, body(told(strings.Join(strings.Fields(strings.Join(kept, " ")), " "))))
		case !slices.ContainsFunc(kept, func(line string) bool { return !strings.HasPrefix(line, "  - ") }):
			for _, line := range kept {
				all = append(all, bullet(told(strings.TrimPrefix(line, "  - "))))
			}
		default:
			for i := range kept {
				kept[i] = strings.TrimSpace(kept[i])
			}
			all = append(all, monospace(strings.Join(kept, "\n")))
		}
	}
	return all
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
	case view.HostKey:
		return lang.L("Connect all the same")
	case view.SpaceStart:
		return lang.L("Start the space")
	case view.SpaceRestart:
		return lang.L("Restart the space")
	case view.SpaceStop:
		return lang.L("Stop the space")
	case view.SignInNow:
		return lang.L("Sign in")
	}
	return lang.L("Update")
}
