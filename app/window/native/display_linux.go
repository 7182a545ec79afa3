package native

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// reachable is how long the display may take to accept a connection.
const reachable = 3 * time.Second

// Probe returns a problem of code [NoDisplay] where no window can be opened.
// lookup reads the environment ([os.LookupEnv]).
func Probe(ctx context.Context, lookup func(string) (string, bool)) error {
	ctx, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	env := func(name string) string {
		value, _ := lookup(name)
		return value
	}
	if name := env("WAYLAND_DISPLAY"); wayland && name != "" {
		if !filepath.IsAbs(name) {
			name = filepath.Join(env("XDG_RUNTIME_DIR"), name)
		}
		if dial(ctx, "unix", name) == nil {
			return nil
		}
	}
	display := env("DISPLAY")
	if display == "" {
		return noDisplay("There is no display to open a window on.", nil)
	}
	if err := reachX(ctx, display); err != nil {
		return noDisplay("The display "+strconv.QuoteToASCII(display)+" cannot be reached.", err)
	}
	return nil
}

// reachX connects to the X server of a display, written [host]:number[.screen]
// (X(7), "DISPLAY NAMES").
func reachX(ctx context.Context, display string) error {
	colon := strings.LastIndexByte(display, ':')
	if colon < 0 {
		return strconv.ErrSyntax
	}
	host := strings.TrimPrefix(display[:colon], "unix")
	number, _, _ := strings.Cut(display[colon+1:], ".")
	n, err := strconv.ParseUint(number, 10, 15)
	if err != nil {
		return err
	}
	if host != "" && !strings.HasPrefix(host, "/") {
		return dial(ctx, "tcp", net.JoinHostPort(host, strconv.FormatUint(6000+n, 10)))
	}
	path := "/tmp/.X11-unix/X" + number
	if err := dial(ctx, "unix", "@"+path); err == nil {
		return nil
	}
	return dial(ctx, "unix", path)
}

func dial(ctx context.Context, network, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}
