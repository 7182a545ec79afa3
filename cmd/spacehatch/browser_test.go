//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// beBrowser is the program that shows an address: it writes it down, and is
// Studio's page where the folder says that somebody is signed in.
func beBrowser() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "the tests' browser:", err)
		os.Exit(3)
	}
	dir := os.Getenv(variableTabs)
	if dir == "" || len(os.Args) != 2 {
		fail(errors.New("nobody wants one"))
	}
	file, err := os.OpenFile(filepath.Join(dir, "tabs"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(file, os.Args[1])
	}
	if err := errors.Join(err, file.Close()); err != nil {
		fail(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "signed-in")); err == nil {
		if err := visitTab(os.Args[1]); err != nil {
			fail(err)
		}
	}
	os.Exit(0)
}

// visitTab opens a page and goes where it leads.
func visitTab(address string) error {
	answer, err := http.Get(address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "You can close this tab.") {
		return fmt.Errorf("%s: %s %w", answer.Status, text, err)
	}
	return nil
}

// hasBrowser gives the desk a display and a browser; signedIn is whether its
// user is signed in to Studio there.
func (d *desk) hasBrowser(t *testing.T, signedIn bool) {
	t.Helper()
	d.env = append(d.env, "DISPLAY=:none", variableTabs+"="+d.browserFolder())
	if err := os.MkdirAll(d.browserFolder(), 0o700); err != nil {
		t.Fatal(err)
	}
	if signedIn {
		if err := os.WriteFile(filepath.Join(d.browserFolder(), "signed-in"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desk) browserFolder() string { return filepath.Join(filepath.Dir(d.home), "browser") }

// tabs are the addresses that were shown.
func (d *desk) tabs(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.browserFolder(), "tabs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// awaitTabs waits for so many of them and returns the last.
func (d *desk) awaitTabs(t *testing.T, n int) string {
	t.Helper()
	var all []string
	eventually(t, func() bool { all = d.tabs(t); return len(all) == n }, func() string { return fmt.Sprintf("%d tabs, want %d", len(all), n) })
	return all[n-1]
}

// What is no web page's address reaches no browser, which might take a file or
// an option for something to open.
func TestBrowse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.hasBrowser(t, false)
	for _, address := range []string{"", "studio.example", "file:///etc/passwd", "file://studio.example/etc/passwd", "ftp://studio.example/", "--version", "javascript:alert(1)", "https:///x", "https://x/" + strings.Repeat("a", maxPage)} {
		e := d.run(t, address, "browse")
		if e.code != exitUsage || !strings.Contains(e.errors, "the address of a web page is wanted on standard input") {
			t.Errorf("%.20q: %v", address, e)
		}
	}
	if e := d.run(t, "https://studio.example/?a=b&c\n", "browse"); e.code != exitOK || e.out+e.errors != "" {
		t.Errorf("a page: %v", e)
	}
	if got := d.tabs(t); len(got) != 1 || got[0] != "https://studio.example/?a=b&c" {
		t.Errorf("the tabs are %q", got)
	}
	d.env = append(d.env, variableTabs+"=")
	told(t, d.run(t, "https://studio.example/", "browse"), exitFailed, "No browser could be started.")
}

const waitingLine = "spacehatch: my-space.hatch: waiting for Studio in your browser (Ctrl-C gives up)\n"

func TestStudioInTheBrowserGivesASession(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s) // without credentials
	d.hasBrowser(t, true)
	d.knows(t)
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	if open := d.awaitTunnel(t, registry.Connected); open.Origin != string(session.FromStudio) {
		t.Errorf("the session is from %q", open.Origin)
	}
	proxy.interrupt(t)
	if e := proxy.end(t); e.code != exitOK || e.errors != waitingLine {
		t.Errorf("the proxy: %v", e)
	}
	if got := d.tabs(t); len(got) != 1 || !strings.HasPrefix(got[0], s.Info().Page+"jupyterlab/my-space?remote_access_token_refresh=true&") {
		t.Errorf("the tabs are %q", got)
	}
	// What is there comes first.
	if err := d.store().Keep(t.Context(), alias, s.opened(t)); err != nil {
		t.Fatal(err)
	}
	if got := d.connect(t, alias, "echo hello"); got != "hello\n" {
		t.Errorf("the space says %q", got)
	}
	d.signedIn(s)
	if got := d.connect(t, alias, "echo hello"); got != "hello\n" {
		t.Errorf("the space says %q", got)
	}
	if got := d.tabs(t); len(got) != 1 {
		t.Errorf("the tabs are %q", got)
	}
}

// However many wait, one tab is open; and each gets a session of its own.
func TestOneTabForManySSH(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, false)
	d.knows(t)
	before := s.Gateway().Counters()
	first := d.start(t, "proxy", alias)
	tab := d.awaitTabs(t, 1)
	var others []*running
	for range 2 {
		others = append(others, d.start(t, "proxy", alias))
	}
	for _, other := range others {
		eventually(t, func() bool { return strings.Contains(other.errors.String(), "waiting for another connection") },
			func() string { return "the other proxy says " + other.errors.String() })
	}
	if got := d.tabs(t); len(got) != 1 {
		t.Errorf("the tabs are %q", got)
	}
	if err := visitTab(tab); err != nil {
		t.Fatal(err)
	}
	first.expect(t, banner)
	for n := range others {
		if err := visitTab(d.awaitTabs(t, n+2)); err != nil {
			t.Fatal(err)
		}
	}
	for _, each := range others {
		each.expect(t, banner)
	}
	if now := s.Gateway().Counters(); now.Opened != before.Opened+3 {
		t.Errorf("the gateway: %+v, before %+v", now, before)
	}
}

// Nobody listens when nobody waits.
func TestThePortIsClosedWithTheSSH(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, false)
	d.knows(t)
	proxy := d.start(t, "proxy", alias)
	tab := d.awaitTabs(t, 1)
	proxy.interrupt(t)
	told(t, ended{proxy.end(t).code, "", strings.TrimPrefix(proxy.errors.String(), waitingLine)}, exitCancelled, "Cancelled")
	u, err := url.Parse(tab)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.Get(u.Query().Get("reconnect_callback_url")); err == nil {
		answer.Body.Close()
		t.Error("somebody still listens")
	}
	if err := visitTab(tab); err == nil {
		t.Error("a late session was taken")
	}
	if _, err := d.store().Take(t.Context(), alias); !errors.Is(err, session.ErrNone) {
		t.Errorf("a session is stored: %v", err)
	}
}

