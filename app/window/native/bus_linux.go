package native

import "github.com/godbus/dbus/v5"

const variableBus = "DBUS_SESSION_BUS_ADDRESS" // dbus-daemon(1)

// StartNoBus keeps the toolkit from starting a session bus where there is none,
// as with a display that came along through ssh: it would stay after the window,
// with a folder in the home that no uninstall knows. What is started after leave
// finds things as they were.
func StartNoBus() (leave func()) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err == nil {
		_ = conn.Close()
		return func() {}
	}
	return set(variableBus, "disabled:") // an address that leads nowhere
}
