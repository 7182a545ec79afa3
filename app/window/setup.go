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

// Setup shows what Spacehatch would change on this machine, lets the person
// choose, and shows what became of it.
func Setup(v view.Setup, act Actions) Page {
	escape := act.Close
	if v.Stage == view.Choosing {
		escape = func() { act.Answer(view.Answer{ID: v.ID}) }
	}
	b := newBuilder(escape)
	chosen := map[string]func() bool{}
	options := map[string]func() string{}
	for i, item := range v.Items {
		if i > 0 {
			b.line()
		}
		b.item(item, v.Stage, chosen, options)
	}
	switch v.Stage {
	case view.Choosing:
		b.left = []fyne.CanvasObject{b.button(lang.L("Not now"), widget.MediumImportance, escape)}
		apply := b.button(lang.L("Set up"), widget.HighImportance, func() {
			act.Answer(setupAnswer(v, chosen, options))
		})
		if len(chosen) == 0 { // all is well: there is nothing to choose
			b.left = nil
			apply = b.button(lang.L("Close"), widget.MediumImportance, escape)
		}
		b.right, b.focus = []fyne.CanvasObject{apply}, apply
	case view.Making:
		b.closing(lang.L("Cancel"), act)
	default:
		b.closing(lang.L("Close"), act)
	}
	top := container.New(stacked{}, title(setupTitle(v)))
	if v.Stage == view.Choosing {
		top.Add(quiet(lang.L("This is all that Spacehatch changes on this machine. The command “spacehatch uninstall” takes it back.")))
	}
	top.Add(apart(2))
	return b.page(top)
}

func setupTitle(v view.Setup) string {
	switch v.Stage {
	case view.Choosing:
		return lang.L("Set up Spacehatch")
	case view.Making:
		return lang.L("Setting up…")
	}
	for _, item := range v.Items {
		if item.State == view.Unapplied {
			return lang.L("Some of it did not work")
		}
	}
	return lang.L("Spacehatch is set up")
}

// setupAnswer collects what is chosen, in the order of the items.
func setupAnswer(v view.Setup, chosen map[string]func() bool, options map[string]func() string) view.Answer {
	a := view.Answer{ID: v.ID, Choice: view.Yes}
	for _, item := range v.Items {
		if is := chosen[item.Key]; is != nil && is() {
			a.Keys = append(a.Keys, item.Key)
		}
		if option := options[item.Key]; option != nil {
			if a.Options == nil {
				a.Options = map[string]string{}
			}
			a.Options[item.Key] = option()
		}
	}
	return a
}

// item is one line of the list with what belongs to it.
func (b *builder) item(item view.Item, stage view.Stage, chosen map[string]func() bool, options map[string]func() string) {
	name, text := itemWords(item, stage)
	if item.State == view.Proposed && stage == view.Choosing && len(item.Options) == 0 {
		c := newCheck(name, item.Chosen, b.escape)
		c.onFocus = b.scroll.reveal
		chosen[item.Key] = func() bool { return c.Checked }
		b.add(c)
	} else {
		b.add(stateLine(item, stage, name))
	}
	indented := func(o fyne.CanvasObject) { b.add(container.New(margins{left: itemIndent}, o)) }
	if len(item.Options) > 1 && stage == view.Choosing {
		c := b.options(item)
		options[item.Key] = func() string { return item.Options[max(0, c.SelectedIndex())].Key }
		indented(aligned(container.NewGridWrap(fyne.NewSize(300, c.MinSize().Height), c)))
	}
	if text != "" {
		indented(quiet(text))
	}
	if p := item.Problem; p != nil {
		for _, line := range failure(*p) {
			indented(line)
		}
	}
	if item.Diff != "" && stage == view.Choosing && item.State == view.Proposed {
		// The user's own SSH config is shown without being asked for.
		indented(fold(lang.L("Show the change"), lang.L("Hide the change"), aligned(diff(item.Diff, mostDiff, b.escape)),
			item.Kind == view.SSHConfig, b.escape, b.scroll.reveal))
	}
}