// An ssh that is killed tells nobody, and nobody listens for it.
func TestThePortIsClosedWhenTheSSHIsKilled(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, false)
	d.knows(t)
	parent := exec.Command("sh", "-c", "spacehatch proxy "+alias+" & wait")
	parent.Env, parent.Dir = d.env, d.home
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.awaitTabs(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, func() bool {
		answer, err := http.Get(u.Query().Get("reconnect_callback_url"))
		if err == nil {
			answer.Body.Close()
		}
		return err != nil
	}, func() string { return "somebody still listens" })
}

// What AWS says of the space itself is not asked of a person once more.
func TestNoTabWhereStudioCouldNotHelp(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	d.hasBrowser(t, true)
	told(t, d.run(t, "", "proxy", "arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/stopped"), exitFailed, "")
	if got := d.tabs(t); len(got) != 0 {
		t.Errorf("the tabs are %q", got)
	}
}

func TestConnectTellsOfTheBrowser(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, true)
	d.knows(t)
	e := d.run(t, "", "connect", alias, "--yes", "--editor", "none", "--json")
	if e.code != exitOK || !strings.Contains(e.out, `"detail":"waiting for Studio in your browser"`) || !strings.Contains(e.out, `"event":"ready"`) {
		t.Errorf("connect: %v", e)
	}
}

// linkWithout is a link that lacks a parameter.
func (s studio) linkWithout(t *testing.T, query, name string) string {
	t.Helper()
	scheme, rest, _ := strings.Cut(s.link(t, query), "?")
	pieces := slices.DeleteFunc(strings.Split(rest, "&"), func(p string) bool { return strings.HasPrefix(p, name+"=") })
	return scheme + "?" + strings.Join(pieces, "&")
}

