//go:build cgo || !darwin

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// margin is the distance between a page and the edge of its window.
const margin = 14

// builder puts a page together: parts from the top down, buttons at the
// bottom.
type builder struct {
	escape func()
	parts  *fyne.Container
	scroll *scroller
	left   []fyne.CanvasObject // buttons, from the left edge
	right  []fyne.CanvasObject // buttons, to the right edge
	focus  fyne.Focusable
}

func newBuilder(escape func()) *builder {
	b := &builder{escape: escape, parts: container.New(stacked{})}
	b.scroll = newPageScroller(b.parts, escape)
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

// page ends the page with its buttons.
func (b *builder) page(top fyne.CanvasObject) Page {
	bar := container.NewHBox(b.left...)
	bar.Add(newSpacer())
	for _, o := range b.right {
		bar.Add(o)
	}
	content := container.NewBorder(top, container.NewVBox(apart(4), bar), nil, nil, b.scroll)
	return Page{Content: container.New(inset{margin}, content), Focus: b.focus, Escape: b.escape}
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
