package tray

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"
)

// session is our seat at the desktop's session bus: it ends with the session.
type session struct{ conn *dbus.Conn }

// joinSession connects to the session bus. It starts none: where there is no
// bus there is no desktop.
func joinSession() (*session, error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err := conn.Auth(nil); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if err := conn.Hello(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return &session{conn}, nil
}

// The Status Notifier Item specification's watcher, to which an icon is told.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
	itemPath    = "/StatusNotifierItem"
)

// stayShown tells every panel that appears of the icon, until ctx is done. The
// library does so too, but not of a panel that appears between its first
// attempt and the moment at which it listens for others. Each that appears is
// told to panels too.
func (s *session) stayShown(ctx context.Context, panels chan<- struct{}) error {
	err := s.conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	if err != nil {
		return fmt.Errorf("listen for panels: %w", err)
	}
	signals := make(chan *dbus.Signal, 8)
	s.conn.Signal(signals)
	for {
		select {
		case signal, open := <-signals:
			if !open {
				return nil
			}
			if len(signal.Body) != 3 { // name, old and new owner
				continue
			}
			if owner, _ := signal.Body[2].(string); owner != "" {
				select {
				case panels <- struct{}{}:
				default:
				}
				tellPanel(ctx)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// tellPanel registers the icon, unless the library was faster. It does so on
// the library's own connection: for a panel that is the same icon then. A
// panel that does not answer has gone again, and the next one is told anew.
func tellPanel(ctx context.Context) {
	conn, err := dbus.SessionBus()
	if err != nil {
		return
	}
	panel := conn.Object(watcherName, watcherPath)
	var known []string
	_ = panel.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		watcherName, "RegisteredStatusNotifierItems").Store(&known)
	item := fmt.Sprintf("org.kde.StatusNotifierItem-%d-", os.Getpid())
	if !slices.ContainsFunc(known, func(name string) bool {
		return strings.HasPrefix(name, conn.Names()[0]+itemPath) || strings.HasPrefix(name, item)
	}) {
		_ = panel.CallWithContext(ctx, watcherName+".RegisterStatusNotifierItem", 0, itemPath).Err
	}
}

// hasHost reports whether somebody shows tray icons now.
func (s *session) hasHost() bool {
	ctx, cancel := context.WithTimeout(s.conn.Context(), 5*time.Second)
	defer cancel()
	var has bool
	err := s.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0,
		watcherName).Store(&has)
	return err == nil && has
}

// over is closed when the session ends.
func (s *session) over() <-chan struct{} { return s.conn.Context().Done() }

func (s *session) leave() { _ = s.conn.Close() }

// runLibrary runs the library until over is closed. draw is called once, before
// somebody sees the icon; started is closed when the library takes changes of
// it. Before that it loses them: it puts its icon on the bus, and only later
// looks whether there is a bus to put another one on.
func runLibrary(draw func(), started chan<- struct{}, over <-chan struct{}) {
	start, end := systray.RunWithExternalLoop(draw, nil)
	start()
	close(started)
	<-over
	end()
}

// nameItem says whose icon it is, to panels that list or sort them.
func nameItem(name string) { inSession(func() { systray.SetTitle(name) }) }
