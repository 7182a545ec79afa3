//go:build cgo || !darwin

package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// The widgets here are the toolkit's own with the keys that people expect:
// Enter presses what has the focus, Escape leaves the page from everywhere,
// and what scrolls can be scrolled without a mouse.

func isEnter(key *fyne.KeyEvent) bool {
	return key.Name == fyne.KeyReturn || key.Name == fyne.KeyEnter
}

type button struct {
	widget.Button
	focused bool
	escape  func()
	onFocus func(fyne.CanvasObject)
}

func newButton(text string, importance widget.Importance, tapped, escape func()) *button {
	b := &button{escape: escape}
	b.Text, b.Importance, b.OnTapped = text, importance, tapped
	b.ExtendBaseWidget(b)
	return b
}

func (b *button) TypedKey(key *fyne.KeyEvent) {
	switch {
	case isEnter(key):
		b.Tapped(nil)
	case key.Name == fyne.KeyEscape && b.escape != nil:
		b.escape()
	default:
		b.Button.TypedKey(key)
	}
}

func (b *button) FocusGained() {
	b.focused = true
	b.Button.FocusGained()
	if b.onFocus != nil {
		b.onFocus(b)
	}
}

func (b *button) FocusLost() {
	b.focused = false
	b.Button.FocusLost()
}

// CreateRenderer adds a ring: the toolkit's own tint hardly shows on a button
// in the accent colour.
func (b *button) CreateRenderer() fyne.WidgetRenderer {
	ring := canvas.NewRectangle(color.Transparent)
	ring.StrokeWidth = 2
	r := &ringed{WidgetRenderer: b.Button.CreateRenderer(), ring: ring, of: b}
	r.paint()
	return r
}

// ringed draws a ring around a button that has the focus.
type ringed struct {
	fyne.WidgetRenderer
	ring *canvas.Rectangle
	of   *button
}

func (r *ringed) paint() {
	r.ring.StrokeColor = color.Transparent
	if r.of.focused {
		r.ring.StrokeColor = r.of.Theme().Color(theme.ColorNameForeground, fyne.CurrentApp().Settings().ThemeVariant())
	}
	r.ring.CornerRadius = r.of.Theme().Size(theme.SizeNameButtonRadius)
	r.ring.Refresh()
}

func (r *ringed) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.ring.Resize(size)
}

func (r *ringed) Refresh() {
	r.paint()
	r.WidgetRenderer.Refresh()
}

func (r *ringed) Objects() []fyne.CanvasObject {
	objects := r.WidgetRenderer.Objects()
	return append(objects[:len(objects):len(objects)], r.ring)
}

type check struct {
	widget.Check
	escape  func()
	onFocus func(fyne.CanvasObject)
}

func newCheck(text string, checked bool, escape func()) *check {
	c := &check{escape: escape}
	c.Text, c.Checked = text, checked
	c.ExtendBaseWidget(c)
	return c
}

func (c *check) TypedKey(key *fyne.KeyEvent) {
	switch {
	case isEnter(key):
		c.SetChecked(!c.Checked)
	case key.Name == fyne.KeyEscape && c.escape != nil:
		c.escape()
	default:
		c.Check.TypedKey(key)
	}
}

func (c *check) FocusGained() {
	c.Check.FocusGained()
	if c.onFocus != nil {
		c.onFocus(c)
	}
}

// choice is one of several things, in a list that opens.
type choice struct {
	widget.Select
	escape  func()
	onFocus func(fyne.CanvasObject)
}

func newChoice(options []string, chosen int, escape func()) *choice {
	c := &choice{escape: escape}
	c.Options = options
	if chosen >= 0 && chosen < len(options) {
		c.Selected = options[chosen]
	}
	c.ExtendBaseWidget(c)
	return c
}

func (c *choice) TypedKey(key *fyne.KeyEvent) {
	switch {
	case isEnter(key):
		c.Select.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	case key.Name == fyne.KeyEscape && c.escape != nil:
		c.escape()
	default:
		c.Select.TypedKey(key)
	}
}

func (c *choice) FocusGained() {
	c.Select.FocusGained()
	if c.onFocus != nil {
		c.onFocus(c)
	}
}

// scroller is a part of a page that scrolls by mouse and by keyboard. It takes
// the focus only where there is something to scroll.
type scroller struct {
	widget.BaseWidget
	scroll *container.Scroll
	frame  *canvas.Rectangle
	escape func()
	// framed scrollers have a background and a border of their own.
	framed bool
	height float32
}

var (
	_ fyne.Focusable   = (*scroller)(nil)
	_ fyne.Disableable = (*scroller)(nil)
)

// newPageScroller is for what stands between the title of a page and its
// buttons.
func newPageScroller(content fyne.CanvasObject, escape func()) *scroller {
	// Room for the scroll bar, which lies above the content.
	s := &scroller{scroll: container.NewVScroll(container.New(margins{right: 8}, content)), frame: canvas.NewRectangle(color.Transparent), escape: escape}
	s.ExtendBaseWidget(s)
	return s
}

// hold gives a page scroller another content, and stays where it is.
func (s *scroller) hold(content fyne.CanvasObject) {
	next := container.New(margins{right: 8}, content)
	next.Resize(s.scroll.Content.Size()) // at its width a text knows its height
	s.scroll.Content = next
	s.scroll.Refresh()
}

// newTextScroller is for a text of at least the given height.
func newTextScroller(content fyne.CanvasObject, height float32, escape func()) *scroller {
	s := &scroller{scroll: container.NewScroll(content), frame: canvas.NewRectangle(color.Transparent), escape: escape, framed: true, height: height}
	s.ExtendBaseWidget(s)
	return s
}

