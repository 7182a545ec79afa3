//go:build cgo || !darwin

package window

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/spacehatch/spacehatch/app/view"
)

// Spaces lists the spaces of a region, to be filtered, started, stopped and
// connected to. What can be done is done with the row that is chosen.
func Spaces(v view.Spaces, act Actions, k *kept) Page {
	b := keep(k, "board", func() *board { return newBoard(v) })
	b.act, b.v = act, v
	b.entry.escape, b.list.escape, b.domain.escape, b.owner.escape = b.escape, act.Close, act.Close, act.Close
	b.refresh = b.button("refresh", lang.L("Refresh"), widget.MediumImportance, func() { b.wish(view.ListAgain, "") })
	able(!v.Loading, b.refresh)
	b.options()

	top := container.New(stacked{}, container.New(columns{right: 110}, apart(0), title(lang.L("Spaces")), aligned(b.refresh)), b.where())
	for _, n := range v.Notices[:min(len(v.Notices), maxNotices)] {
		top.Add(said(theme.WarningIcon(), theme.ColorNameWarning, cut(told(n.Sentence+" "+n.Hint), maxReason)))
	}
	filters := container.New(filterRow{}, b.entry, b.domain, b.owner)
	if v.Problem != nil && len(v.Rows) == 0 {
		filters.Hide()
	}
	top.Add(apart(2))
	top.Add(aligned(filters))
	top.Add(apart(6))
	b.middle = container.NewStack()
	b.bottom = container.New(stacked{})
	b.content = container.New(sheet{}, top, b.middle, b.bottom)
	b.choose()

	p := Page{Content: container.New(around(margin), b.content), Focus: b.entry, Escape: act.Close, kept: k}
	switch {
	case v.Question != nil:
		p.Focus, p.asks = b.first, v.Question.Key
	case !filters.Visible():
		p.Focus = b.again
	case b.list.at >= 0:
		p.Focus = b.list
	}
	return p
}

// board is the parts of the page that outlive a value: the filters, the list
// with how far it is scrolled, and which row is chosen.
type board struct {
	entry         *entry
	domain, owner *choice
	list          *spaceList

	act     Actions
	v       view.Spaces
	buttons map[string]*button
	shown   []int  // the rows that fit, as indices of v.Rows
	chosen  string // the key of a row
	content *fyne.Container
	middle  *fyne.Container
	bottom  *fyne.Container
	refresh *button
	first   fyne.Focusable // of a question
	again   fyne.Focusable // of a list that could not be got
}

func newBoard(v view.Spaces) *board {
	b := &board{buttons: map[string]*button{}}
	b.entry = newEntry(v.Filter.Text, lang.L("Filter by name, owner or instance type"))
	b.entry.OnChanged = func(string) { b.choose() }
	b.entry.down = b.toList
	b.domain, b.owner = newChoice(nil, -1, nil), newChoice(nil, -1, nil)
	for _, c := range []*choice{b.domain, b.owner} {
		c.OnChanged = func(string) { b.choose() }
	}
	b.list = newSpaceList(b)
	b.domain.Selected, b.owner.Selected = v.Filter.Domain, v.Filter.Owner
	return b
}

func (b *board) wish(do, key string) { b.act.Wish(view.Wish{Do: do, Key: key}) }

// escape empties the filter first.
func (b *board) escape() {
	if b.entry.Text != "" {
		b.entry.SetText("")
		return
	}
	b.act.Close()
}

// button is one of the page, with a key of its own.
func (b *board) button(key, text string, importance widget.Importance, tapped func()) *button {
	w := b.buttons[key]
	if w == nil {
		w = newButton(text, importance, tapped, b.act.Close)
		b.buttons[key] = w
	}
	w.Text, w.Importance, w.OnTapped, w.escape = text, importance, tapped, b.act.Close
	w.Refresh()
	return w
}

// options offers the domains and owners that there are. What is chosen stays
// chosen, even where it has gone.
func (b *board) options() {
	offer := func(c *choice, all string, of func(view.SpaceRow) string) {
		var options []string
		for _, r := range b.v.Rows {
			if text := literal(of(r), maxName); text != "" {
				options = append(options, text)
			}
		}
		slices.Sort(options)
		options = slices.Compact(options)
		if c.Selected != "" && c.Selected != all && !slices.Contains(options, c.Selected) {
			options = append(options, c.Selected)
		}
		c.Options = append([]string{all}, options...)
		if c.Selected == "" {
			c.Selected = all
		}
		c.Refresh()
	}
	offer(b.domain, lang.L("All domains"), func(r view.SpaceRow) string { return r.Domain })
	offer(b.owner, lang.L("All user profiles"), func(r view.SpaceRow) string { return r.Owner })
}

// filter is what is filtered by now.
func (b *board) filter() view.SpaceFilter {
	f := view.SpaceFilter{Text: strings.ToLower(strings.TrimSpace(b.entry.Text))}
	if b.domain.SelectedIndex() > 0 {
		f.Domain = b.domain.Selected
	}
	if b.owner.SelectedIndex() > 0 {
		f.Owner = b.owner.Selected
	}
	return f
}

