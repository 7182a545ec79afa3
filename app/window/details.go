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

// Details shows one connection with its figures, and what can be done with it.
func Details(v view.Details, act Actions, k *kept) Page {
	b := newPanelBuilder(act, k)
	if v.Problem != nil {
		b.add(failure(*v.Problem)...)
		b.add(apart(6))
	}
	if len(v.Figures) > 0 {
		b.add(heading(lang.L("Connection")))
		b.figures(v.Figures)
		b.add(apart(6))
	}
	b.add(heading(lang.L("Space")), row(lang.L("Alias"), literal(v.Alias, maxName)))
	for _, r := range rows(v.Space) {
		b.add(row(r[0], r[1]))
	}

	wish := func(do string) func() { return func() { act.Wish(view.Wish{Do: do}) } }
	ide := b.keyed("ide", lang.L("Open in IDE"), widget.HighImportance, wish(view.OpenIDE))
	again := b.keyed("reconnect", lang.L("Reconnect"), widget.MediumImportance, wish(view.Reconnect))
	end := b.keyed("disconnect", lang.L("Disconnect"), widget.MediumImportance, wish(view.Disconnect))
	able(v.Doing == "", ide)
	able(v.Doing == "" && v.Phase != view.PhaseEnded, again, end)
	ssh := b.keyed("ssh", lang.L("Copy ssh command"), widget.LowImportance, func() { act.Copy(v.SSH) })
	b.left = []fyne.CanvasObject{ssh, b.keyed("copy", lang.L("Copy details"), widget.LowImportance, func() { act.Copy(v.Text) })}
	b.right = []fyne.CanvasObject{end, again, ide}
	if b.focus = ide; ide.Disabled() {
		b.focus = ssh
	}
	return b.page(container.New(stacked{}, title(detailsTitle(v)), phaseLine(v), apart(4)))
}

// figures stand side by side, two in a line; one that is a sentence has a line
// for itself.
func (b *builder) figures(all []view.Figure) {
	var left fyne.CanvasObject
	end := func() {
		if left != nil {
			b.add(container.New(halves{}, left))
			left = nil
		}
	}
	for _, f := range all {
		cell := row(figureWord(f.Kind), figureValue(f))
		switch {
		case f.Kind == view.LastReconnect:
			end()
			b.add(cell)
		case left == nil:
			left = cell
		default:
			b.add(container.New(halves{}, left, cell))
			left = nil
		}
	}
	end()
}

// halves lays out one or two objects beside each other, each in its half of the
// width.
type halves struct{}

func (halves) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for i, o := range objects {
		o.Move(fyne.NewPos(float32(i)*size.Width/2, 0))
		o.Resize(fyne.NewSize(size.Width/2, size.Height))
	}
}

func (halves) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return fyne.NewSize(2*size.Width, size.Height)
}

func detailsTitle(v view.Details) string {
	if v.Space.Name != "" {
		return literal(v.Space.Name, maxTitle)
	}
	return literal(v.Alias, maxTitle)
}

// phaseLine says how the connection is, or what is being done with it.
func phaseLine(v view.Details) fyne.CanvasObject {
	switch v.Doing {
	case view.OpenIDE:
		return working(lang.L("Opening the IDE…"))
	case view.Reconnect:
		return working(lang.L("Reconnecting…"))
	case view.Disconnect:
		return working(lang.L("Disconnecting…"))
	}
	switch v.Phase {
	case view.PhaseConnecting:
		return working(lang.L("Connecting to AWS…"))
	case view.PhaseReconnecting:
		return working(lang.L("The network is gone. Getting the session back…"))
	case view.PhaseReady:
		return said(theme.ConfirmIcon(), theme.ColorNameSuccess, lang.L("Open; no ssh uses it yet."))
	case view.PhaseConnected:
		return said(theme.ConfirmIcon(), theme.ColorNameSuccess, lang.L("Connected."))
	case view.PhasePaused:
		return said(theme.MediaPauseIcon(), theme.ColorNameWarning, lang.L("AWS asked for a pause; it goes on by itself."))
	case view.PhaseSilent:
		return said(theme.WarningIcon(), theme.ColorNameWarning, lang.L("The process of this connection does not answer."))
	}
	if v.Problem != nil {
		return said(theme.ErrorIcon(), theme.ColorNameError, lang.L("The connection has ended."))
	}
	return said(theme.ContentRemoveIcon(), theme.ColorNamePlaceHolder, lang.L("There is no connection to this space."))
}

// said is a line with a picture in front of it.
func said(picture fyne.Resource, colour fyne.ThemeColorName, text string) fyne.CanvasObject {
	return container.New(columns{left: itemIndent}, container.New(centred{20}, icon(picture, colour)), quiet(text))
}

// figureWord names a figure.
func figureWord(kind view.FigureKind) string {
	switch kind {
	case view.OpenFor:
		return lang.L("Open for")
	case view.Receiving:
		return lang.L("Receiving")
	case view.Sending:
		return lang.L("Sending")
	case view.Received:
		return lang.L("Received")
	case view.Sent:
		return lang.L("Sent")
	case view.RoundTrip:
		return lang.L("Round trip")
	case view.Unacknowledged:
		return lang.L("On the way")
	case view.SentAgain:
		return lang.L("Sent again")
	case view.Reconnects:
		return lang.L("Reconnects")
	case view.LastReconnect:
		return lang.L("Last reconnect")
	case view.Tunnels:
		return lang.L("Tunnels")
	case view.SessionFrom:
		return lang.L("Session from")
	case view.ProcessID:
		return lang.L("Process")
	}
	return literal(string(kind), maxName)
}

// figureValue is the value as it is, where it is no word.
func figureValue(f view.Figure) string {
	if f.Kind == view.SessionFrom {
		switch f.Value {
		case "link":
			return lang.L("a link from Studio")
		case "api":
			return lang.L("your AWS credentials")
		case "studio":
			return lang.L("Studio in your browser")
		}
	}
	return literal(f.Value, maxName)
}
