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

// Connection shows the way of a link: the question that waits, or the steps
// with what they ended in.
func Connection(v view.Connection, act Actions) Page {
	if q := v.Question; q != nil {
		switch {
		case q.Consent != nil:
			return Consent(q.ID, *q.Consent, act)
		case q.Change != nil:
			return Change(q.ID, *q.Change, act)
		case q.Setup != nil:
			asked := *q.Setup
			asked.ID = q.ID
			return Setup(asked, act)
		case q.SignIn != nil:
			return SignIn(q.ID, *q.SignIn, act)
		case q.MFA != nil:
			return MFA(q.ID, *q.MFA, act)
		}
	}
	b := newBuilder(act.Close)
	if where := where(v.Space); where != "" {
		b.add(quiet(where), apart(6))
	}
	if v.Problem != nil {
		b.problem(v, act)
	}
	for _, s := range v.Steps {
		if !v.Done || s.State != view.Waiting { // what was not needed did not happen
			b.add(step(s))
		}
	}
	switch {
	case v.Problem != nil:
		if v.Problem.Details != "" {
			b.add(apart(6), b.details(v.Problem.Details))
		}
	case v.Done:
		b.add(apart(8))
		if v.SignIn != "" {
			b.add(heading(lang.L("You are signed in to AWS, profile {{.Profile}}.", map[string]any{"Profile": literal(v.SignIn, maxName)})))
		} else if v.Editor != "" {
			b.add(heading(lang.L("Opened in {{.Editor}}.", map[string]any{"Editor": literal(v.Editor, maxName)})))
		} else {
			b.add(heading(lang.L("The space is ready.")))
		}
		b.closing(lang.L("Close"), act)
	default:
		if len(v.Steps) == 1 && v.Steps[0].ID == "session" {
			b.add(apart(8), body(lang.L("An ssh to this space needs a new session, and Studio opens in your browser for it. Sign in there if it asks; the connection then goes on by itself.")))
		}
		b.closing(lang.L("Cancel"), act)
	}
	return b.page(title(connectionTitle(v)))
}

// closing is the one button of a page on which there is nothing to decide.
func (b *builder) closing(text string, act Actions) {
	end := b.button(text, widget.MediumImportance, act.Close)
	b.right, b.focus = append(b.right, end), end
}

func connectionTitle(v view.Connection) string {
	name := literal(v.Space.Name, maxTitle)
	switch {
	case v.SignIn != "" && v.Problem != nil:
		return lang.L("You are not signed in to AWS")
	case v.SignIn != "":
		return lang.L("Sign in to AWS")
	case v.Problem != nil && name != "":
		return lang.L("{{.Space}} did not open", map[string]any{"Space": name})
	case v.Problem != nil:
		return lang.L("The space did not open")
	case name != "":
		return name
	}
	return lang.L("Opening a space")
}

// where is the line that says where a space is.
func where(s view.Space) string {
	var parts []string
	for _, part := range []string{s.Application, s.Region, account(s.Account), s.Domain} {
		if part != "" {
			parts = append(parts, literal(part, maxName))
		}
	}
	return strings.Join(parts, "  ·  ")
}

func account(id string) string {
	if id == "" {
		return ""
	}
	return lang.L("account {{.ID}}", map[string]any{"ID": literal(id, maxName)})
}

// step is one line of the way.
func step(s view.Step) fyne.CanvasObject {
	name, doing := stepWords(s.ID)
	label := widget.NewLabel(name)
	detail := body(told(s.Detail))
	detail.Importance = widget.LowImportance
	elapsed := widget.NewLabel(view.Duration(s.Elapsed))
	elapsed.Alignment = fyne.TextAlignTrailing
	elapsed.Importance = widget.LowImportance
	var mark fyne.CanvasObject
	switch s.State {
	case view.Done:
		mark = icon(theme.ConfirmIcon(), theme.ColorNameSuccess)
	case view.Skipped:
		mark = icon(theme.ConfirmIcon(), theme.ColorNamePlaceHolder)
	case view.Failed:
		mark = icon(theme.ErrorIcon(), theme.ColorNameError)
		label.TextStyle.Bold = true
	case view.Running, view.Asking:
		busy := widget.NewActivity()
		busy.Start()
		mark = busy
		label.TextStyle.Bold = true
		if s.Detail == "" { // else it says what it waits for
			detail.SetText(doing)
		}
		if s.State == view.Asking {
			detail.SetText(lang.L("waiting for your answer"))
		}
		elapsed.SetText("")
	default:
		mark = icon(theme.RadioButtonIcon(), theme.ColorNameDisabled)
		label.Importance = widget.LowImportance
		elapsed.SetText("")
	}
	text := container.New(columns{left: 110, right: 64}, label, detail, elapsed)
	return container.New(columns{left: 22}, container.New(centred{20}, mark), text)
}

// centred keeps a square of the given side in the middle of a line of text.
type centred struct{ side float32 }

func (c centred) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Resize(fyne.NewSquareSize(c.side))
		o.Move(fyne.NewPos((size.Width-c.side)/2, (size.Height-c.side)/2))
	}
}

func (c centred) MinSize([]fyne.CanvasObject) fyne.Size {
	line := fyne.MeasureText("X", theme.TextSize(), fyne.TextStyle{}).Height + 2*theme.InnerPadding()
	return fyne.NewSize(c.side, line)
}

// stepWords are a step's name and what it does while it runs.
func stepWords(id string) (name, doing string) {
	switch id {
	case "link":
		return lang.L("Link"), lang.L("reading the link")
	case "session":
		return lang.L("Session"), lang.L("looking for a session")
	case "space":
		return lang.L("Space"), lang.L("looking at the space")
	case "tunnel":
		return lang.L("Tunnel"), lang.L("connecting to AWS")
	case "consent":
		return lang.L("Consent"), lang.L("looking for an earlier answer")
	case "ssh-config":
		return lang.L("SSH config"), lang.L("looking at the SSH config")
	case "ssh":
		return lang.L("SSH"), lang.L("connecting to the space")
	case "editor":
		return lang.L("IDE"), lang.L("setting up and starting the IDE")
	}
	return literal(id, maxName), lang.L("working")
}
