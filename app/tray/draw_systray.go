//go:build linux || windows || (darwin && cgo)

package tray

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"fyne.io/systray"
)

// Supported says that this build can have a tray.
const Supported = true

// The lines of the drawn menu; see slot.
const (
	connectionLines = 10 // in a connection's submenu
	spaceLines      = MaxRecent + 1
	programLines    = 4
	quitLines       = 2
)

// Run shows the tray until ctx is done, the person quits or the session of the
// desktop ends; nil then. It returns [ErrUnsupported] where this session can
// have no tray. A panel that is not there, or comes and goes, is no error: the
// icon is in each one that appears.
//
// It must be called in the main goroutine, once in a process: some systems
// draw in the first thread only.
func (t *Tray) Run(ctx context.Context) error {
	session, err := joinSession()
	if err != nil {
		return err
	}
	defer session.leave()
	if !session.hasHost() {
		t.Log.Info("no panel shows the tray yet")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait   sync.WaitGroup
		result error
	)
	wait.Go(func() {
		select {
		case <-session.over():
			cancel()
		case <-ctx.Done():
		}
	})
	panels := make(chan struct{}, 1)
	wait.Go(func() {
		if err := session.stayShown(ctx, panels); err != nil {
			t.Log.Warn("a panel that comes later may not show the tray", "error", err)
		}
	})
	made, started, over := make(chan *drawing, 1), make(chan struct{}), make(chan struct{})
	wait.Go(func() {
		defer close(over)
		select {
		case <-started:
		case <-ctx.Done():
			return
		}
		d := <-made
		opened := make(chan struct{}, 1)
		l := t.newLoop(d.draw, opened)
		wait.Go(func() { pass(ctx, systray.TrayOpenedCh, opened) })
		hear := func(lines []*clickable) {
			for _, c := range lines {
				item := c.item
				wait.Go(func() { d.hear(ctx, c.slot, item, l.clicks) })
			}
		}
		hear(d.all)
		wait.Go(func() { d.renewFor(ctx, panels, hear) })
		result = l.run(ctx)
		cancel()
	})
	runLibrary(func() { made <- newDrawing() }, started, over)
	cancel()
	wait.Wait()
	return result
}

// pass keeps what the library tells until the loop has time for it: it tells
// only who waits at that moment.
func pass(ctx context.Context, from <-chan struct{}, to chan<- struct{}) {
	for {
		select {
		case <-from:
			select {
			case to <- struct{}{}:
			default: // one is enough
			}
		case <-ctx.Done():
			return
		}
	}
}

// drawing is the icon and the menu as the system has them.
type drawing struct {
	mu                           sync.Mutex // draw and renew against hear
	connections, spaces, program []*slot
	all                          []*clickable
	icon                         Icon
	tooltip                      string
	state                        State // drawn last
}

// clickable is a line with what it is a line of.
type clickable struct {
	slot   *slot
	parent *clickable        // of a line of a submenu
	item   *systray.MenuItem // nil while the line is taken out
	dot    Dot
}

func newDrawing() *drawing {
	nameItem("Spacehatch")
	d := &drawing{}
	add := func(parent *clickable) *slot {
		c := &clickable{parent: parent}
		c.slot = &slot{line: c}
		c.put()
		d.all = append(d.all, c)
		return c.slot
	}
	withLines := func(lines int) *slot {
		s := add(nil)
		parent := d.all[len(d.all)-1]
		for range lines {
			s.sub = append(s.sub, add(parent))
		}
		return s
	}
	d.connections = append(d.connections, add(nil)) // "none is connected"
	for range MaxConnections {
		d.connections = append(d.connections, withLines(connectionLines))
	}
	d.connections = append(d.connections, add(nil)) // "and more"
	systray.AddSeparator()
	for range spaceLines {
		d.spaces = append(d.spaces, add(nil))
	}
	systray.AddSeparator()
	for range programLines {
		d.program = append(d.program, add(nil))
	}
	d.program = append(d.program, withLines(quitLines))
	d.draw(State{}, time.Now())
	return d
}

