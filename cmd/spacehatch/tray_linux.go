package main

import (
	"fmt"
	"os"
)

// hasDesktop reports whether this process is in a session with a display and a
// session bus, the two things a tray needs.
func hasDesktop(lookup func(string) (string, bool)) bool {
	set := func(name string) bool {
		value, ok := lookup(name)
		return ok && value != ""
	}
	if !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
		return false
	}
	if set("DBUS_SESSION_BUS_ADDRESS") {
		return true
	}
	_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid()))
	return err == nil
}
