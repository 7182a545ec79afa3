//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Consent asks about the first link of an account and domain. Cancel has the
// focus: Enter alone must not connect to what a web page may have sent.
func Consent(id int, v view.Consent, act Actions) Page {
	answer := func(choice view.Choice) func() {
		return func() { act.Answer(view.Answer{ID: id, Choice: choice}) }
	}
	b := newBuilder(answer(view.No))
	b.add(body(lang.L("A link asks Spacehatch to connect this machine to a SageMaker space:")), apart(4))
	for _, r := range rows(v.Space) {
		b.add(row(r[0], r[1]))
	}
	b.add(apart(4), heading(lang.L("What connecting does")),
		bullet(lang.L("Your IDE opens in the space and runs its remote part there.")),
		bullet(lang.L("What you open, type or paste in that window reaches the space.")),
		bullet(lang.L("Your SSH keys stay on this machine.")),
		quiet(lang.L("Go on only if you have just clicked Open in VS Code in Studio.")))

	cancel := b.button(lang.L("Cancel"), widget.MediumImportance, answer(view.No))
	b.focus = cancel
	b.left = []fyne.CanvasObject{cancel}
	b.right = []fyne.CanvasObject{b.button(lang.L("Connect"), widget.HighImportance, answer(view.Yes))}
	if v.MayRemember {
		b.add(quiet(lang.L("Remembering also allows later links of this account, region and domain.")))
		b.right = append(b.right, b.button(lang.L("Connect and remember"), widget.MediumImportance, answer(view.Remember)))
	}
	return b.page(title(lang.L("Connect to this space?")))
}

// rows are the names and values of a space, without what is not known.
func rows(s view.Space) [][2]string {
	var known [][2]string
	for _, r := range [][2]string{
		{lang.L("Space"), s.Name},
		{lang.L("Application"), s.Application},
		{lang.L("Account"), s.Account},
		{lang.L("Region"), s.Region},
		{lang.L("Domain"), s.Domain},
		{lang.L("User profile"), s.UserProfile},
	} {
		if r[1] != "" {
			known = append(known, [2]string{r[0], literal(r[1], maxName)})
		}
	}
	return known
}
