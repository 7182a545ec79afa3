//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Diagnostics lists what may keep a space from opening, the worst first, with a
// button where it can be put right.
func Diagnostics(v view.Diagnostics, act Actions, k *kept) Page {
	b := newPanelBuilder(act, k)
	busy := v.Looking || v.Mending != ""
	for i, f := range v.Findings {
		if i > 0 {
			b.line()
		}
		b.finding(f, v, busy, act)
	}
	wish := func(do string) func() { return func() { act.Wish(view.Wish{Do: do}) } }

	again := b.keyed("look", lang.L("Run again"), widget.MediumImportance, wish(view.LookAgain))
	online := b.keyed("online", lang.L("Check AWS too"), widget.MediumImportance, wish(view.LookOnline))
	copied := b.keyed("copy", lang.L("Copy"), widget.LowImportance, func() { act.Copy(v.Text) })
	save := b.keyed("save", lang.L("Save bundle"), widget.LowImportance, wish(view.SaveBundle))
	end := b.keyed("close", lang.L("Close"), widget.MediumImportance, act.Close)
	able(!busy, again)
	able(!busy && !v.Online, online)
	able(!busy && len(v.Findings) > 0, copied)
	able(v.Bundle == nil || !v.Bundle.Saving, save)
	b.left = []fyne.CanvasObject{again, online, copied, save}
	b.right = []fyne.CanvasObject{end}
	b.focus = end

	top := container.New(stacked{}, title(lang.L("Diagnostics")), summary(v))
	if bundle := b.bundle(v.Bundle, act); bundle != nil {
		top.Add(bundle)
	}
	top.Add(apart(4))
	return b.page(top)
}

// summary says what is under way, or what there is altogether.
func summary(v view.Diagnostics) fyne.CanvasObject {
	if v.Looking {
		data := map[string]any{"Done": v.Done, "All": v.All, "What": literal(v.Waiting, maxName)}
		switch {
		case v.Waiting != "":
			return working(lang.L("Looked at {{.Done}} of {{.All}}. Waiting for: {{.What}}", data))
		case v.All > 0:
			return working(lang.L("Looked at {{.Done}} of {{.All}}…", data))
		case v.Online:
			return working(lang.L("Looking at this machine and asking AWS…"))
		}
		return working(lang.L("Looking at this machine…"))
	}
	count := map[view.Severity]int{}
	for _, f := range v.Findings {
		count[f.Severity]++
	}
	broken, warned := count[view.Error], count[view.Warning]
	data := map[string]any{"Errors": broken, "Warnings": warned}
	switch {
	case len(v.Findings) == 0:
		return quiet(lang.L("Nothing was looked at."))
	case broken > 0:
		return quiet(lang.L("Something keeps spaces from opening. Errors: {{.Errors}}, warnings: {{.Warnings}}.", data))
	case warned > 0:
		return quiet(lang.L("Spaces should open. Warnings: {{.Warnings}}.", data))
	}
	return quiet(lang.L("Nothing is in the way."))
}

// working is a line that says what is under way.
func working(text string) fyne.CanvasObject {
	busy := widget.NewActivity()
	busy.Start()
	return container.New(columns{left: itemIndent}, container.New(centred{20}, busy), quiet(text))
}

// finding is one entry of the list.
func (b *builder) finding(f view.Finding, v view.Diagnostics, busy bool, act Actions) {
	picture, colour, word := severity(f.Severity)
	name := heading(literal(f.Title, maxName))
	said := widget.NewLabel(word)
	said.Alignment = fyne.TextAlignTrailing
	said.Importance = widget.LowImportance
	b.add(container.New(columns{left: itemIndent}, container.New(centred{20}, icon(picture, colour)),
		container.New(columns{left: 0, right: 110}, apart(0), name, said)))
	indented := func(o fyne.CanvasObject) { b.add(container.New(margins{left: itemIndent}, o)) }
	indented(body(told(f.Sentence)))
	if f.Hint != "" {
		indented(quiet(told(f.Hint)))
	}
	switch {
	case f.Key == v.Mending && f.Key != "":
		indented(working(lang.L("Putting it right…")))
	case f.Fixable:
		fix := b.keyed("fix "+f.Key, lang.L("Fix"), widget.MediumImportance, func() { act.Wish(view.Wish{Do: view.Mend, Key: f.Key}) })
		fix.onFocus = b.scroll.reveal
		able(!busy, fix)
		indented(roomy(container.NewHBox(fix)))
	}
}

// severity is how much a finding matters, as a picture and as a word.
func severity(s view.Severity) (fyne.Resource, fyne.ThemeColorName, string) {
	switch s {
	case view.Fine:
		return theme.ConfirmIcon(), theme.ColorNameSuccess, lang.L("fine")
	case view.Mended:
		return theme.ConfirmIcon(), theme.ColorNameSuccess, lang.L("put right")
	case view.Warning:
		return theme.WarningIcon(), theme.ColorNameWarning, lang.L("warning")
	case view.Error:
		return theme.ErrorIcon(), theme.ColorNameError, lang.L("error")
	}
	return theme.InfoIcon(), theme.ColorNamePlaceHolder, lang.L("to know")
}

// bundle says where the report is, or why it is not; nil where none was asked
// for.
func (b *builder) bundle(v *view.Bundle, act Actions) fyne.CanvasObject {
	switch {
	case v == nil:
		return nil
	case v.Saving:
		return working(lang.L("Writing the bundle…"))
	case v.Problem != nil:
		return container.New(stacked{}, failure(*v.Problem)...)
	}
	open := b.keyed("folder", lang.L("Open folder"), widget.MediumImportance, func() { act.Folder(v.Folder) })
	said := body(lang.L("Written to {{.File}}. Look at it before you send it.", map[string]any{"File": literal(v.File, maxSentence)}))
	return container.New(columns{right: 120}, apart(0), said, open)
}

// failure is what went wrong with one thing among others.
func failure(p view.Problem) []fyne.CanvasObject {
	sentence := body(told(p.Sentence))
	sentence.Importance = widget.DangerImportance
	all := []fyne.CanvasObject{sentence}
	if p.Hint != "" {
		all = append(all, quiet(told(p.Hint)))
	}
	return all
}

// able says whether buttons can be pressed.
func able(can bool, buttons ...*button) {
	for _, b := range buttons {
		if can {
			b.Enable()
		} else {
			b.Disable()
		}
	}
}
