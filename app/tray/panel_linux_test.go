package tray

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	item     = "org.kde.StatusNotifierItem"
	dbusmenu = "com.canonical.dbusmenu"
	menuPath = "/StatusNotifierItem/menu"
)

// TestMain lets the test binary be a tray: one process can have one only.
func TestMain(m *testing.M) {
	if os.Getenv("SPACEHATCH_TEST_TRAY") == "" {
		os.Exit(m.Run())
	}
	remote := remote{json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)}
	t := Tray{Source: remote, Actor: remote, Notifier: remote, Log: slog.New(slog.DiscardHandler)}
	err := t.Run(context.Background())
	switch {
	case errors.Is(err, ErrUnsupported):
		os.Exit(3)
	case err != nil:
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// remote is a world at the other end of two pipes.
type remote struct {
	in  *json.Decoder
	out *json.Encoder
}

func (r remote) Follow(ctx context.Context, f func(Snapshot)) error {
	over := make(chan struct{})
	go func() { // ends with the pipe, or with the process
		defer close(over)
		for shot := (Snapshot{}); r.in.Decode(&shot) == nil; shot = (Snapshot{}) {
			f(shot)
		}
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

func (r remote) Figures(context.Context) ([]Tunnel, error) {
	fast := tunnelOf(research, Connected)
	fast.RTT = 1e6
	return []Tunnel{fast}, nil
}

func (r remote) Act(_ context.Context, a Action) error              { return r.out.Encode(a) }
func (r remote) Notify(context.Context, Notice, func(Action)) error { return nil }

// newBus starts a session bus for one test and makes it the bus of everybody
// in it.
func newBus(t *testing.T) (end func()) {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--print-address=1", "--nofork")
	cmd.Env = append(os.Environ(), "XDG_DATA_DIRS="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir()) // nobody is started by name
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("the tests of the tray need dbus-daemon (Debian: dbus-daemon): %v", err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(end)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	return end
}

// panel is a panel that shows icons of the tray.
type panel struct {
	*dbus.Conn
	registered chan string // bus names
	signals    chan *dbus.Signal
}

// newPanel makes a panel; it watches from then on.
func newPanel(t *testing.T) *panel {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &panel{conn, make(chan string, 10), make(chan *dbus.Signal, 1000)}
	if err := conn.Export(p, watcherPath, watcherName); err != nil {
		t.Fatal(err)
	}
	if err := conn.AddMatchSignal(dbus.WithMatchInterface(dbusmenu), dbus.WithMatchMember("LayoutUpdated")); err != nil {
		t.Fatal(err)
	}
	conn.Signal(p.signals)
	if reply, err := conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%v, %v", reply, err)
	}
	return p
}

// RegisterStatusNotifierItem is the watcher's method.
func (p *panel) RegisterStatusNotifierItem(_ string, sender dbus.Sender) *dbus.Error {
	p.registered <- string(sender)
	return nil
}

// layout is a line of the menu as it comes over the bus.
type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Sub   []dbus.Variant
}

// menu reads the visible menu: labels, one a line, indented, with what a panel
// needs to draw them.
func (p *panel) menu(t *testing.T, tray string) (text string, ids map[string]int32) {
	t.Helper()
	ids = map[string]int32{}
	var out strings.Builder
	var walk func(l layout, indent string)
	walk = func(l layout, indent string) {
		if visible, ok := l.Props["visible"]; ok && visible.Value() == false {
			return
		}
		if l.ID != 0 {
			text := "---"
			if _, separator := l.Props["type"]; !separator {
				text = l.Props["label"].Value().(string)
				ids[text] = l.ID
				if l.Props["enabled"].Value() == false {
					text = "(" + text + ")"
				}
				if data, ok := l.Props["icon-data"].Value().([]byte); ok && len(data) > 100 {
					text = "* " + text
				}
				if l.Props["children-display"].Value() == "submenu" {
					text += " >"
				}
			}
			out.WriteString(indent + text + "\n")
			indent += "    "
		}
		for _, v := range l.Sub {
			var sub layout
			if err := dbus.Store([]any{v.Value()}, &sub); err != nil {
				t.Fatal(err)
			}
			walk(sub, indent)
		}
	}
	var (
		revision uint32
		root     layout
	)
	err := p.Object(tray, menuPath).Call(dbusmenu+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
	if err != nil {
		t.Fatal(err)
	}
	walk(root, "")
	return out.String(), ids
}

// await reads the menu at every change until it is as wanted.
func (p *panel) await(t *testing.T, tray string, want func(menu string) bool) (string, map[string]int32) {
	t.Helper()
	for {
		text, ids := p.menu(t, tray)
		if want(text) {
			return text, ids
		}
		select {
		case <-p.signals:
		case <-t.Context().Done():
			t.Fatalf("the menu stays\n%s", text)
		}
	}
}

func (p *panel) event(t *testing.T, tray string, id int32, what string) {
	t.Helper()
	if err := p.send(tray, id, what); err != nil {
		t.Fatal(err)
	}
}

func (p *panel) send(tray string, id int32, what string) error {
	return p.Object(tray, menuPath).Call(dbusmenu+".Event", 0, id, what, dbus.MakeVariant(0), uint32(0)).Err
}

// child is a tray in a process of its own.
type child struct {
	cmd   *exec.Cmd
	shots *json.Encoder
	acts  *json.Decoder
	in    io.Closer
}

func newChild(t *testing.T) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	races := filepath.Join(t.TempDir(), "race")
	cmd.Env = append(os.Environ(), "SPACEHATCH_TEST_TRAY=1", "TZ=UTC", "GORACE=exitcode=0 log_path="+races)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // where the test has not waited for its end
		_ = cmd.Wait()
		noRaceOfOurs(t, races)
	})
	return &child{cmd, json.NewEncoder(in), json.NewDecoder(out), in}
}