// choose looks which rows fit, and shows them and what can be done.
func (b *board) choose() {
	f := b.filter()
	b.shown = b.shown[:0]
	at := -1
	for i, r := range b.v.Rows {
		if !fits(r, f) {
			continue
		}
		if r.Key == b.chosen {
			at = len(b.shown)
		}
		b.shown = append(b.shown, i)
	}
	b.list.choose(at)
	b.middle.Objects = []fyne.CanvasObject{aligned(b.list)}
	if len(b.shown) == 0 {
		b.middle.Objects = []fyne.CanvasObject{container.New(stacked{}, b.empty()...)}
	}
	b.bottom.Objects = b.actions()
	b.content.Refresh()
}

// fits reports whether a row is one of those that are filtered for.
func fits(r view.SpaceRow, f view.SpaceFilter) bool {
	if f.Domain != "" && literal(r.Domain, maxName) != f.Domain || f.Owner != "" && literal(r.Owner, maxName) != f.Owner {
		return false
	}
	for _, text := range []string{r.Name, r.Owner, r.Domain, r.App, r.Instance, string(r.Status)} {
		if strings.Contains(strings.ToLower(text), f.Text) {
			return true
		}
	}
	return false
}

// where is the line under the title: where was looked, and how many there are.
func (b *board) where() fyne.CanvasObject {
	v := b.v
	data := map[string]any{"Region": literal(v.Region, maxWord), "N": len(v.Rows) + v.More, "Found": v.Found, "Hidden": v.Hidden, "Shown": len(v.Rows), "Whose": literal(v.Whose, maxWord)}
	switch {
	case v.Loading && v.Found > 0:
		return working(lang.L("Listing the spaces in {{.Region}}: {{.Found}} so far…", data))
	case v.Loading && v.Region != "":
		return working(lang.L("Listing the spaces in {{.Region}}…", data))
	case v.Loading:
		return working(lang.L("Looking for credentials…"))
	case v.Problem != nil:
		return apart(0)
	}
	line := lang.L("Region {{.Region}}. Spaces: {{.N}}.", data)
	if v.More > 0 {
		line += " " + lang.L("The first {{.Shown}} are listed; “spacehatch spaces --domain …” chooses others.", data)
	}
	if v.Whose != "" {
		line += " " + lang.L("Only those of {{.Whose}}.", data)
	}
	if v.Hidden == 0 && v.Whose == "" {
		return quiet(line)
	}
	text := lang.L("Show everybody's")
	if v.Hidden > 0 {
		text = lang.L("Show {{.Hidden}} more", data)
	}
	all := b.button("all", text, widget.LowImportance, func() { b.wish(view.ListAll, "") })
	return container.New(columns{right: 170}, apart(0), quiet(line), aligned(all))
}

// empty says why there is no row, and what to do.
func (b *board) empty() []fyne.CanvasObject {
	v := b.v
	again := b.button("again", lang.L("Try again"), widget.HighImportance, func() { b.wish(view.ListAgain, "") })
	able(!v.Loading, again)
	b.again = again
	buttons := container.NewHBox(again)
	var all []fyne.CanvasObject
	switch {
	case v.Problem != nil:
		all = append(all, heading(told(v.Problem.Sentence)))
		if v.Problem.Hint != "" {
			all = append(all, body(told(v.Problem.Hint)))
		}
		if v.Problem.Paste != "" {
			all = append(all, apart(4), monospace(v.Problem.Paste))
			buttons.Add(b.button("paste", lang.L("Copy statement"), widget.MediumImportance, func() { b.act.Copy(v.Problem.Paste) }))
		}
		if v.Problem.SignIn != "" {
			again.Importance = widget.MediumImportance
			buttons.Add(b.button("sign-in", lang.L("Sign in"), widget.HighImportance, func() { b.wish(view.SignInFirst, "") }))
		} else if command := signIn(*v.Problem); command != "" {
			buttons.Add(b.button("command", lang.L("Copy command"), widget.MediumImportance, func() { b.act.Copy(command) }))
		}
	case len(v.Rows) > 0:
		all = append(all, heading(lang.L("No space fits the filter.")))
		buttons.Objects = []fyne.CanvasObject{b.button("clear", lang.L("Clear the filter"), widget.MediumImportance, b.clear)}
	case v.Loading:
		return nil
	default:
		all = append(all, heading(lang.L("There is no space here that you can see.")),
			body(lang.L("Make one in Studio, or look elsewhere: “spacehatch spaces --window --region …” and --profile choose where.")))
	}
	return append(all, apart(8), roomy(buttons))
}

// clear empties the filters.
func (b *board) clear() {
	b.domain.Selected, b.owner.Selected = b.domain.Options[0], b.owner.Options[0]
	b.domain.Refresh()
	b.owner.Refresh()
	b.entry.SetText("")
	b.choose()
	b.toCanvas(b.entry)
}