func (s *scroller) FocusGained() { s.outline(theme.ColorNamePrimary) }
func (s *scroller) FocusLost()   { s.outline(theme.ColorNameSeparator) }

func (s *scroller) outline(name fyne.ThemeColorName) {
	s.frame.StrokeColor = s.Theme().Color(name, fyne.CurrentApp().Settings().ThemeVariant())
	if !s.framed && name == theme.ColorNameSeparator {
		s.frame.StrokeColor = color.Transparent
	}
	s.frame.Refresh()
}

func (s *scroller) TypedRune(rune) {}

func (s *scroller) TypedKey(key *fyne.KeyEvent) {
	line := 2 * s.Theme().Size(theme.SizeNameText)
	page := s.scroll.Size().Height - line
	to := s.scroll.Offset
	switch key.Name {
	case fyne.KeyEscape:
		if s.escape != nil {
			s.escape()
		}
		return
	case fyne.KeyDown:
		to.Y += line
	case fyne.KeyUp:
		to.Y -= line
	case fyne.KeyRight:
		to.X += line
	case fyne.KeyLeft:
		to.X -= line
	case fyne.KeyPageDown, fyne.KeySpace:
		to.Y += page
	case fyne.KeyPageUp:
		to.Y -= page
	case fyne.KeyHome:
		to = fyne.NewPos(0, 0)
	case fyne.KeyEnd:
		to.Y = s.scroll.Content.Size().Height
	}
	s.scroll.ScrollToOffset(to)
}

// Disabled implements fyne.Disableable: what fits is passed over by Tab.
func (s *scroller) Disabled() bool {
	content, room := s.scroll.Content.MinSize(), s.scroll.Size()
	return content.Height <= room.Height && (s.scroll.Direction == container.ScrollVerticalOnly || content.Width <= room.Width)
}

// Enable and Disable implement fyne.Disableable; the size decides.
func (s *scroller) Enable()  {}
func (s *scroller) Disable() {}

// reveal scrolls until an object of the content can be seen.
func (s *scroller) reveal(o fyne.CanvasObject) {
	driver := fyne.CurrentApp().Driver()
	top := driver.AbsolutePositionForObject(o).Y - driver.AbsolutePositionForObject(s.scroll).Y
	switch room := s.scroll.Size().Height; {
	case top < 0:
		s.scroll.ScrollToOffset(s.scroll.Offset.AddXY(0, top))
	case top+o.Size().Height > room:
		s.scroll.ScrollToOffset(s.scroll.Offset.AddXY(0, top+o.Size().Height-room))
	}
}

func (s *scroller) CreateRenderer() fyne.WidgetRenderer {
	s.frame.StrokeWidth = 1
	s.frame.CornerRadius = s.Theme().Size(theme.SizeNameInputRadius)
	s.paint()
	content := fyne.CanvasObject(s.scroll)
	if s.framed {
		content = container.New(around(6), s.scroll)
	}
	drawn := container.NewStack(container.New(around(1), s.frame), content)
	return &scrollerRenderer{WidgetRenderer: widget.NewSimpleRenderer(drawn), of: s}
}

func (s *scroller) paint() {
	if s.framed {
		s.frame.FillColor = s.Theme().Color(theme.ColorNameInputBackground, fyne.CurrentApp().Settings().ThemeVariant())
	}
	s.outline(theme.ColorNameSeparator)
}

type scrollerRenderer struct {
	fyne.WidgetRenderer
	of *scroller
}

func (r *scrollerRenderer) MinSize() fyne.Size {
	size := r.WidgetRenderer.MinSize()
	size.Height = max(size.Height, r.of.height)
	return size
}

func (r *scrollerRenderer) Refresh() {
	r.of.paint()
	r.WidgetRenderer.Refresh()
}

// margins are distances from the edges.
type margins struct{ left, top, right, bottom float32 }

// around is the same distance from all edges.
func around(by float32) margins { return margins{by, by, by, by} }

func (m margins) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(m.left, m.top))
		o.Resize(fyne.NewSize(max(0, size.Width-m.left-m.right), max(0, size.Height-m.top-m.bottom)))
	}
}

func (m margins) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return size.AddWidthHeight(m.left+m.right, m.top+m.bottom)
}

// fold hides a part of a page behind a button.
func fold(show, hide string, content fyne.CanvasObject, open bool, escape func(), onFocus func(fyne.CanvasObject)) fyne.CanvasObject {
	b := newButton("", widget.LowImportance, nil, escape)
	b.onFocus = onFocus
	b.Alignment = widget.ButtonAlignLeading
	set := func() {
		if open {
			b.Icon = theme.MenuDropDownIcon()
			b.SetText(hide)
			content.Show()
		} else {
			b.Icon = theme.MenuExpandIcon()
			b.SetText(show)
			content.Hide()
		}
	}
	b.OnTapped = func() {
		open = !open
		set()
	}
	set()
	return container.NewVBox(container.NewHBox(b), content)
}

// entry is a line to type in.
type entry struct {
	widget.Entry
	escape func()
	down   func() // of the Down and Enter keys; it may be nil
}

func newEntry(text, hint string) *entry {
	e := &entry{}
	e.Text, e.PlaceHolder = text, hint
	e.ExtendBaseWidget(e)
	return e
}

func (e *entry) TypedKey(key *fyne.KeyEvent) {
	switch {
	case key.Name == fyne.KeyEscape && e.escape != nil:
		e.escape()
	case e.down != nil && (key.Name == fyne.KeyDown || isEnter(key)):
		e.down()
	default:
		e.Entry.TypedKey(key)
	}
}
