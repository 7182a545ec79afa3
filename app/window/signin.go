//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// SignIn shows what has to be confirmed in the browser. There is nothing to say
// here but that one gives up.
func SignIn(id int, v view.SignIn, act Actions) Page {
	giveUp := func() { act.Answer(view.Answer{ID: id, Choice: view.No}) }
	b := newBuilder(giveUp)
	b.add(body(lang.L("Your browser shows a page of AWS. Confirm there that it has this code:")), apart(6),
		title(literal(v.Code, maxTitle)), apart(6),
		row(lang.L("Profile"), literal(v.Profile, maxName)),
		row(lang.L("Page"), literal(v.Address, maxReason)), apart(4),
		quiet(lang.L("If it shows another code, or you did not ask for this, say no there.")), apart(6),
		working(lang.L("Waiting for the page in the browser.")))
	cancel := b.button(lang.L("Cancel"), widget.MediumImportance, giveUp)
	b.focus = cancel
	b.left = []fyne.CanvasObject{cancel}
	b.right = []fyne.CanvasObject{b.button(lang.L("Copy address"), widget.MediumImportance, func() { act.Copy(v.Address) })}
	if browsable(v.Address) {
		open := b.button(lang.L("Open the page again"), widget.MediumImportance, func() { act.Browse(v.Address) })
		b.right = append(b.right, open)
	}
	return b.page(title(lang.L("Sign in to AWS")))
}

// browsable reports whether a browser may be sent to the address: AWS's pages
// are https, a simulator's are this computer's.
func browsable(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://127.0.0.1:")
}
