package tray

import (
	"context"
	"fmt"
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

// hasHost reports whether somebody shows tray icons now.
func (s *session) hasHost() bool {
	ctx, cancel := context.WithTimeout(s.conn.Context(), 5*time.Second)
	defer cancel()
	var has bool
	err := s.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0,
		"org.kde.StatusNotifierWatcher").Store(&has)
	return err == nil && has
}

// over is closed when the session ends.
func (s *session) over() <-chan struct{} { return s.conn.Context().Done() }

func (s *session) leave() { _ = s.conn.Close() }

// nameItem says whose icon it is, to panels that list or sort them.
func nameItem(name string) { systray.SetTitle(name) }
