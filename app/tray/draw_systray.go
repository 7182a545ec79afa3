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
	wait.Go(func() {
		if err := session.stayShown(ctx); err != nil {
			t.Log.Warn("a panel that comes later may not show the tray", "error", err)
		}
	})
	made, started, over := make(chan *drawing, 1), make(chan struct{}), make(chan struct{})
	wait.Go(func() {
		defer close(over)
		<-started
		d := <-made
		l := t.newLoop(d.draw, systray.TrayOpenedCh)
		wait.Go(func() { d.listen(ctx, l.clicks) })
		result = l.run(ctx)
		cancel()
	})
	runLibrary(func() { made <- newDrawing() }, started, over)
	cancel()
	wait.Wait()
	return result
}

// drawing is the icon and the menu as the system has them.
type drawing struct {
	mu                           sync.Mutex // draw against listen
	connections, spaces, program []*slot
	all                          []*clickable
	icon                         Icon
	tooltip                      string
}

// clickable is a line with what it is a line of.
type clickable struct {
	slot *slot
	item *systray.MenuItem
	dot  Dot
}

func newDrawing() *drawing {
	nameItem("Spacehatch")
	d := &drawing{}
	add := func(parent *systray.MenuItem) *slot {
		c := &clickable{}
		if parent == nil {
			c.item = systray.AddMenuItem("", "")
		} else {
			c.item = parent.AddSubMenuItem("", "")
		}
		c.slot = &slot{line: c}
		c.item.Hide()
		d.all = append(d.all, c)
		return c.slot
	}
	withLines := func(lines int) *slot {
		s := add(nil)
		parent := d.all[len(d.all)-1].item
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

// draw shows a state.
func (d *drawing) draw(s State, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	menu := s.Menu(now, time.Local)
	put(d.connections, menu.Connections)
	put(d.spaces, menu.Spaces)
	put(d.program, menu.Program)
	if icon := s.Icon(); icon != d.icon {
		d.icon = icon
		inSession(func() { systray.SetIcon(picture(string(icon))) })
	}
	if text := s.Tooltip(); text != d.tooltip {
		d.tooltip = text
		inSession(func() { systray.SetTooltip(text) })
	}
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

// listen gives each click its meaning, until ctx is done.
func (d *drawing) listen(ctx context.Context, clicks chan<- Action) {
	var wait sync.WaitGroup
	for _, c := range d.all {
		wait.Go(func() {
			for {
				select {
				case <-c.item.ClickedCh:
				case <-ctx.Done():
					return
				}
				d.mu.Lock()
				action := c.slot.action
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
		})
	}
	wait.Wait()
}

// set implements line.
func (c *clickable) set(label string, dot Dot, enabled bool) {
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
func (c *clickable) show() { c.item.Show() }

// hide implements line.
func (c *clickable) hide() { c.item.Hide() }
