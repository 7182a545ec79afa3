//go:build cgo || !darwin

package window

import (
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Preferences shows everything that can be set. Each change is a wish at once;
// whether it has taken effect stands beside it.
func Preferences(v view.Preferences, act Actions, k *kept) Page {
	if v.Uninstall != nil {
		return uninstalling(v, act, k)
	}
	b := newPanelBuilder(act, k)
	wish := func(do string) func() { return func() { act.Wish(view.Wish{Do: do}) } }

	if v.Problem != nil {
		b.add(failure(*v.Problem)...)
	}
	if v.Folder != "" {
		open := b.keyed("folder", lang.L("Open folder"), widget.MediumImportance, func() { act.Folder(v.Folder) })
		b.add(apart(6), aligned(container.NewHBox(open, b.keyed("reload", lang.L("Try again"), widget.MediumImportance, wish(view.Reload)))))
	}
	if len(v.Fields) > 0 {
		b.section(v, act, lang.L("Opening spaces"), "editor", "folder")
		b.oneSpace(v, act)
		b.trusted(v, act)
		b.section(v, act, lang.L("Icon in the panel"), "tray", "start_at_login")
		b.section(v, act, lang.L("Work and rest"), "keep_awake", "idle_notice")
		b.section(v, act, lang.L("Links of your IDEs"), "intercept")
		b.section(v, act, lang.L("SSH"), "ssh_options")
		b.section(v, act, lang.L("Network and log"), "trusted_hosts", "tunnel_profile", "update_check", "log_level")
	}

	again := b.keyed("set-up", lang.L("Set up again…"), widget.MediumImportance, wish(view.SetUpAgain))
	able(!v.SettingUp, again)
	remove := b.keyed("uninstall", lang.L("Uninstall…"), widget.LowImportance, wish(view.AskUninstall))
	end := b.keyed("close", lang.L("Close"), widget.MediumImportance, act.Close)
	b.left = []fyne.CanvasObject{again, remove}
	b.right = []fyne.CanvasObject{end}
	b.focus = end

	top := container.New(stacked{}, title(lang.L("Settings")))
	if v.File != "" && len(v.Fields) > 0 {
		top.Add(quiet(lang.L("A change takes effect at once, for what is opened from then on. The settings file is {{.File}}.",
			map[string]any{"File": literal(v.File, maxSentence)})))
	}
	if v.SettingUp {
		top.Add(working(lang.L("The set-up has a window of its own…")))
	}
	top.Add(apart(2))
	return b.page(top)
}

// section is a heading with the fields of those names, where there are any.
func (b *builder) section(v view.Preferences, act Actions, name string, fields ...string) {
	first := true
	for _, f := range v.Fields {
		if !slices.Contains(fields, f.Name) {
			continue
		}
		if first {
			b.part(name)
			first = false
		}
		b.field(f, false, act)
	}
}

// part begins a part of the page.
func (b *builder) part(name string) {
	if len(b.parts.Objects) > 0 {
		b.line()
	}
	b.add(heading(name))
}

// The columns of a field: its name, the control, and what became of a change.
const (
	fieldName = 150
	fieldSays = 120
)

// field is one thing that can be set, for every space or for one.
func (b *builder) field(f view.Field, ofSpace bool, act Actions) {
	name, about := fieldWords(f, ofSpace)
	set := func(value string) { act.Wish(view.Wish{Do: view.SetField, Key: f.Key, Value: value}) }
	control := b.control(f, name, set)
	if f.Kind == view.Switch {
		b.add(container.New(columns{right: fieldSays}, apart(0), control, fieldState(f)))
	} else {
		b.add(container.New(columns{left: fieldName, right: fieldSays}, body(name), aligned(control), fieldState(f)))
	}
	left := float32(fieldName)
	if f.Kind == view.Switch {
		left = itemIndent
	}
	below := func(o, right fyne.CanvasObject) {
		b.add(container.New(columns{left: left, right: fieldSays}, apart(0), o, right))
	}
	switch {
	case f.Locked && f.By != "":
		below(quiet(lang.L("The environment variable {{.Name}} is set and stands in for it.", map[string]any{"Name": literal(f.By, maxName)})), apart(0))
	case f.Locked:
		below(quiet(lang.L("Your administrator has set it.")), apart(0))
	case f.Chosen && f.Kind != view.Switch:
		reset := b.keyed("reset "+f.Key, lang.L("Use default"), widget.LowImportance, func() {
			act.Wish(view.Wish{Do: view.ResetField, Key: f.Key})
		})
		reset.onFocus, reset.Alignment = b.scroll.reveal, widget.ButtonAlignLeading
		below(quiet(about), reset)
	case about != "":
		below(quiet(about), apart(0))
	}
	if f.Note != "" {
		below(body(told(f.Note)), apart(0))
	}
	if f.Problem != nil {
		for _, line := range failure(*f.Problem) {
			below(line, apart(0))
		}
	}
	b.add(apart(4))
}

// fieldState says what became of the last change.
func fieldState(f view.Field) fyne.CanvasObject {
	said := func(picture fyne.CanvasObject, text string) fyne.CanvasObject {
		return container.New(columns{left: itemIndent}, container.New(centred{20}, picture), quiet(text))
	}
	switch {
	case f.Setting:
		busy := widget.NewActivity()
		busy.Start()
		return said(busy, lang.L("working…"))
	case f.Problem != nil:
		return said(icon(theme.ErrorIcon(), theme.ColorNameError), lang.L("not changed"))
	case f.Saved:
		return said(icon(theme.ConfirmIcon(), theme.ColorNameSuccess), lang.L("changed"))
	}
	return apart(0)
}

// control is what a field is set with. It is taken over from the page before:
// the person may be typing in it.
func (b *builder) control(f view.Field, name string, set func(string)) fyne.CanvasObject {
	switch f.Kind {
	case view.Switch:
		c := keep(b.kept, f.Key, func() *check { return newCheck(name, false, b.escape) })
		c.OnChanged = nil
		c.Text, c.Checked, c.escape, c.onFocus = name, f.Value == "true", b.escape, b.scroll.reveal
		lock(c, f.Locked)
		c.Refresh()
		c.OnChanged = func(on bool) { set(strconv.FormatBool(on)) }
		return c
	case view.Pick:
		return b.pick(f.Key, f.Locked, f.Value, f.Options, func(o view.Option) string { return optionWords(f, o) }, set)
	}
	several := f.Kind == view.List
	e := keep(b.kept, f.Key, func() *textField { return newTextField(several, b.escape) })
	e.typed, e.escape, e.onFocus = set, b.escape, b.scroll.reveal
	e.SetPlaceHolder(literal(f.Blank, maxName))
	e.show(f.Value)
	lock(e, f.Locked)
	return e
}

// pick is one of several things.
func (b *builder) pick(key string, locked bool, value string, options []view.Option, words func(view.Option) string, set func(string)) fyne.CanvasObject {
	titles, at := make([]string, len(options)), -1
	for i, o := range options {
		titles[i] = words(o)
		if o.Key == value {
			at = i
		}
	}
	c := keep(b.kept, key, func() *choice { return newChoice(titles, at, b.escape) })
	c.OnChanged = nil
	c.Options, c.Selected, c.escape, c.onFocus = titles, "", b.escape, b.scroll.reveal
	if at >= 0 {
		c.Selected = titles[at]
	}
	lock(c, locked)
	c.Refresh()
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 {
			set(options[i].Key)
		}
	}
	return c
}