// noRaceOfOurs reads what the race detector wrote about a child. The library
// under the tray counts the versions of its menu under one lock and reads the
// count under another (systray v1.12.2 and after, GetLayout and refresh): that
// one, between two places of the library, harms nobody and is not ours to mend.
func noRaceOfOurs(t *testing.T, prefix string) {
	t.Helper()
	files, err := filepath.Glob(prefix + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, report := range strings.Split(string(text), "WARNING: DATA RACE")[1:] {
			accesses := regexp.MustCompile(`(?m)^(?:Previous )?(?i:read|write) at .*\n +(\S+)`).FindAllStringSubmatch(report, -1)
			known := len(accesses) == 2
			for _, a := range accesses {
				known = known && (a[1] == "fyne.io/systray.(*tray).GetLayout()" || a[1] == "fyne.io/systray.refresh()")
			}
			if !known {
				t.Errorf("a race in the tray:%s", report)
			}
		}
	}
}

func (c *child) give(t *testing.T, shot Snapshot) {
	t.Helper()
	if err := c.shots.Encode(shot); err != nil {
		t.Fatal(err)
	}
}

func (c *child) act(t *testing.T) (a Action) {
	t.Helper()
	if err := c.acts.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestInAPanel(t *testing.T) {
	newBus(t)
	p := newPanel(t)
	c := newChild(t)
	tray := <-p.registered
	c.give(t, shot())
	text, ids := p.await(t, tray, func(menu string) bool { return strings.Contains(menu, "Research") })
	if want := "(No space is connected)\n---\n(Connect to)\ngpu-big\nResearch\n---\nOpen Studio\nQuit\n"; text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	p.event(t, tray, ids["Research"], "clicked")
	if a := c.act(t); a != (Action{Connect, research.Alias}) {
		t.Errorf("a click on a space gives %+v", a)
	}

	c.give(t, Snapshot{Tunnels: []Tunnel{tunnelOf(hostile, Connected)}, Spaces: []Space{hostile}})
	p.await(t, tray, func(menu string) bool { return strings.Contains(menu, "* a__b & <b>") })

	c.give(t, shot(tunnelOf(research, Connected)))
	text, ids = p.await(t, tray, func(menu string) bool {
		return strings.Contains(menu, "Disconnect and quit") && strings.Contains(menu, "gpu-big")
	})
	_, menu, _ := strings.Cut(text, "Open since")
	_, menu, _ = strings.Cut(menu, "\n")
	if want := "    Open in IDE\n    Open terminal\n    Copy ssh command\n    Reconnect\n    Disconnect\n---\n(Connect to)\ngpu-big\n---\n" +
		"Open Studio\nQuit >\n    Quit, the connection stays open\n    Disconnect and quit\n"; menu != want {
		t.Errorf("got\n%s\nwant\n%s", menu, want)
	}
	if want := "* Research · connected >\n    (research.hatch)\n    (Domain d-abc, us-east-1)\n"; !strings.HasPrefix(text, want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	p.event(t, tray, ids["Disconnect"], "clicked")
	if a := c.act(t); a != (Action{Disconnect, research.Alias}) {
		t.Errorf("a click in a submenu gives %+v", a)
	}

	p.event(t, tray, 0, "opened")
	p.await(t, tray, func(menu string) bool { return strings.Contains(menu, "Research · connected · 1 ms") })

	var title string
	if v, err := p.Object(tray, itemPath).GetProperty(item + ".Title"); err != nil || v.Store(&title) != nil || title != "Spacehatch" {
		t.Errorf("title %q, %v", title, err)
	}
	if seen := p.icon(t, tray); seen.W != 48 {
		t.Errorf("the icon is %d wide", seen.W)
	}

	_, ids = p.menu(t, tray)
	// It may be gone before it has answered.
	_ = p.send(tray, ids["Quit, the connection stays open"], "clicked")
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the tray ended with %v", err)
	}
}

// PX is a picture of an icon.
type PX struct {
	W, H int32
	Pix  []byte
}

// What happens while the tray starts is in its icon, too.
func TestTheFirstIcon(t *testing.T) {
	newBus(t)
	p := newPanel(t)
	for range 20 {
		c := newChild(t)
		c.give(t, shot(tunnelOf(research, Connected)))
		c.give(t, shot(tunnelOf(research, Connected), tunnelOf(gpu, Connected)))
		tray := <-p.registered
		// The second is drawn, so the first has been.
		p.await(t, tray, func(menu string) bool { return strings.Contains(menu, "gpu-big · connected") })
		if seen := p.icon(t, tray); !bytes.Equal(seen.Pix, pixels(t, Open)) {
			t.Fatal("the icon is not that of open connections")
		}
		_ = c.in.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("the tray ended with %v", err)
		}
	}
}

