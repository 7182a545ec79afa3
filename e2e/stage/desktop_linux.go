package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// PanelHeight is the height of the panel on the upper edge of the screen.
const PanelHeight = 32

// Desktop is what a person sits in front of: a screen that is a file, a window
// manager, a panel that shows tray icons, and a session bus, all of them their
// own. What is started with the person's Env after [NewDesktop] is on it.
type Desktop struct {
	*Display
	person *Person
	folder string     // what the desktop itself reads and writes
	bus    *dbus.Conn // the session bus
	access *dbus.Conn // the bus of screen readers
	log    *Buffer

	panel    *program
	panelEnv []string
}

// program is one of the desktop's own.
type program struct {
	*os.Process
	ended chan struct{} // closed when it has
}

// desktopTools are the programs that a desktop needs, with the Debian package
// of each.
var desktopTools = [][2]string{
	{"openbox", "openbox"}, {"xfce4-panel", "xfce4-panel"}, {"dbus-daemon", "dbus-daemon"}, {"xdotool", "xdotool"},
}

// NewDesktop starts a desktop for a person, in light or dark colours, and
// returns when its panel is there. It needs to be root.
func NewDesktop(ctx context.Context, p *Person, dark bool) (made *Desktop, err error) {
	for _, tool := range desktopTools {
		if _, err := exec.LookPath(tool[0]); err != nil {
			return nil, fmt.Errorf("%w: it is in Debian's package %s", err, tool[1])
		}
	}
	d := &Desktop{person: p, log: &Buffer{}}
	if d.folder, err = os.MkdirTemp(p.Work, "desktop-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close(), errors.New(d.log.String()))
		}
	}()
	if err := os.Chmod(d.folder, 0o755); err != nil { // for the bus, which reads its configuration
		return nil, err
	}
	if d.Display, err = NewDisplay(d.folder, d.log); err != nil {
		return nil, err
	}
	look := []string{"FYNE_THEME=light", "GTK_THEME=Adwaita"}
	if dark {
		look = []string{"FYNE_THEME=dark", "GTK_THEME=Adwaita:dark"}
	}
	p.Env = append(p.Env, append(look, "DISPLAY="+d.Name, "WAYLAND_DISPLAY=")...)
	if err := d.startBus(ctx); err != nil {
		return nil, err
	}
	if err := d.startShell(ctx, dark); err != nil {
		return nil, err
	}
	return d, d.joinAccess(ctx)
}

// busConfig is that of every session, and lets us look.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <include>/usr/share/dbus-1/session.conf</include>
  <policy context="default"><allow user="root"/></policy>
</busconfig>
`

func (d *Desktop) startBus(ctx context.Context) error {
	file := filepath.Join(d.folder, "bus.conf")
	if err := os.WriteFile(file, []byte(busConfig), 0o644); err != nil {
		return err
	}
	cmd := d.person.Command(context.WithoutCancel(ctx), "dbus-daemon", "--config-file="+file, "--nofork",
		"--print-address=1", "--address=unix:path="+filepath.Join(d.person.Runtime, "bus"))
	cmd.Stderr = d.log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start the session bus: %w", err)
	}
	go func() { _ = cmd.Wait() }() // Close ends it
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the session bus did not start: %w", err)
	}
	address = strings.TrimSpace(address)
	d.person.Env = append(d.person.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
	d.bus, err = dbus.Connect(address, dbus.WithContext(context.WithoutCancel(ctx)))
	return err
}

// startShell starts the window manager and the panel.
func (d *Desktop) startShell(ctx context.Context, dark bool) error {
	folder := filepath.Join(d.folder, "config", "xfce4", "xfconf", "xfce-perchannel-xml")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var err error
	text := fmt.Sprintf(panelChannel, dark, PanelHeight)
	if err := os.WriteFile(filepath.Join(folder, "xfce4-panel.xml"), []byte(text), 0o644); err != nil {
		return err
	}
	// What the panel writes stays out of the person's home, which tests
	// compare. Its server is started by the bus, so the bus has to know.
	config := "XDG_CONFIG_HOME=" + filepath.Join(d.folder, "config")
	if err := d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.UpdateActivationEnvironment", 0,
		map[string]string{"XDG_CONFIG_HOME": filepath.Join(d.folder, "config")}).Err; err != nil {
		return err
	}
	cache := filepath.Join(d.folder, "cache")
	if err := d.person.Own(cache); err != nil {
		return err
	}
	d.panelEnv = []string{config, "XDG_CACHE_HOME=" + cache}
	if _, err = d.start(ctx, "openbox"); err != nil {
		return err
	}
	return d.startPanel(ctx)
}

// start starts a program of the desktop's own, which Close ends.
func (d *Desktop) start(ctx context.Context, name string, args ...string) (*program, error) {
	cmd := d.person.Command(context.WithoutCancel(ctx), name, args...)
	cmd.Env = append(cmd.Env, d.panelEnv...)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &program{cmd.Process, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ends says nothing
		close(p.ended)
	}()
	return p, nil
}

// startPanel starts the panel and waits until it shows tray icons.
func (d *Desktop) startPanel(ctx context.Context) (err error) {
	if d.panel, err = d.start(ctx, "xfce4-panel", "--disable-wm-check"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	if err := Until(ctx, func() (there bool, err error) {
		err = d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&there)
		return there, err
	}); err != nil {
		return fmt.Errorf("the panel did not come up: %w", err)
	}
	return nil
}

// RestartPanel ends the panel and starts it anew, as after an update.
func (d *Desktop) RestartPanel(ctx context.Context) error {
	if err := d.panel.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-d.panel.ended: // before that another one takes itself for too many
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.startPanel(ctx)
}

// panelChannel is a panel with the list of windows, and the tray at its end. It
// has no clock: a picture of it is the same at any time. What it leaves open is
// whether it is dark, and its height.
const panelChannel = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="%t"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="%d"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="tasklist"/>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray"/>
  </property>
</channel>
`

// Log is what the desktop's own programs have said.
func (d *Desktop) Log() string { return d.log.String() }

// Close ends the desktop. The programs that are tried, and ssh, are left where
// they still run: that is for the person's Close to tell.
func (d *Desktop) Close() error {
	for _, conn := range []*dbus.Conn{d.access, d.bus} {
		if conn != nil {
			_ = conn.Close()
		}
	}
	var fails []error
	if d.Display != nil {
		fails = append(fails, d.endPrograms(), d.Display.Close())
	}
	return errors.Join(append(fails, os.RemoveAll(d.folder))...)
}

// started reports whether a process belongs to the desktop. The browser's write
// over their environment.
func (d *Desktop) started(p Process) bool {
	program, _, _ := strings.Cut(p.Args, " ")
	if strings.HasPrefix(program, d.person.bin+"/") || filepath.Base(strings.TrimSuffix(program, ":")) == "ssh" {
		return false
	}
	return strings.Contains(p.Environ+"\n", "DISPLAY="+d.Name+"\n") || strings.Contains(program, "/chromium/")
}

// endPrograms ends the bus, the panel, the window manager and what they have
// started.
func (d *Desktop) endPrograms() error {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	var left []Process
	err := Until(ctx, func() (bool, error) {
		all, err := d.person.Processes()
		left = left[:0]
		for _, each := range all {
			if d.started(each) {
				left = append(left, each)
				if err := syscall.Kill(each.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					return false, err
				}
			}
		}
		return len(left) == 0, err
	})
	if err != nil {
		return fmt.Errorf("end the desktop: %v: %w", left, err)
	}
	return nil
}