func lock(w fyne.Disableable, locked bool) {
	if locked {
		w.Disable()
	} else {
		w.Enable()
	}
}

// fieldWords are the name of a field and what it decides.
func fieldWords(f view.Field, ofSpace bool) (name, about string) {
	switch f.Name {
	case "editor":
		return lang.L("IDE"), lang.L("It opens a space whose link names no IDE.")
	case "folder":
		if ofSpace {
			return lang.L("Folder"), lang.L("For this space, in place of the folder above.")
		}
		return lang.L("Folder"), lang.L("The folder that the IDE opens on a space.")
	case "aws_profile":
		return lang.L("AWS profile"), lang.L("Its credentials open the space. Without one, whichever belongs to the space's account.")
	case "forward_agent":
		return lang.L("Forward my SSH agent"),
			lang.L("Programs in the space can then use the keys in your SSH agent for as long as you are connected: they can sign in as you wherever these keys open, but cannot copy them. Whoever else has got into the space can, too.")
	case "tray":
		return lang.L("Show the icon"), lang.L("It comes with the first connection. Connections do not need it.")
	case "start_at_login":
		return lang.L("Show it when I log in"), lang.L("Nothing but the icon is started then.")
	case "keep_awake":
		return lang.L("My work keeps a space running"),
			lang.L("While you work through Spacehatch, the space is told so and does not stop as an idle one.")
	case "idle_notice":
		return lang.L("Tell me after"),
			lang.L("How long nobody works in a connected space before you are told, such as “30m” or “2h”; “off” is never.")
	case "ssh_options":
		return lang.L("Options"),
			lang.L("Options of OpenSSH for every space, one a line, such as “Compression no” or “ServerAliveInterval 30”. They are taken when you leave the field.")
	case "trusted_hosts":
		return lang.L("Trusted hosts"),
			lang.L("Hosts beyond AWS's own that a connection may go to, one a line, such as “proxy.example.com:8443”.")
	case "intercept":
		data := map[string]any{"Scheme": literal(f.Subject, maxTitle), "Other": literal(f.Other, maxTitle)}
		if f.Other == "" {
			return lang.L("Catch {{.Scheme}}:// links", data), lang.L("Those that open a space come here. Nobody gets the others.")
		}
		return lang.L("Catch {{.Scheme}}:// links", data),
			lang.L("Those that open a space, as Studio's button does, come here first. Every other goes on, unchanged, to {{.Other}}.", data)
	case "tunnel_profile":
		return lang.L("Uploads"), lang.L("How hard an upload pushes AWS, which has ended connections that push too hard.")
	case "update_check":
		return lang.L("Ask once a day for a newer release"), lang.L("It is said and never downloaded.")
	case "log_level":
		return lang.L("Log"), lang.L("How much is written to the log. No secret and nothing that you send is in it.")
	}
	return literal(f.Name, maxName), ""
}

