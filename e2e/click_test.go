//go:build linux

package e2e

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
	"github.com/spacehatch/spacehatch/e2e/witness"
)

var screenshots = flag.String("screenshots", "", "a folder for pictures of the way of a click, in light and dark; empty takes none")

// desktop is a visitor who sits in front of a screen.
type desktop struct {
	*visitor
	*stage.Desktop
	looks
	pictured bool // the browser's dialog
}

// looks are the colours by which a test finds its way on the screen: of the
// button that our windows propose, of their other buttons where they have no
// focus, and of the line of a menu that the keyboard is on.
type looks struct {
	name                    string
	proposed, other, chosen color.NRGBA
}

var (
	light = looks{"light", color.NRGBA{0x0f, 0x6b, 0x67, 0xff}, color.NRGBA{0xe9, 0xed, 0xec, 0xff}, color.NRGBA{0x35, 0x84, 0xe4, 0xff}}
	dark  = looks{"dark", color.NRGBA{0x6c, 0xc7, 0xc0, 0xff}, color.NRGBA{0x32, 0x3a, 0x3b, 0xff}, color.NRGBA{0x15, 0x53, 0x9e, 0xff}}
)

// pictures is where a test that fails leaves what was on the screen.
const pictures = "../build/failed"

// newDesktop gives a visitor a desktop, which ends with the test.
func newDesktop(t *testing.T, v *visitor, l looks) *desktop {
	t.Helper()
	d, err := stage.NewDesktop(v.ctx, v.Person, l == dark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			file := filepath.Join(pictures, t.Name()+".png")
			t.Logf("the screen is in e2e/%s (%v)", file, d.Save(file, image.Rectangle{}))
			t.Logf("the desktop's programs said:\n%s", d.Log())
			log, _ := os.ReadFile(filepath.Join(v.Home, ".local/state/spacehatch/spacehatch.log"))
			t.Logf("spacehatch.log:\n%s", log)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desktop{visitor: v, Desktop: d, looks: l}
}

// accept says yes in the browser's own dialog. The browser overlooks a click
// that comes too soon after the dialog, since a page may have provoked it, so
// whoever sees the dialog stay clicks again.
func (d *desktop) accept(t *testing.T, button string) {
	t.Helper()
	var clicked time.Time
	eventually(t, func() bool {
		found := d.Parts(d.ctx, stage.RoleButton, button)
		if len(found) > 0 && !d.pictured {
			d.pictured = true // later ones look the same
			d.picture(t, "browser", image.Rect(0, 0, 1040, 780))
		}
		if len(found) > 0 && time.Since(clicked) > time.Second {
			clicked = time.Now()
			d.click(t, found[0].At)
		}
		return len(found) == 0 && !clicked.IsZero()
	}, func() string { return "the browser's dialog did not come, or does not go" })
}

// buttons are those of a page that are told apart by their colour.
type buttons struct{ proposed, other image.Rectangle }

// look finds the buttons of our window: one that is proposed, and another one
// in the same row.
func (d *desktop) look(t *testing.T) (b buttons) {
	t.Helper()
	img, err := d.Picture()
	if err != nil {
		t.Fatal(err)
	}
	const width, height = 40, 24
	proposed := stage.Areas(img, d.looks.proposed, width, height)
	if len(proposed) != 1 {
		return b
	}
	b.proposed = proposed[0]
	for _, other := range stage.Areas(img, d.looks.other, width, height) {
		if at := stage.Middle(b.proposed).Y; other.Min.Y < at && at < other.Max.Y {
			b.other = other
		}
	}
	return b
}

// await waits until our window is as wanted and stands still: what is clicked
// must not move away under the pointer.
func (d *desktop) await(t *testing.T, what string, wanted func(buttons) bool) buttons {
	t.Helper()
	var now buttons
	still := 0
	eventually(t, func() bool {
		before := now
		now = d.look(t)
		if still++; !wanted(now) || now != before {
			still = 0
		}
		return still == often
	}, func() string { return fmt.Sprintf("no window shows %s, but %+v", what, now) })
	return now
}

// often is how often a window has to look the same.
const often = 10

// consent: the answer that is remembered stands to the right of the one that
// is proposed.
func consent(b buttons) bool { return !b.other.Empty() && b.proposed.Max.X <= b.other.Min.X }

// firstRun: what is proposed is the last button.
func firstRun(b buttons) bool { return !b.other.Empty() && b.other.Max.X <= b.proposed.Min.X }

// awaitWindows waits until the panel's list of windows holds these.
func (d *desktop) awaitWindows(t *testing.T, titles ...string) {
	t.Helper()
	var seen []string
	eventually(t, func() bool {
		seen = nil
		for _, p := range d.Parts(d.ctx, stage.RoleWindow, "") {
			seen = append(seen, p.Name)
		}
		return slices.Equal(seen, titles)
	}, func() string { return fmt.Sprintf("the windows are %q, want %q", seen, titles) })
}

func (d *desktop) click(t *testing.T, at image.Rectangle) {
	t.Helper()
	if err := d.Click(d.ctx, stage.Middle(at)); err != nil {
		t.Fatal(err)
	}
}

// trayMenu waits for the menu of the one tray icon to be as wanted, and returns
// it.
func (d *desktop) trayMenu(t *testing.T, wanted func(menu string) bool) string {
	t.Helper()
	var menu string
	eventually(t, func() bool {
		trays, err := d.Trays(d.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(trays) != 1 {
			menu = fmt.Sprintf("of one of %q", trays)
			return false
		}
		if menu, err = d.TrayMenu(d.ctx, trays[0]); err != nil {
			menu = err.Error()
		}
		return err == nil && wanted(menu)
	}, func() string { return "the tray's menu is\n" + menu })
	return menu
}

// green is the icon's colour where all is well.
var green = color.NRGBA{0x1f, 0xa5, 0x5a, 0xff}

// trayIcon waits for the icon in the panel to be green.
func (d *desktop) trayIcon(t *testing.T) image.Rectangle {
	t.Helper()
	var icons []image.Rectangle
	eventually(t, func() bool {
		img, err := d.Picture()
		if err != nil {
			t.Fatal(err)
		}
		panel := image.Rect(0, 0, stage.ScreenWidth, stage.PanelHeight)
		icons = stage.Areas(img.SubImage(panel).(*image.NRGBA), green, 8, 8)
		return len(icons) == 1
	}, func() string { return "the panel shows no green icon" })
	return icons[0]
}

// choose opens the tray's menu with the mouse and chooses a line of the first
// submenu with the keyboard, looking where each key leads: the panel does not
// tell where it draws its lines.
func (d *desktop) choose(t *testing.T, line string) {
	t.Helper()
	menu := d.trayMenu(t, func(menu string) bool { return strings.Contains(menu, "\t"+line+"\n") })
	steps := 0 // from the first line that can be chosen
	for each := range strings.Lines(menu) {
		label, sub := strings.CutPrefix(strings.TrimSuffix(each, "\n"), "\t")
		if label == line {
			break
		}
		if sub && !strings.HasPrefix(label, "(") {
			steps++
		}
	}
	d.click(t, d.trayIcon(t))
	d.key(t, "Down", func(lines []image.Rectangle) bool { return len(lines) == 1 })
	lines := d.key(t, "Right", func(lines []image.Rectangle) bool { return len(lines) == 2 })
	for range steps {
		at := lines[0]
		lines = d.key(t, "Down", func(lines []image.Rectangle) bool { return len(lines) == 2 && lines[0].Min.Y > at.Min.Y })
	}
	if *screenshots != "" { // the pointer hides the icon
		d.run(t, "xdotool", "mousemove", "400", "700")
		d.picture(t, "tray", image.Rect(stage.ScreenWidth-560, 0, stage.ScreenWidth, 275))
	}
	if err := d.Press(d.ctx, "Return"); err != nil {
		t.Fatal(err)
	}
}

// key presses a key until it has led somewhere: a menu that has just opened
// takes none yet. It returns the lines that the keyboard is on, from the left.
func (d *desktop) key(t *testing.T, name string, there func([]image.Rectangle) bool) (lines []image.Rectangle) {
	t.Helper()
	var pressed time.Time
	eventually(t, func() bool {
		img, err := d.Picture()
		if err != nil {
			t.Fatal(err)
		}
		if lines = stage.Areas(img, d.looks.chosen, 60, 12); there(lines) {
			return true
		}
		if time.Since(pressed) > time.Second {
			pressed = time.Now()
			if err := d.Press(d.ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		return false
	}, func() string { return fmt.Sprintf("the key %s leads nowhere in the menu: %v", name, lines) })
	return lines
}

// TestTheClick is the way of a click as a person goes it: with a browser, a
// mouse and a panel.
func TestTheClick(t *testing.T) {
	t.Parallel()
	for _, l := range []looks{light, dark} {
		if l != light && *screenshots == "" {
			continue // it is the same way
		}
		t.Run(l.name, func(t *testing.T) { clickAway(t, l) })
	}
}

func clickAway(t *testing.T, l looks) {
	v := newVisitor(t)
	v.installEditor(t, webServer(t, "served on the space"))
	for _, folder := range []string{".cache", ".config"} { // which every desktop has
		v.own(t, filepath.Join(v.Home, folder))
	}
	atHome := v.home(t)
	v.registerLinks(t)
	d := newDesktop(t, v, l)
	if err := d.Browse(d.ctx, v.studio.Page+"?scheme=spacehatch"); err != nil {
		t.Fatal(err)
	}

	// The first click: the browser asks, then we do, and say what is changed.
	d.openInStudio(t)
	asked := d.await(t, "who asks", consent)
	d.window(t, "consent", asked)
	d.click(t, asked.other)
	asked = d.await(t, "what is set up", firstRun)
	d.window(t, "first-run", asked)
	d.click(t, asked.proposed)
	v.checkEditor(t)
	if got := v.run(t, "ssh", alias, "uname"); got != "Linux\n" {
		t.Errorf("ssh %s uname: %q", alias, got)
	}
	d.trayIcon(t)
	d.awaitWindows(t, "Simulated Studio")

	// The second click: we ask nothing, or nobody would answer.
	d.openInStudio(t)
	v.checkEditor(t)
	d.awaitWindows(t, "Simulated Studio")

	// The tray is in the panel that comes after an update, too.
	if err := d.RestartPanel(d.ctx); err != nil {
		t.Fatal(err)
	}
	d.trayIcon(t)
	d.trayMenu(t, func(menu string) bool { return strings.Contains(menu, "my-space · connected\n") })
	d.choose(t, "Disconnect")
	d.trayMenu(t, func(menu string) bool { return strings.Contains(menu, "(No space is connected)\n") })
	if open := v.status(t); len(open) != 0 {
		t.Errorf("after Disconnect: %v", open)
	}
	d.awaitEnd(t)
	v.run(t, spacehatch(), "uninstall", "--yes")
	for _, each := range v.processes(t) {
		if strings.HasPrefix(each.Args, built) && !strings.Contains(each.Args, " simulator ") {
			t.Errorf("after uninstall this runs: %s", each)
		}
	}
	witness.Same(t, "the home folder after uninstall", atHome, v.home(t))
}

// picture saves a part of the screen where pictures are wanted.
func (d *desktop) picture(t *testing.T, name string, part image.Rectangle) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	if err := d.Still(d.ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(filepath.Join(*screenshots, "real-"+name+"-"+d.looks.name+".png"), part); err != nil {
		t.Fatal(err)
	}
}

// window saves our window with its frame: the area around its buttons that has
// the colour below them.
func (d *desktop) window(t *testing.T, name string, b buttons) {
	t.Helper()
	img, err := d.Picture()
	if err != nil {
		t.Fatal(err)
	}
	const below, title, edge, foot = 12, 20, 1, 5
	at := stage.Middle(b.proposed).Add(image.Pt(0, b.proposed.Dy()/2+below))
	for _, paper := range stage.Areas(img, img.NRGBAAt(at.X, at.Y), 300, 300) {
		if at.In(paper) {
			d.picture(t, name, image.Rect(paper.Min.X-edge, paper.Min.Y-title, paper.Max.X+edge, paper.Max.Y+foot))
		}
	}
}

// home describes the home folder without the index of fonts, which the browser
// makes where the system's is older than its fonts.
func (v *visitor) home(t *testing.T) map[string]string {
	t.Helper()
	all := witness.Snapshot(t, v.Home)
	maps.DeleteFunc(all, func(path, _ string) bool {
		return path == ".cache/fontconfig" || strings.HasPrefix(path, ".cache/fontconfig/")
	})
	return all
}

// openInStudio clicks the button of the Studio page.
func (d *desktop) openInStudio(t *testing.T) {
	t.Helper()
	d.follow(t, "Open my-space in VS Code (spacehatch://)", "Open Spacehatch")
}

// follow clicks a button of the page, and the one that says yes in the
// browser's own dialog.
func (d *desktop) follow(t *testing.T, button, yes string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	part, err := d.Await(ctx, stage.RoleButton, button)
	if err != nil {
		t.Fatal(err)
	}
	d.click(t, part.At)
	d.accept(t, yes)
}

// awaitEnd waits for the end of the windows' program, which takes its folder
// along a moment after the window.
func (d *desktop) awaitEnd(t *testing.T) {
	t.Helper()
	eventually(t, func() bool {
		return !slices.ContainsFunc(d.processes(t), func(p stage.Process) bool { return strings.HasPrefix(p.Args, spacehatch()+"-desktop ") })
	}, func() string { return "the windows' program still runs" })
}

// registerLinks does what a package does when it is installed: links come to
// us, and ssh knows nothing yet.
func (v *visitor) registerLinks(t *testing.T) {
	t.Helper()
	term := atTerminal(t, v.Command(v.ctx, spacehatch(), "setup"))
	term.expect(t, `(?s)Open spacehatch:// links with Spacehatch\?.*\[Y/n\] `)
	term.enter(t, "y")
	term.expect(t, `(?s)Update your SSH config\?.*\[Y/n\] `)
	term.enter(t, "n")
	if code, said := term.end(t); code != 0 {
		t.Fatalf("setup ended with %d:\n%s", code, said)
	}
}
