package stage

import (
	"context"
	"fmt"
	"image"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Programs tell screen readers what they show, by AT-SPI2 on a bus of its own.
// So a test finds a button by its name, as a person does, and not by where some
// version of a program draws it. Fyne's windows tell nothing.
const (
	accessName     = "org.a11y.Bus"
	accessPath     = "/org/a11y/bus"
	accessRegistry = "org.a11y.atspi.Registry"
	accessRoot     = "/org/a11y/atspi/accessible/root"
	accessible     = "org.a11y.atspi.Accessible"
	component      = "org.a11y.atspi.Component"
)

// The roles of parts of a window, as AT-SPI2 names them.
const (
	RoleButton = "push button"
	RoleWindow = "toggle button" // in the panel's list of windows
)

// Part is a part of a window that somebody can see.
type Part struct {
	Role, Name string
	At         image.Rectangle // on the screen
}

func (p Part) String() string { return fmt.Sprintf("%s %q at %v", p.Role, p.Name, p.At) }

// joinAccess connects to the bus of screen readers, which starts with it.
func (d *Desktop) joinAccess(ctx context.Context) error {
	var address string
	if err := d.bus.Object(accessName, accessPath).CallWithContext(ctx, accessName+".GetAddress", 0).Store(&address); err != nil {
		return fmt.Errorf("the bus of screen readers did not start (Debian: at-spi2-core): %w", err)
	}
	conn, err := dbus.Connect(address, dbus.WithContext(context.WithoutCancel(ctx)))
	d.access = conn
	return err
}

// reference names a part on the bus.
type reference struct {
	Name string
	Path dbus.ObjectPath
}

// mostDeep is how deep parts are looked for: a browser's pages are the deepest.
const mostDeep = 30

// Parts returns the parts of that role and name that are to be seen; an empty
// one is any, and a name that ends in … is the beginning of one. A program that
// comes or goes meanwhile is passed over.
func (d *Desktop) Parts(ctx context.Context, role, name string) []Part {
	start, cut := strings.CutSuffix(name, "…")
	var found []Part
	var walk func(r reference, deep int)
	walk = func(r reference, deep int) {
		object := d.access.Object(r.Name, r.Path)
		var children []reference
		if err := object.CallWithContext(ctx, accessible+".GetChildren", 0).Store(&children); err != nil {
			return
		}
		if deep < mostDeep {
			for _, child := range children {
				walk(child, deep+1)
			}
		}
		var p Part
		_ = object.CallWithContext(ctx, accessible+".GetRoleName", 0).Store(&p.Role)
		if v, err := object.GetProperty(accessible + ".Name"); err == nil {
			p.Name, _ = v.Value().(string)
		}
		if role != "" && p.Role != role || name != "" && p.Name != name && (!cut || !strings.HasPrefix(p.Name, start)) {
			return
		}
		var at struct{ X, Y, Width, Height int32 }
		const ofTheScreen = uint32(0)
		_ = object.CallWithContext(ctx, component+".GetExtents", 0, ofTheScreen).Store(&at)
		p.At = image.Rect(int(at.X), int(at.Y), int(at.X+at.Width), int(at.Y+at.Height))
		if !p.At.Empty() {
			found = append(found, p)
		}
	}
	walk(reference{accessRegistry, accessRoot}, 0)
	return found
}

// Await waits until a part of that role and name is to be seen, and returns it.
func (d *Desktop) Await(ctx context.Context, role, name string) (Part, error) {
	var found []Part
	err := Until(ctx, func() (bool, error) {
		found = d.Parts(ctx, role, name)
		return len(found) > 0, nil
	})
	if err != nil {
		return Part{}, fmt.Errorf("no %s %q is to be seen: %w", role, name, err)
	}
	return found[0], nil
}

// Click moves the pointer to a point of the screen and presses the left button.
func (d *Desktop) Click(ctx context.Context, at image.Point) error {
	return run(d.person.Command(ctx, "xdotool", "mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y), "click", "1"))
}

// Press presses keys, one after the other, named as in X11's keysymdef.h.
func (d *Desktop) Press(ctx context.Context, keys ...string) error {
	return run(d.person.Command(ctx, "xdotool", append([]string{"key"}, keys...)...))
}

// browser is Chromium without what it asks or tells at its first start. It has
// no sandbox, since those of a container and of a browser do not go together.
var browser = []string{
	"--no-sandbox", "--test-type", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-breakpad",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--password-store=basic",
	"--force-renderer-accessibility", "--window-position=20,60", "--window-size=1000,700",
}

// Browse shows an address in Chromium, in a window without a bar for addresses.
// The browser ends with the desktop.
func (d *Desktop) Browse(ctx context.Context, address string) error {
	chromium, profile, err := d.chromium()
	if err != nil {
		return err
	}
	cmd := d.person.Command(context.WithoutCancel(ctx), chromium, append(browser, "--user-data-dir="+profile, "--app="+address)...)
	cmd.Env = append(cmd.Env, "ACCESSIBILITY_ENABLED=1", "BREAKPAD_DUMP_LOCATION="+profile)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // Close ends it
	return nil
}

// chromium returns the browser's path and makes the person's folder for it.
func (d *Desktop) chromium() (program, profile string, err error) {
	if program, err = exec.LookPath("chromium"); err != nil {
		return "", "", fmt.Errorf("%w: it is in Debian's package chromium", err)
	}
	profile = filepath.Join(d.folder, "browser")
	return program, profile, d.person.Own(profile)
}

// HasBrowser makes Chromium what the desktop opens addresses with, in the
// person's own settings. The browser ends with the desktop.
func (d *Desktop) HasBrowser(ctx context.Context) error {
	program, profile, err := d.chromium()
	if err != nil {
		return err
	}
	const name = "tests-browser.desktop"
	entry := "[Desktop Entry]\nType=Application\nName=Browser\nMimeType=x-scheme-handler/http;x-scheme-handler/https;\n" +
		"Exec=" + strings.Join(append(append([]string{program}, browser...), "--user-data-dir="+profile, "%U"), " ") + "\n"
	write := d.person.Command(ctx, "sh", "-c", `mkdir -p "$HOME/.local/share/applications" && cat > "$HOME/.local/share/applications/$1"`, "sh", name)
	write.Stdin = strings.NewReader(entry)
	for _, cmd := range []*exec.Cmd{write, d.person.Command(ctx, "xdg-mime", "default", name, "x-scheme-handler/http", "x-scheme-handler/https")} {
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make Chromium the browser: %w: %s", err, said)
		}
	}
	return nil
}