// itemIndent is where the words of an item begin, as behind a check box.
const itemIndent = 22

// stateLine is the first line of an item that cannot be ticked.
func stateLine(item view.Item, stage view.Stage, name string) fyne.CanvasObject {
	label := widget.NewLabel(name)
	word := widget.NewLabel(stateWord(item))
	word.Importance = widget.LowImportance
	word.Alignment = fyne.TextAlignTrailing
	var mark fyne.CanvasObject
	switch item.State {
	case view.Present, view.Applied:
		mark = icon(theme.ConfirmIcon(), theme.ColorNameSuccess)
	case view.Unapplied:
		mark = icon(theme.ErrorIcon(), theme.ColorNameError)
	case view.Applying:
		busy := widget.NewActivity()
		busy.Start()
		mark = busy
	case view.Off, view.Declined:
		mark = icon(theme.ContentRemoveIcon(), theme.ColorNamePlaceHolder)
	default:
		mark = apart(0)
		if stage != view.Choosing {
			mark = icon(theme.RadioButtonIcon(), theme.ColorNamePlaceHolder)
		}
	}
	label.Wrapping = fyne.TextWrapWord
	return container.New(columns{left: itemIndent}, container.New(centred{20}, mark),
		container.New(columns{left: 0, right: 120}, apart(0), label, word))
}

func stateWord(item view.Item) string {
	switch item.State {
	case view.Present:
		if item.Kind == view.IDE {
			return lang.L("found")
		}
		return lang.L("already set up")
	case view.Applied:
		return lang.L("done")
	case view.Applying:
		return lang.L("working…")
	case view.Declined:
		return lang.L("left as it is")
	case view.Unapplied:
		return lang.L("did not work")
	case view.Off:
		return lang.L("off")
	}
	return ""
}

func (b *builder) options(item view.Item) *choice {
	titles, at := make([]string, len(item.Options)), 0
	for i, o := range item.Options {
		titles[i] = literal(o.Title, maxName)
		if o.Key == item.Option {
			at = i
		}
	}
	c := newChoice(titles, at, b.escape)
	c.onFocus = b.scroll.reveal
	return c
}

// itemWords are the name of an item and what it is good for.
func itemWords(item view.Item, stage view.Stage) (name, text string) {
	data := map[string]any{"Name": literal(item.Name, maxName), "Editor": literal(item.Editor, maxName)}
	switch item.Kind {
	case view.SSHConfig:
		return lang.L("Add your spaces to the SSH config"),
			lang.L("ssh and every IDE that uses it find your spaces through these lines. The rest of your file stays as it is.")
	case view.IDE:
		if item.State == view.Off {
			return lang.L("No IDE found"), lang.L("ssh works without one. Install Visual Studio Code or another IDE that we know at any time.")
		}
		if len(item.Options) > 1 && stage == view.Choosing {
			return lang.L("Open spaces in"), ""
		}
		return lang.L("Open spaces in {{.Name}}", data), ""
	case view.Extension:
		if item.Name == "" {
			return lang.L("Look at the extensions of {{.Editor}}", data), ""
		}
		return lang.L("Install the extension {{.Name}} in {{.Editor}}", data),
			lang.L("{{.Editor}} needs it to open folders over SSH, and downloads it from its own marketplace.", data)
	case view.Settings:
		return lang.L("Update the settings of {{.Editor}}", data),
			lang.L("Without them its SSH extension may give up before a space answers.")
	case view.Links:
		return lang.L("Open spacehatch:// links with Spacehatch"),
			lang.L("Your browser then brings links from Studio here.")
	case view.Login:
		return lang.L("Show the icon in the panel when I log in"), lang.L("Nothing but the icon is started then.")
	case view.Agent:
		return lang.L("SSH agent forwarding"),
			lang.L("It stays off: with it, programs in a space could use your SSH keys for as long as you are connected. The settings switch it on for a single space.")
	}
	return literal(item.Name, maxName), ""
}