// put adds a line to the system's menu, hidden.
func (c *clickable) put() {
	if c.parent == nil {
		c.item = systray.AddMenuItem("", "")
	} else {
		c.item = c.parent.item.AddSubMenuItem("", "")
	}
	c.item.Hide()
}

// renewAfter is how long a panel has for the menu without submenus.
const renewAfter = time.Second

// renewFor takes the submenus out when a panel has come and puts new ones in a
// moment later, until ctx is done. Panels that are built on libdbusmenu-gtk
// show a submenu without lines where they learn of it and its lines at once.
// The library sees to that for the first panel only. New lines are given to
// hear.
func (d *drawing) renewFor(ctx context.Context, panels <-chan struct{}, hear func([]*clickable)) {
	timer := time.NewTimer(renewAfter)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-panels:
			d.takeOut()
			timer.Reset(renewAfter)
		case <-timer.C:
			hear(d.putIn())
		case <-ctx.Done():
			return
		}
	}
}

// takeOut removes the lines of all submenus.
func (d *drawing) takeOut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.all {
		if c.parent != nil && c.item != nil {
			c.item.Remove()
			c.item, c.dot = nil, ""
		}
	}
}

// putIn adds them anew and returns them.
func (d *drawing) putIn() (all []*clickable) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.all {
		if c.parent != nil && c.item == nil {
			c.put()
			c.slot.shown = false // and so it is drawn
			all = append(all, c)
		}
	}
	d.drawLines(time.Now())
	return all
}

// draw shows a state.
func (d *drawing) draw(s State, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = s
	d.drawLines(now)
	if icon := s.Icon(); icon != d.icon {
		d.icon = icon
		inSession(func() { systray.SetIcon(picture(string(icon))) })
	}
	if text := s.Tooltip(); text != d.tooltip {
		d.tooltip = text
		inSession(func() { systray.SetTooltip(text) })
	}
}

// drawLines draws the menu of the state.
func (d *drawing) drawLines(now time.Time) {
	menu := d.state.Menu(now, time.Local)
	put(d.connections, menu.Connections)
	put(d.spaces, menu.Spaces)
	put(d.program, menu.Program)
}

// inSession runs a call of the library's that panics where the session bus has
// just gone. That is no fault of ours: the tray ends with the session, as soon
// as it hears of it.
func inSession(call func()) {
	defer func() {
		switch gone := recover().(type) {
		case nil:
		case runtime.Error:
			panic(gone)
		case error:
			slog.Debug("the tray's item could not be changed", "error", gone)
		default:
			panic(gone)
		}
	}()
	call()
}

// hear gives each click on a line its meaning, until the line is taken out or
// ctx is done.
func (d *drawing) hear(ctx context.Context, line *slot, item *systray.MenuItem, clicks chan<- Action) {
	for {
		select {
		case _, there := <-item.ClickedCh:
			if !there {
				return
			}
		case <-ctx.Done():
			return
		}
		d.mu.Lock()
		action := line.action
		d.mu.Unlock()
		if action.Do == "" {
			continue
		}
		select {
		case clicks <- action:
		case <-ctx.Done():
			return
		}
	}
}

// set implements line.
func (c *clickable) set(label string, dot Dot, enabled bool) {
	if c.item == nil {
		return // drawn when it is put in
	}
	if enabled == c.item.Disabled() {
		if enabled {
			c.item.Enable()
		} else {
			c.item.Disable()
		}
	}
	c.item.SetTitle(label)
	if dot != c.dot {
		c.dot = dot
		c.item.SetIcon(picture(string(dot)))
	}
}

// show implements line.
func (c *clickable) show() {
	if c.item != nil {
		c.item.Show()
	}
}

// hide implements line.
func (c *clickable) hide() {
	if c.item != nil {
		c.item.Hide()
	}
}
