package stage

import (
	"context"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The interfaces of tray icons: Status Notifier Item, and the menu behind it.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
	trayMenu    = "com.canonical.dbusmenu"
	trayPath    = "/StatusNotifierItem/menu"
)

// Trays are the bus names of the icons that the panel knows.
func (d *Desktop) Trays(ctx context.Context) ([]string, error) {
	var items []string
	err := d.bus.Object(watcherName, watcherPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		watcherName, "RegisteredStatusNotifierItems").Store(&items)
	for i, item := range items {
		items[i], _, _ = strings.Cut(item, "/")
	}
	return items, err
}

// layout is a line of the menu as it comes over the bus.
type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Sub   []dbus.Variant
}

// TrayMenu reads the menu of a tray icon: the labels that can be seen, one a
// line, indented by tabs. Those that cannot be chosen are in parentheses.
func (d *Desktop) TrayMenu(ctx context.Context, tray string) (string, error) {
	var (
		revision uint32
		root     layout
		out      strings.Builder
		walk     func(l layout, indent string) error
	)
	walk = func(l layout, indent string) error {
		if visible, ok := l.Props["visible"]; ok && visible.Value() == false {
			return nil
		}
		if label, ok := l.Props["label"].Value().(string); ok && l.ID != 0 {
			if l.Props["enabled"].Value() == false {
				label = "(" + label + ")"
			}
			out.WriteString(indent + label + "\n")
			indent += "\t"
		}
		for _, v := range l.Sub {
			var sub layout
			if err := dbus.Store([]any{v.Value()}, &sub); err != nil {
				return err
			}
			if err := walk(sub, indent); err != nil {
				return err
			}
		}
		return nil
	}
	if err := d.bus.Object(tray, trayPath).CallWithContext(ctx, trayMenu+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		return "", fmt.Errorf("read the tray's menu: %w", err)
	}
	err := walk(root, "")
	return out.String(), err
}
