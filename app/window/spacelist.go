//go:build cgo || !darwin

package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// spaceList is the rows of a board. Only those that can be seen are drawn, so
// that thousands of them scroll.
type spaceList struct {
	widget.List
	of      *board
	escape  func()
	at      int // the row that is chosen, as an index of of.shown; -1 is none
	settled bool
}

func newSpaceList(b *board) *spaceList {
	l := &spaceList{of: b, at: -1}
	l.Length = func() int { return len(b.shown) }
	l.CreateItem = func() fyne.CanvasObject { return newSpaceLine() }
	l.UpdateItem = func(i widget.ListItemID, o fyne.CanvasObject) {
		if line, ok := o.(*fyne.Container); ok && i < len(b.shown) {
			drawSpaceLine(line, b.v.Rows[b.shown[i]])
		}
	}
	l.OnSelected = func(i widget.ListItemID) {
		if l.settled || i >= len(b.shown) {
			return
		}
		l.at, b.chosen = i, b.v.Rows[b.shown[i]].Key
		b.bottom.Objects = b.actions()
		b.content.Refresh()
	}
	l.ExtendBaseWidget(l)
	return l
}

// choose has the list show which row is chosen, without asking for anything.
func (l *spaceList) choose(at int) {
	l.settled = true
	if l.at != at {
		l.UnselectAll()
	}
	if at >= 0 {
		l.Select(at)
	}
	l.settled = false
	l.at = at
	l.Refresh()
}

func (l *spaceList) TypedKey(key *fyne.KeyEvent) {
	to := l.at
	switch {
	case key.Name == fyne.KeyEscape && l.escape != nil:
		l.escape()
		return
	case isEnter(key):
		if r, ok := l.of.row(); ok && l.at >= 0 && r.Doing == "" && canDo(r).connect && l.of.v.Question == nil {
			l.of.wish(view.ConnectSpace, r.Key)
		}
		return
	case key.Name == fyne.KeyDown:
		to++
	case key.Name == fyne.KeyUp:
		to--
	case key.Name == fyne.KeyPageDown:
		to += l.page()
	case key.Name == fyne.KeyPageUp:
		to -= l.page()
	case key.Name == fyne.KeyHome:
		to = 0
	case key.Name == fyne.KeyEnd:
		to = l.Length()
	default:
		return
	}
	l.Select(min(max(to, 0), l.Length()-1))
}

// page is how many rows can be seen.
func (l *spaceList) page() int {
	return max(1, int(l.Size().Height/(newSpaceLine().MinSize().Height+theme.Padding())))
}

// newSpaceLine is a row without content.
func newSpaceLine() *fyne.Container {
	name := widget.NewLabel("")
	name.Truncation = fyne.TextTruncateEllipsis
	name.TextStyle.Bold = true
	detail := widget.NewLabel("")
	detail.Truncation = fyne.TextTruncateEllipsis
	detail.SizeName = theme.SizeNameCaptionText
	status := widget.NewLabel("")
	status.Alignment = fyne.TextAlignTrailing
	status.Truncation = fyne.TextTruncateEllipsis
	return container.New(spaceLine{}, widget.NewIcon(nil), name, status, detail)
}

// drawSpaceLine gives a row its content.
func drawSpaceLine(line *fyne.Container, r view.SpaceRow) {
	mark, _ := line.Objects[0].(*widget.Icon)
	name, _ := line.Objects[1].(*widget.Label)
	status, _ := line.Objects[2].(*widget.Label)
	detail, _ := line.Objects[3].(*widget.Label)
	picture, colour, word := spaceWords(r)
	mark.SetResource(theme.NewColoredResource(picture, colour))
	name.SetText(literal(r.Name, maxName))
	status.SetText(word)
	detail.Importance = widget.LowImportance
	switch {
	case r.Doing == view.ConnectSpace:
		detail.SetText(lang.L("A window of its own shows how far it is."))
	case r.Doing != "" && r.Waiting != "":
		detail.SetText(told(r.Waiting))
	case r.Problem != nil:
		detail.Importance = widget.DangerImportance
		detail.SetText(told(r.Problem.Sentence))
	default:
		detail.SetText(spaceDetail(r))
	}
}

// spaceDetail is the second line of a row.
func spaceDetail(r view.SpaceRow) string {
	parts := []string{r.Domain, r.Owner, r.App, r.Instance}
	for i := range parts {
		parts[i] = literal(parts[i], maxName)
	}
	if !r.Remote {
		parts = append(parts, lang.L("remote access off"))
	}
	if r.Used != "" {
		parts = append(parts, lang.L("used {{.When}}", map[string]any{"When": literal(r.Used, maxName)}))
	}
	known := parts[:0]
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, "  ·  ")
}

// spaceWords is what a space does, as a picture and as a word.
func spaceWords(r view.SpaceRow) (fyne.Resource, fyne.ThemeColorName, string) {
	const busy, calm, bad = theme.ColorNamePrimary, theme.ColorNamePlaceHolder, theme.ColorNameError
	switch r.Doing {
	case view.StartSpace:
		return theme.ViewRefreshIcon(), busy, lang.L("starting…")
	case view.StopSpace:
		return theme.ViewRefreshIcon(), busy, lang.L("stopping…")
	case view.ConnectSpace:
		return theme.ViewRefreshIcon(), busy, lang.L("connecting…")
	}
	switch {
	case r.Connected:
		return theme.ConfirmIcon(), theme.ColorNameSuccess, lang.L("connected")
	case r.Status == view.SpaceRunning:
		return theme.MediaPlayIcon(), theme.ColorNameSuccess, lang.L("running")
	case r.Status == view.SpaceStopped:
		return theme.MediaStopIcon(), calm, lang.L("stopped")
	case r.Status == view.SpaceStarting:
		return theme.ViewRefreshIcon(), busy, lang.L("starting")
	case r.Status == view.SpaceStopping:
		return theme.ViewRefreshIcon(), busy, lang.L("stopping")
	case r.Status == view.SpaceUpdating:
		return theme.ViewRefreshIcon(), busy, lang.L("being changed")
	case r.Status == view.SpaceDeleting:
		return theme.DeleteIcon(), calm, lang.L("being deleted")
	case r.Status == view.SpaceFailed:
		return theme.ErrorIcon(), bad, lang.L("failed")
	}
	return theme.QuestionIcon(), calm, literal(string(r.Status), maxName)
}

// spaceLine lays out a row: a picture, two lines of text, and a word at the end
// of the first one.
type spaceLine struct{}

const (
	markSide  = 20
	wordWidth = 130
	// tight is how much nearer two lines of a row are than labels are
	// otherwise.
	tight = 8
)

func (spaceLine) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	mark, name, word, detail := objects[0], objects[1], objects[2], objects[3]
	first := name.MinSize().Height
	left := float32(markSide + 14)
	mark.Resize(fyne.NewSquareSize(markSide))
	mark.Move(fyne.NewPos(6, (size.Height-markSide)/2))
	name.Move(fyne.NewPos(left, 0))
	name.Resize(fyne.NewSize(max(0, size.Width-left-wordWidth), first))
	word.Move(fyne.NewPos(size.Width-wordWidth-12, 0))
	word.Resize(fyne.NewSize(wordWidth, first))
	detail.Move(fyne.NewPos(left, first-tight))
	detail.Resize(fyne.NewSize(max(0, size.Width-left-12), detail.MinSize().Height))
}

func (spaceLine) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(300, objects[1].MinSize().Height+objects[3].MinSize().Height-tight)
}