// row is the one that is chosen; ok is false where none is, or one that cannot be
// seen: nobody is to stop what they do not look at.
func (b *board) row() (r view.SpaceRow, ok bool) {
	i := slices.IndexFunc(b.shown, func(i int) bool { return b.v.Rows[i].Key == b.chosen })
	if i < 0 {
		return r, false
	}
	return b.v.Rows[b.shown[i]], true
}

// actions is what can be done with the row that is chosen, or the question that
// waits.
func (b *board) actions() []fyne.CanvasObject {
	if b.v.Question != nil {
		return b.question(*b.v.Question)
	}
	if len(b.v.Rows) == 0 {
		return nil
	}
	r, ok := b.row()
	var info []fyne.CanvasObject
	name := lang.L("Choose a space.")
	if len(b.shown) < len(b.v.Rows) {
		name = lang.L("Fit the filter: {{.N}}.", map[string]any{"N": len(b.shown)})
	}
	if ok {
		name = literal(r.Name, maxTitle)
		if r.Problem != nil {
			info = append(failure(*r.Problem), apart(4))
		}
	}
	bar := container.NewHBox()
	can := canDo(r)
	offer := func(do, text string, importance widget.Importance, can bool) {
		w := b.button(do, text, importance, func() { b.wish(do, r.Key) })
		able(ok && can, w)
		bar.Add(w)
	}
	switch {
	case ok && r.Doing != "":
		offer(view.CancelSpace, lang.L("Cancel"), widget.MediumImportance, r.Doing != view.ConnectSpace)
	default:
		if r.Connected {
			offer(view.ShowDetails, lang.L("Details"), widget.MediumImportance, true)
		}
		offer(view.StopSpace, lang.L("Stop"), widget.MediumImportance, can.stop)
		offer(view.StartSpace, lang.L("Start"), widget.MediumImportance, can.start)
		offer(view.ConnectSpace, lang.L("Connect"), widget.HighImportance, can.connect)
	}
	label := widget.NewLabel(name)
	label.Truncation = fyne.TextTruncateEllipsis
	if ok {
		label.TextStyle.Bold = true
	} else {
		label.Importance = widget.LowImportance
	}
	return append(append([]fyne.CanvasObject{apart(6)}, info...), container.NewBorder(nil, nil, nil, roomy(bar), container.NewVBox(layout.NewSpacer(), label, layout.NewSpacer())))
}

// possible says what can be asked for.
type possible struct{ start, stop, connect bool }

// canDo is what can be asked for a space; what comes of it is not known here.
func canDo(r view.SpaceRow) possible {
	switch r.Status {
	case view.SpaceRunning:
		return possible{stop: true, connect: true}
	case view.SpaceStopped, view.SpaceFailed:
		return possible{start: true, connect: true}
	case view.SpaceStarting:
		return possible{stop: true, connect: true}
	case view.SpaceDeleting:
		return possible{}
	}
	return possible{connect: true}
}

// question stands where the actions stand otherwise.
func (b *board) question(q view.SpaceQuestion) []fyne.CanvasObject {
	answer := func(c view.Choice) func() {
		return func() { b.act.Wish(view.Wish{Do: view.AnswerSpace, Key: q.Key, Value: string(c)}) }
	}
	words := map[string]string{view.StopSpace: lang.L("Stop"), view.StartSpace: lang.L("Start")}
	word, importance := words[q.Yes], widget.HighImportance
	if word == "" {
		word = lang.L("Go on")
	}
	if q.Change.Cautious {
		importance = widget.DangerImportance
	}
	leave := b.button("no "+q.Key, lang.L("Cancel"), widget.MediumImportance, answer(view.No))
	yes := b.button("yes "+q.Key, word, importance, answer(view.Yes))
	if b.first = yes; q.Change.Cautious {
		b.first = leave
	}
	all := append([]fyne.CanvasObject{apart(4), aligned(widget.NewSeparator()), apart(4), heading(literal(q.Change.Title, maxTitle))}, paragraphs(q.Change.Text)...)
	return append(all, apart(4), roomy(container.NewHBox(leave, layout.NewSpacer(), yes)))
}

// toList gives the keyboard to the list.
func (b *board) toList() {
	if len(b.shown) > 0 {
		b.toCanvas(b.list)
		if _, ok := b.row(); !ok {
			b.list.Select(0)
		}
	}
}

func (b *board) toCanvas(o fyne.Focusable) {
	if canvas := fyne.CurrentApp().Driver().CanvasForObject(b.content); canvas != nil {
		canvas.Focus(o)
	}
}

// filterRow lays out the filters: the text takes what the choices leave.
type filterRow struct{}

func (filterRow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	const gap = 8
	width := (size.Width - 2*gap) / 2
	rest := width / 2
	for i, o := range objects {
		x, w := float32(0), width
		if i > 0 {
			x, w = width+gap+float32(i-1)*(rest+gap), rest
		}
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(w, size.Height))
	}
}

func (filterRow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return fyne.NewSize(300, size.Height)
}
