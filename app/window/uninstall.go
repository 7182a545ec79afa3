//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// uninstalling says what would be taken away, asks once, and shows what became
// of it. The safe answer has the keyboard.
func uninstalling(v view.Preferences, act Actions, k *kept) Page {
	u := v.Uninstall
	if u.Stage == view.Choosing {
		act.Close = func() { act.Wish(view.Wish{Do: view.KeepAll}) }
	}
	b := newPanelBuilder(act, k)
	away := func(keep bool) func() {
		return func() {
			wish := view.Wish{Do: view.TakeAway}
			if keep {
				wish.Value = view.KeepSettings
			}
			act.Wish(wish)
		}
	}
	top := container.New(stacked{}, title(uninstallTitle(*u)))
	if u.Stage != view.Choosing {
		end := b.keyed("close", lang.L("Close"), widget.MediumImportance, act.Close)
		b.focus, b.right = end, []fyne.CanvasObject{end}
	}
	switch u.Stage {
	case view.Choosing:
		top.Add(body(lang.L("It takes back all that Spacehatch changed on this machine:")))
		for _, p := range u.Parts {
			b.add(bullet(partWords(p.ID, false)))
		}
		b.add(apart(6))
		keepFile := keep(b.kept, "keep settings", func() *check { return newCheck("", false, b.escape) })
		keepFile.Text, keepFile.escape, keepFile.onFocus = lang.L("Keep my settings, for another time"), b.escape, b.scroll.reveal
		keepFile.Refresh()
		b.add(keepFile, container.New(margins{left: itemIndent}, quiet(literal(v.File, maxSentence))))
		stay := b.keyed("stay", lang.L("Keep everything"), widget.MediumImportance, b.escape)
		remove := b.keyed("take away", lang.L("Uninstall"), widget.DangerImportance, func() { away(keepFile.Checked)() })
		b.left, b.right = []fyne.CanvasObject{stay}, []fyne.CanvasObject{remove}
		b.focus = stay
	case view.Making:
		b.progress(*u)
	default:
		b.progress(*u)
		if failed(*u) {
			top.Add(body(lang.L("What is left is needed to try again.")))
			again := b.keyed("take away", lang.L("Try again"), widget.MediumImportance, away(u.KeepSettings))
			b.left = []fyne.CanvasObject{again}
		} else {
			top.Add(body(lang.L("Nothing is left but the program itself. Remove it as you installed it: {{.Program}}",
				map[string]any{"Program": literal(u.Program, maxSentence)})))
		}
	}
	top.Add(apart(4))
	return b.page(top)
}

func failed(u view.Uninstall) bool {
	for _, p := range u.Parts {
		if p.State == view.Unapplied {
			return true
		}
	}
	return false
}

func uninstallTitle(u view.Uninstall) string {
	switch {
	case u.Stage == view.Choosing:
		return lang.L("Uninstall Spacehatch?")
	case u.Stage == view.Making:
		return lang.L("Uninstalling…")
	case failed(u):
		return lang.L("Some of it did not work")
	}
	return lang.L("Spacehatch is uninstalled")
}

// progress lists the parts with what became of each.
func (b *builder) progress(u view.Uninstall) {
	for _, p := range u.Parts {
		b.add(stateLine(view.Item{State: p.State}, view.Making, partWords(p.ID, u.KeepSettings)))
		if p.Problem != nil {
			for _, line := range failure(*p.Problem) {
				b.add(container.New(margins{left: itemIndent}, line))
			}
		}
	}
}

// partWords say what a part of uninstalling takes away.
func partWords(id string, keepSettings bool) string {
	switch id {
	case "tray":
		return lang.L("The icon in the panel")
	case "connections":
		return lang.L("Every connection that is open")
	case "ssh-config":
		return lang.L("Spacehatch's lines in your SSH config, and the keys of spaces that it remembers")
	case "scheme":
		return lang.L("The registration of spacehatch:// links")
	case "autostart":
		return lang.L("The start when you log in")
	case "interception":
		return lang.L("The catching of Studio's own button")
	case "editor-settings":
		return lang.L("What it set in your IDEs, where you have not changed it since")
	case "files":
		if keepSettings {
			return lang.L("Known spaces, what you chose for them, and the log")
		}
		return lang.L("Known spaces, what you chose for them, the log, and your settings")
	}
	return literal(id, maxName)
}