// optionWords is the name of one of the things that a field can be.
func optionWords(f view.Field, o view.Option) string {
	switch {
	case o.Key == "" && f.Name == "editor":
		return lang.L("The first that is installed")
	case f.Name == "tunnel_profile" && o.Key == "safe":
		return lang.L("Gently (safe)")
	case f.Name == "tunnel_profile" && o.Key == "large":
		return lang.L("Hard, for long ways (large)")
	case f.Name == "tunnel_profile" && o.Key == "adaptive":
		return lang.L("As hard as AWS allows (adaptive)")
	case f.Name == "log_level" && o.Key == "debug":
		return lang.L("Everything (debug)")
	case f.Name == "log_level" && o.Key == "info":
		return lang.L("What happens (info)")
	case f.Name == "log_level" && o.Key == "warn":
		return lang.L("What looks wrong (warn)")
	case f.Name == "log_level" && o.Key == "error":
		return lang.L("What fails (error)")
	case o.Title == "":
		return literal(o.Key, maxName)
	}
	return literal(o.Title, maxName)
}

// oneSpace are the fields of the space that is picked.
func (b *builder) oneSpace(v view.Preferences, act Actions) {
	b.part(lang.L("One space"))
	if len(v.Spaces) == 0 {
		b.add(quiet(lang.L("Open a space from Studio first; its folder and agent forwarding can then be chosen here.")))
		return
	}
	which := b.pick("space", false, v.Space, v.Spaces, func(o view.Option) string { return literal(o.Title, maxName) }, func(key string) {
		act.Wish(view.Wish{Do: view.PickSpace, Key: key})
	})
	b.add(container.New(columns{left: fieldName, right: fieldSays}, body(lang.L("Space")), aligned(which), apart(0)))
	if about := whichSpace(v.About); about != "" {
		b.add(container.New(columns{left: fieldName, right: fieldSays}, apart(0), quiet(about), apart(0)), apart(4))
	}
	for _, f := range v.OfSpace {
		b.field(f, true, act)
	}
}

// whichSpace tell a space apart from others.
func whichSpace(s view.Space) string {
	var all []string
	add := func(text string, words func(map[string]any) string) {
		if text != "" {
			all = append(all, words(map[string]any{"Name": literal(text, maxTitle)}))
		}
	}
	asItIs := func(data map[string]any) string { return data["Name"].(string) }
	add(s.Name, asItIs)
	add(s.Domain, func(data map[string]any) string { return lang.L("domain {{.Name}}", data) })
	add(s.Account, func(data map[string]any) string { return lang.L("account {{.Name}}", data) })
	add(s.Region, asItIs)
	return strings.Join(all, " · ")
}

// trusted lists the domains whose links connect without a question.
func (b *builder) trusted(v view.Preferences, act Actions) {
	b.part(lang.L("Trusted domains"))
	if len(v.Trusted) == 0 {
		b.add(quiet(lang.L("There is none: the first link of each domain asks.")))
		return
	}
	b.add(quiet(lang.L("Links to spaces of these domains connect without a question.")))
	for _, t := range v.Trusted {
		name := t.Domain
		if name == "" {
			name = "HyperPod"
		}
		forget := b.keyed("forget "+t.Key, lang.L("Forget"), widget.MediumImportance, func() {
			act.Wish(view.Wish{Do: view.Forget, Key: t.Key})
		})
		forget.onFocus = b.scroll.reveal
		where := whichSpace(view.Space{Account: t.Account, Region: t.Region})
		b.add(container.New(columns{left: fieldName, right: fieldSays}, body(literal(name, maxName)), quiet(where), aligned(forget)), apart(4))
		if t.Problem != nil {
			b.add(failure(*t.Problem)...)
		}
	}
}
