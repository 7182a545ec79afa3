//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// textField is a text that a person types. It is handed over when Enter is pressed
// (not in one of several lines) and when the keyboard goes elsewhere; Escape
// puts back what was there, and then leaves the page.
type textField struct {
	widget.Entry
	escape  func()
	onFocus func(fyne.CanvasObject)
	typed   func(string)
	focused bool
	settled string // what was shown or handed over last
}

func newTextField(several bool, escape func()) *textField {
	e := &textField{escape: escape}
	e.Wrapping = fyne.TextWrapOff
	if several {
		e.MultiLine, e.Wrapping = true, fyne.TextWrapBreak
		e.SetMinRowsVisible(3)
	}
	e.ExtendBaseWidget(e)
	return e
}

// show puts a text there, unless the person is in the middle of another one.
func (e *textField) show(text string) {
	busy := e.focused && e.Text != e.settled
	e.settled = text
	if !busy && e.Text != text {
		e.SetText(text)
	}
}

func (e *textField) hand() {
	e.settled = e.Text
	if e.typed != nil {
		e.typed(e.Text)
	}
}

func (e *textField) TypedKey(key *fyne.KeyEvent) {
	switch {
	case isEnter(key) && !e.MultiLine:
		e.hand()
	case key.Name == fyne.KeyEscape && e.Text != e.settled:
		e.SetText(e.settled)
	case key.Name == fyne.KeyEscape && e.escape != nil:
		e.escape()
	default:
		e.Entry.TypedKey(key)
	}
}

// AcceptsTab implements fyne.Tabbable: Tab goes on, also from several lines.
func (e *textField) AcceptsTab() bool { return false }

func (e *textField) FocusGained() {
	e.focused = true
	e.Entry.FocusGained()
	if e.onFocus != nil {
		e.onFocus(e)
	}
}

func (e *textField) FocusLost() {
	e.focused = false
	e.Entry.FocusLost()
	if e.Text != e.settled {
		e.hand()
	}
}