// Unified Studio and HyperPod give sessions where their link said so.
func TestOtherStudiosInTheBrowser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ query, refresh, alias, page, none string }{
		{"kind=smus", "reconnect_base_url", "myproject.hatch", "reconnect/smus/MyProject?", "Unified Studio's last link names no page"},
		{"kind=workspace", "refreshUrl", "ws1.hatch", "reconnect/workspace/ws1?", "The workspace's last link names no page"},
	} {
		t.Run(test.query, func(t *testing.T) {
			t.Parallel()
			d, s := newDesk(t), newStudio(t)
			d.at(s)
			d.hasBrowser(t, true)
			opens := func(link string) {
				t.Helper()
				if e := d.run(t, link, "open", "--yes", "--editor", "none", "-"); e.code != exitOK {
					t.Fatalf("open: %v", e)
				}
				if e := d.run(t, "", "close", "--all"); e.code != exitOK {
					t.Fatalf("close: %v", e)
				}
			}
			opens(s.linkWithout(t, test.query, test.refresh))
			told(t, d.run(t, "", "proxy", test.alias), exitFailed, test.none)
			if got := d.tabs(t); len(got) != 0 {
				t.Errorf("the tabs are %q", got)
			}
			opens(s.link(t, test.query))
			if e := d.run(t, "", "connect", test.alias, "--yes", "--editor", "none"); e.code != exitOK {
				t.Errorf("connect: %v", e)
			}
			if got := d.tabs(t); len(got) != 1 || !strings.HasPrefix(got[0], s.Info().Page+test.page) {
				t.Errorf("the tabs are %q", got)
			}
		})
	}
}

// waitsForStudio reports whether a window shows that.
func waitsForStudio(screen view.Screen) bool {
	c := screen.Connection
	return c != nil && slices.ContainsFunc(c.Steps, func(s view.Step) bool {
		return s.State == view.Running && s.Detail == "waiting for Studio in your browser"
	})
}

// Where an ssh has no terminal, a window shows what is waited for, and a person
// may give up there: for all who wait.
func TestTheWaitForStudioIsShownAndCancelled(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, false)
	d.knows(t)
	shown := d.person(t, "looks on")
	first := d.start(t, "proxy", alias)
	tab := d.awaitTabs(t, 1)
	eventually(t, func() bool { return slices.ContainsFunc(shown(), waitsForStudio) }, func() string { return "no window shows the wait" })
	if c := shown()[0].Connection; c.Space.Name != "my-space" || len(c.Steps) != 1 || c.Steps[0].ID != "session" {
		t.Errorf("the window shows %+v", c)
	}
	if err := visitTab(tab); err != nil {
		t.Fatal(err)
	}
	first.expect(t, banner)
	all := shown()
	if last := all[len(all)-1].Connection; !last.Done || last.Problem != nil {
		t.Errorf("the window shows at last %+v", last)
	}

	d.person(t, "looks on")
	second := d.start(t, "proxy", alias)
	d.awaitTabs(t, 2)
	d.person(t, "gives up")
	third := d.start(t, "proxy", alias)
	eventually(t, func() bool { return strings.Contains(third.errors.String(), "waiting for another connection") },
		func() string { return "the other proxy says " + third.errors.String() })
	second.interrupt(t) // only that ssh: the third asks by itself
	second.end(t)
	if e := third.end(t); e.code != exitCancelled || !strings.Contains(e.errors, "Cancelled") {
		t.Errorf("the one that was given up: %v", e)
	}
	if got := d.tabs(t); len(got) != 3 {
		t.Errorf("the tabs are %q", got)
	}

	// In the window of connect, too.
	e := d.run(t, "", "connect", alias, "--window", "--editor", "none", "--json")
	if e.code != exitCancelled || !strings.Contains(e.out, `"code":"cancelled"`) {
		t.Errorf("connect: %v", e)
	}
}

// A space has another key after a restart: who has just been in the browser
// decides, also where the ssh is an IDE's.
func TestAnotherHostKeyAfterTheBrowser(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, true)
	d.knows(t)
	pinned := filepath.Join(d.home, ".ssh", "spacehatch", "known_hosts")
	const old = alias + " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	if err := os.MkdirAll(filepath.Dir(pinned), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"no", "yes"} {
		if err := os.WriteFile(pinned, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		shown := d.person(t, says)
		// This ssh takes any key: OpenSSH would have the last word.
		answer, said := d.connectSaying(t, alias, "echo hello")
		if answer != "hello\n" {
			t.Errorf("%s: the space says %q", says, answer)
		}
		left, err := os.ReadFile(pinned)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if (string(left) == old) != (says == "no") || strings.Contains(said, "has a new host key") != (says == "yes") {
			t.Errorf("%s: the pins are %q, the proxy says %q", says, left, said)
		}
		if !slices.ContainsFunc(shown(), func(screen view.Screen) bool {
			q := screen.Connection.Question
			return q != nil && q.Change != nil && q.Change.Kind == view.HostKey && q.Change.Cautious
		}) {
			t.Errorf("%s: no window has asked", says)
		}
	}
}
