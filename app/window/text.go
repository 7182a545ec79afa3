//go:build cgo || !darwin

package window

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// What a text from outside may take at most, in characters.
const (
	maxTitle    = 100  // what a title may repeat
	maxWord     = 64   // a word in a sentence of ours
	maxName     = 200  // a name, an identifier
	maxReason   = 600  // why a change is proposed
	maxSentence = 1000 // a sentence of a problem
	maxLines    = 2000 // lines of a diff
	maxLine     = 500  // characters of one line of it
	maxNotices  = 3    // remarks above a list
)

// literal makes a text from outside fit to be drawn: one line, nothing but
// printable characters, cut after limit of them. Labels take it as it is:
// no markup, no template.
func literal(text string, limit int) string { return printable.Text(text, limit) }

// told is a sentence of a problem, a finding or a step: like literal, translated
// where there is a translation of it, and with the commands in it between quotation marks in place of backquotes, which are
// for terminals.
func told(text string) string {
	text = translated(text, problemTexts())
	parts := strings.Split(text, "`")
	if len(parts)%2 == 1 { // each has its partner
		for i := 1; i < len(parts); i += 2 {
			parts[i] = "“" + parts[i] + "”"
		}
		text = strings.Join(parts, "")
	}
	return literal(text, maxSentence)
}

// lines is literal for a text that may have several lines.
func lines(text string) []string {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	if len(all) > maxLines {
		all = append(all[:maxLines:maxLines], "…")
	}
	for i, line := range all {
		all[i] = literal(strings.ReplaceAll(line, "\t", "    "), maxLine)
	}
	return all
}

// cut returns the first limit characters of a text.
func cut(text string, limit int) string {
	for at := range text {
		if limit == 0 {
			return text[:at] + "…"
		}
		limit--
	}
	return text
}

// title is the heading of a page.
func title(text string) fyne.CanvasObject {
	l := widget.NewLabel(text)
	l.SizeName = theme.SizeNameSubHeadingText
	l.TextStyle.Bold = true
	l.Wrapping = fyne.TextWrapWord
	return l
}

// body is a paragraph.
func body(text string) *widget.Label {
	l := widget.NewLabel(text)
	l.Wrapping = fyne.TextWrapWord
	return l
}

// heading is a line above a part of a page.
func heading(text string) fyne.CanvasObject {
	l := body(text)
	l.TextStyle.Bold = true
	return l
}

// quiet is a paragraph of less weight.
func quiet(text string) *widget.Label {
	l := body(text)
	l.Importance = widget.LowImportance
	return l
}

// monospace is a small text whose lines stay lines: for a machine, or from one.
func monospace(text string) *widget.Label {
	l := widget.NewLabel(strings.Join(lines(text), "\n"))
	l.Wrapping = fyne.TextWrapBreak
	l.SizeName = theme.SizeNameCaptionText
	l.TextStyle.Monospace = true
	return l
}

// row is a name and a value from outside, side by side.
func row(name, value string) fyne.CanvasObject {
	n := widget.NewLabel(name)
	n.Importance = widget.LowImportance
	v := widget.NewLabel(value)
	v.Wrapping = fyne.TextWrapBreak
	v.Selectable = false
	return container.New(columns{left: 120}, n, v)
}

// bullet is one point of a list.
func bullet(text string) fyne.CanvasObject {
	return container.New(columns{left: 22}, widget.NewLabel("•"), body(text))
}

// icon is a small picture in one of the theme's colours.
func icon(resource fyne.Resource, colour fyne.ThemeColorName) fyne.CanvasObject {
	return widget.NewIcon(theme.NewColoredResource(resource, colour))
}

// columns lays out two or three objects beside each other: the first as wide
// as left, the third as wide as right, the second between them. Like a label,
// it is as high as its texts are when wrapped at the present width.
type columns struct{ left, right float32 }

func (c columns) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	right := float32(0)
	if len(objects) > 2 {
		right = c.right
		objects[2].Resize(fyne.NewSize(right, objects[2].MinSize().Height))
		objects[2].Move(fyne.NewPos(size.Width-right, 0))
	}
	objects[0].Resize(fyne.NewSize(c.left, objects[0].MinSize().Height))
	objects[0].Move(fyne.NewPos(0, 0))
	objects[1].Resize(fyne.NewSize(max(0, size.Width-c.left-right), size.Height))
	objects[1].Move(fyne.NewPos(c.left, 0))
}

func (c columns) MinSize(objects []fyne.CanvasObject) fyne.Size {
	height, width := float32(0), c.left
	for i, o := range objects {
		size := o.MinSize()
		height = max(height, size.Height)
		if i == 1 {
			width += size.Width
		}
	}
	if len(objects) > 2 {
		width += c.right
	}
	return fyne.NewSize(width, height)
}

// apart is a gap of the given height.
func apart(height float32) fyne.CanvasObject {
	gap := canvas.NewRectangle(color.Transparent)
	gap.SetMinSize(fyne.NewSize(0, height))
	return gap
}