// icon reads the icon over the bus.
func (p *panel) icon(t *testing.T, tray string) PX {
	t.Helper()
	var icons []PX
	v, err := p.Object(tray, itemPath).GetProperty(item + ".IconPixmap")
	if err != nil || v.Store(&icons) != nil || len(icons) != 1 {
		t.Fatalf("icon %v, %v", icons, err)
	}
	return icons[0]
}

// pixels is an icon as the library puts it on the bus.
func pixels(t *testing.T, icon Icon) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture(string(icon))))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, a := img.At(x, y).RGBA()
			all = append(all, byte(a), byte(r), byte(g), byte(b))
		}
	}
	return all
}

func TestAPanelThatComesLateAndAgain(t *testing.T) {
	newBus(t)
	c := newChild(t)
	c.give(t, shot(tunnelOf(research, Connected))) // nobody to show it to
	for range 2 {
		p := newPanel(t)
		p.await(t, <-p.registered, func(menu string) bool { return strings.Contains(menu, "Research · connected") })
		_ = p.Close()
	}
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the tray ended with %v", err)
	}
}

// A panel that takes the place of another learns of the submenus first and of
// their lines later, and the lines do what they say.
func TestAnotherPanelGetsTheSubmenusAnew(t *testing.T) {
	newBus(t)
	p := newPanel(t)
	c := newChild(t)
	c.give(t, shot(tunnelOf(research, Connected)))
	_, before := p.await(t, <-p.registered, func(menu string) bool { return strings.Contains(menu, "    Disconnect\n") })
	_ = p.Close()
	p = newPanel(t)
	tray := <-p.registered
	p.await(t, tray, func(menu string) bool {
		return strings.Contains(menu, "Research · connected") && !strings.Contains(menu, "    Disconnect\n")
	})
	_, now := p.await(t, tray, func(menu string) bool { return strings.Contains(menu, "    Disconnect\n") })
	if now["Disconnect"] == before["Disconnect"] {
		t.Error("it is the same line, which a panel may have lost")
	}
	if now["Open Studio"] != before["Open Studio"] {
		t.Error("a line of the menu itself has moved")
	}
	p.event(t, tray, now["Disconnect"], "clicked")
	if a := c.act(t); a != (Action{Disconnect, research.Alias}) {
		t.Errorf("a click gives %+v", a)
	}
	c.give(t, shot())
	p.await(t, tray, func(menu string) bool { return strings.HasPrefix(menu, "(No space is connected)\n") })
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the tray ended with %v", err)
	}
}

func TestTheEndOfTheSessionIsTheEndOfTheTray(t *testing.T) {
	end := newBus(t)
	p := newPanel(t)
	c := newChild(t)
	<-p.registered
	end()
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the tray ended with %v", err)
	}
}

func TestWithoutASession(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
	t.Setenv("PATH", t.TempDir()) // no bus is started either
	c := newChild(t)
	err := c.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Errorf("the tray ended with %v", err)
	}
}
