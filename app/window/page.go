//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// margin is the distance between a page and the edge of its window.
const margin = 20

// builder puts a page together: parts from the top down, buttons at the
// bottom.
type builder struct {
	escape func()
	parts  *fyne.Container
	scroll *scroller
	left   []fyne.CanvasObject // buttons, from the left edge
	right  []fyne.CanvasObject // buttons, to the right edge
	focus  fyne.Focusable
	kept   *kept // of a panel; nil elsewhere
}

func newBuilder(escape func()) *builder {
	b := &builder{escape: escape, parts: container.New(stacked{})}
	b.scroll = newPageScroller(b.parts, escape)
	return b
}

// newPanelBuilder is [newBuilder] for a panel, which closing leaves.
func newPanelBuilder(act Actions, k *kept) *builder {
	b := &builder{escape: act.Close, kept: k, parts: container.New(stacked{})}
	b.scroll = keep(k, "page", func() *scroller { return newPageScroller(b.parts, b.escape) })
	b.scroll.escape = b.escape
	return b
}

// add puts parts below those that are there.
func (b *builder) add(parts ...fyne.CanvasObject) {
	for _, p := range parts {
		b.parts.Add(p)
	}
}

// button makes one that knows what Escape does.
func (b *builder) button(text string, importance widget.Importance, tapped func()) *button {
	return newButton(text, importance, tapped, b.escape)
}

// keyed is button for a panel. The key is the button's own on the page.
func (b *builder) keyed(key, text string, importance widget.Importance, tapped func()) *button {
	w := keep(b.kept, key, func() *button { return b.button(text, importance, tapped) })
	w.Text, w.Importance, w.OnTapped, w.escape, w.onFocus = text, importance, tapped, b.escape, nil
	w.Refresh()
	return w
}

// page ends the page with its buttons.
func (b *builder) page(top fyne.CanvasObject) Page {
	if b.kept != nil {
		b.scroll.hold(b.parts)
	}
	bar := container.NewHBox(b.left...)
	bar.Add(layout.NewSpacer())
	for _, o := range b.right {
		bar.Add(o)
	}
	middle := fyne.CanvasObject(b.scroll)
	if b.scroll.framed {
		middle = aligned(middle)
	}
	content := container.New(sheet{}, top, middle, roomy(bar))
	return Page{Content: container.New(around(margin), content), Focus: b.focus, Escape: b.escape, kept: b.kept}
}

// roomy gives the buttons of o more room than lines of text.
func roomy(o fyne.CanvasObject) fyne.CanvasObject {
	return aligned(container.NewThemeOverride(o, buttonLook{fyne.CurrentApp().Settings().Theme()}))
}

// line is what divides the parts of a list.
func (b *builder) line() { b.add(apart(4), aligned(widget.NewSeparator()), apart(4)) }

// aligned gives what has an edge of its own (a button, a frame, a line) the
// distance from the sides that a label gives its text.
func aligned(o fyne.CanvasObject) fyne.CanvasObject {
	by := fyne.CurrentApp().Settings().Theme().Size(theme.SizeNameInnerPadding)
	return container.New(margins{right: by}, container.New(margins{left: by}, o))
}

// sheet is a page: what stands on top and at the bottom as high as it needs
// to be, the second object in between.
type sheet struct{}

const sheetGap = 8

func (sheet) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	top, middle, bottom := objects[0], objects[1], objects[2]
	// A wrapped label knows its height only at its width.
	for _, o := range []fyne.CanvasObject{top, bottom} {
		o.Resize(fyne.NewSize(size.Width, o.MinSize().Height))
	}
	high, low := top.MinSize().Height, bottom.MinSize().Height
	top.Resize(fyne.NewSize(size.Width, high))
	top.Move(fyne.NewPos(0, 0))
	middle.Resize(fyne.NewSize(size.Width, max(0, size.Height-high-low-sheetGap)))
	middle.Move(fyne.NewPos(0, high))
	bottom.Resize(fyne.NewSize(size.Width, low))
	bottom.Move(fyne.NewPos(0, size.Height-low))
}

func (sheet) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(0, sheetGap)
	for _, o := range objects {
		least := o.MinSize()
		size = fyne.NewSize(max(size.Width, least.Width), size.Height+least.Height)
	}
	return size
}

// stacked puts objects below each other, each as wide as there is room, with
// no gap: labels bring their own.
type stacked struct{}

func (stacked) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		// A wrapped label knows its height only at its width.
		o.Resize(fyne.NewSize(size.Width, o.MinSize().Height))
		height := o.MinSize().Height
		o.Resize(fyne.NewSize(size.Width, height))
		o.Move(fyne.NewPos(0, y))
		y += height
	}
}

func (stacked) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			least := o.MinSize()
			size = fyne.NewSize(max(size.Width, least.Width), size.Height+least.Height)
		}
	}
	return size
}
