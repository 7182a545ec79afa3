//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// MFA asks for the code of a device. Nothing that is empty is handed over.
func MFA(id int, v view.MFA, act Actions) Page {
	cancel := func() { act.Answer(view.Answer{ID: id, Choice: view.No}) }
	b := newBuilder(cancel)
	code := newEntry("", lang.L("Six digits"))
	code.escape = cancel
	hand := func() {
		if text := strings.TrimSpace(code.Text); text != "" {
			act.Answer(view.Answer{ID: id, Choice: view.Yes, Code: text})
		}
	}
	code.OnSubmitted = func(string) { hand() }
	b.add(body(lang.L("AWS wants the code that this device shows now:")), apart(4),
		row(lang.L("Device"), literal(v.Device, maxName)),
		row(lang.L("Profile"), literal(v.Profile, maxName)), apart(6),
		aligned(code), apart(4),
		quiet(lang.L("It is used once and kept nowhere.")))
	b.left = []fyne.CanvasObject{b.button(lang.L("Cancel"), widget.MediumImportance, cancel)}
	b.right = []fyne.CanvasObject{b.button(lang.L("Go on"), widget.HighImportance, hand)}
	b.focus = code
	return b.page(title(lang.L("MFA code")))
}
