//go:build linux

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/stage"
	"github.com/spacehatch/spacehatch/e2e/witness"
)

// alias is the simulator's first space.
const alias = "my-space.hatch"

// visitor is a person in front of a simulator of their own.
type visitor struct {
	*person
	studio *studio
	ctx    context.Context
	idle   []stage.Process // what runs when nothing is open: the simulator
}

func newVisitor(t *testing.T, flags ...string) *visitor {
	t.Helper()
	p := newPerson(t)
	v := &visitor{person: p, ctx: limited(t)}
	v.studio = startStudio(t, p.simulator(append(flags, "--agent-pace", "0")...))
	p.Env = append(p.Env, v.studio.Environ()...)
	v.idle = p.processes(t)
	return v
}

// run is what the person types; a failure ends the test.
func (v *visitor) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	return output(t, v.Command(v.ctx, name, args...))
}

// open answers the questions of `spacehatch open` as somebody who trusts the
// link, and returns all that was said. atConsent is called while the first
// question waits.
func (v *visitor) open(t *testing.T, link string, atConsent func(), flags ...string) string {
	t.Helper()
	term := atTerminal(t, v.Command(v.ctx, spacehatch(), append([]string{"open", link}, flags...)...))
	term.expect(t, `(?s)A link asks.*111122223333.*Enter +Cancel`)
	if atConsent != nil {
		atConsent()
	}
	term.enter(t, "r")
	code, said := term.answer(t, `\[Y/n\] `, "y")
	if code != 0 {
		t.Fatalf("open ended with %d:\n%s", code, said)
	}
	return said
}

// webServer serves text to whoever finds the way to it.
func webServer(t *testing.T, text string) *url.URL {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]string{
		"ssh": "it is in Debian's package openssh-client", "rsync": "it is in Debian's package rsync",
		"node": "it is in Debian's package nodejs",
	} {
		tool(t, name, from)
	}
	v := newVisitor(t)
	page := webServer(t, "served on the space")
	v.installEditor(t, page)
	atHome := witness.Snapshot(t, v.Home)
	inRuntime := witness.Snapshot(t, v.Runtime)

	v.open(t, v.studio.link(t, "space=my-space&scheme=vscode"), nil)
	v.checkEditor(t)
	v.checkSSH(t, page)
	v.checkAliasReader(t)

	// The same space again: everything is set up and trusted, so nobody is
	// asked and nobody has to be there.
	v.run(t, spacehatch(), "open", v.studio.link(t, "space=my-space&scheme=vscode"))
	v.checkEditor(t)
	v.checkSSH(t, page)

	v.run(t, spacehatch(), "close", "--all")
	v.quiet(t, v.idle)
	if open := v.status(t); len(open) != 0 {
		t.Errorf("after close --all: %v", open)
	}
	v.run(t, spacehatch(), "uninstall", "--yes")
	v.quiet(t, v.idle)
	witness.Same(t, "the home folder after uninstall", atHome, witness.Snapshot(t, v.Home))
	witness.Same(t, "the runtime folder after uninstall", inRuntime, witness.Snapshot(t, v.Runtime))
}

// checkEditor holds what the stand-in editor met against what was promised.
func (v *visitor) checkEditor(t *testing.T) {
	t.Helper()
	seen := v.visited(t)
	if !slices.Equal(seen.Args, []string{"--remote", "ssh-remote+" + alias, "/home/sagemaker-user"}) {
		t.Errorf("the editor was started with %q", seen.Args)
	}
	if seen.Uname != "Linux" || seen.Body != "served on the space" {
		t.Errorf("the editor heard %q and fetched %q", seen.Uname, seen.Body)
	}
	for _, each := range seen.Environ {
		if strings.HasPrefix(each, "SPACEHATCH_") && !strings.HasPrefix(each, "SPACEHATCH_TRUSTED_HOSTS=") && !strings.HasPrefix(each, "SPACEHATCH_STUDIO_URL=") {
			t.Errorf("the editor's environment holds %s", each)
		}
	}
}

// checkSSH does what people do over ssh.
func (v *visitor) checkSSH(t *testing.T, page *url.URL) {
	t.Helper()
	if got := v.run(t, "ssh", alias, "uname"); got != "Linux\n" {
		t.Errorf("ssh %s uname: %q", alias, got)
	}
	if code, said := exitCode(t, v.Command(v.ctx, "ssh", alias, "exit 42")); code != 42 {
		t.Errorf("exit 42 over ssh: %d\n%s", code, said)
	}
	v.checkCopies(t)
	v.checkForward(t, page)
}

// checkCopies sends a file there and back, by scp and by rsync.
func (v *visitor) checkCopies(t *testing.T) {
	t.Helper()
	data := make([]byte, 3<<20+17)
	_, _ = rand.Read(data) // never fails
	want := sha256.Sum256(data)
	sent := filepath.Join(v.Work, "sent.bin")
	if err := os.WriteFile(sent, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, copier := range [][]string{{"scp", "-q"}, {"rsync", "--whole-file"}} {
		there, back := "e2e-"+copier[0]+".bin", filepath.Join(v.Work, "tmp", copier[0]+".back")
		v.run(t, copier[0], append(copier[1:], sent, alias+":"+there)...)
		if sum := v.run(t, "ssh", alias, "sha256sum < "+there); !strings.HasPrefix(sum, fmt.Sprintf("%x ", want)) {
			t.Errorf("%s: what arrived on the space has the sum %s", copier[0], sum)
		}
		v.run(t, copier[0], append(copier[1:], alias+":"+there, back)...)
		got, err := os.ReadFile(back)
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(got) != want {
			t.Errorf("%s: what came back is not what was sent", copier[0])
		}
		v.run(t, "ssh", alias, "rm "+there)
	}
}

// checkForward reaches a web server of the space through ssh -L.
func (v *visitor) checkForward(t *testing.T, page *url.URL) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(v.ctx)
	defer end()
	ssh := v.Command(ctx, "ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-L", port+":"+page.Host, alias)
	ssh.Cancel = func() error { return ssh.Process.Signal(syscall.SIGTERM) }
	var said stage.Buffer
	ssh.Stderr = &said
	if err := ssh.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, func() string { return "ssh -L never listened: " + said.String() })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+port+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(body) != "served on the space" {
		t.Errorf("through ssh -L: %q, %v", body, err)
	}
	end()
	_ = ssh.Wait() // it was told to end; how it says so is its own business
}

// checkAliasReader asks the reader of SSH configs that IDEs use.
func (v *visitor) checkAliasReader(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(v.ctx, "node", "--test", "alias.test.js")
	cmd.Dir = "js"
	cmd.Env = append(os.Environ(), "HOME="+v.Home,
		"SPACEHATCH_SSH_CONFIG="+filepath.Join(v.Home, ".ssh", "config"),
		"SPACEHATCH_PROGRAM="+spacehatch(), "SPACEHATCH_ALIAS="+alias)
	output(t, cmd)
}

// status is `spacehatch status --json`.
func (v *visitor) status(t *testing.T) []map[string]any {
	t.Helper()
	var open []map[string]any
	if err := json.Unmarshal([]byte(v.run(t, spacehatch(), "status", "--json")), &open); err != nil {
		t.Fatal(err)
	}
	return open
}

// Without an ssh master, and where every waiting tunnel was used up, each ssh
// gets a session by the credentials on this machine.
func TestSSHByLocalCredentials(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.open(t, v.studio.link(t, "space=my-space&scheme=spacehatch"), nil, "--editor", "none")
	v.run(t, spacehatch(), "close", "--all")
	v.quiet(t, v.idle)
	for range 2 {
		if got := v.run(t, "ssh", "-o", "ControlPath=none", alias, "uname"); got != "Linux\n" {
			t.Errorf("ssh %s uname: %q", alias, got)
		}
	}
	v.quiet(t, v.idle)
}

// A space takes ten connections. Who asks for an eleventh reads why not, from
// us and from AWS's own client.
func TestTheEleventhConnection(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.open(t, v.studio.link(t, "space=my-space&scheme=spacehatch"), nil, "--editor", "none")
	const others = 9 // and the master
	var open []*exec.Cmd
	ctx, end := context.WithCancel(v.ctx)
	defer end()
	for range others {
		ssh := v.Command(ctx, "ssh", "-o", "ControlPath=none", alias, "echo in; cat")
		ssh.Cancel = func() error { return ssh.Process.Signal(syscall.SIGTERM) }
		var said stage.Buffer
		ssh.Stdout, ssh.Stderr = &said, &said
		if _, err := ssh.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := ssh.Start(); err != nil {
			t.Fatal(err)
		}
		open = append(open, ssh)
		eventually(t, func() bool { return strings.Contains(said.String(), "in\n") }, func() string { return "no connection: " + said.String() })
	}
	if n := len(v.status(t)); n != others+1 {
		t.Errorf("%d tunnels are open, want %d", n, others+1)
	}
	code, said := exitCode(t, v.Command(v.ctx, "ssh", "-o", "ControlPath=none", alias, "true"))
	if code != 255 || !strings.Contains(said, "ten connections") && !strings.Contains(said, "10 connections") {
		t.Errorf("the eleventh ssh: exit code %d\n%s", code, said)
	}
	end()
	for _, ssh := range open {
		_ = ssh.Wait() // it was told to end
	}
	eventually(t, func() bool {
		code, said = exitCode(t, v.Command(v.ctx, "ssh", "-o", "ControlPath=none", alias, "true"))
		return code == 0
	}, func() string { return "no connection after the others ended: " + said })
	v.run(t, spacehatch(), "close", "--all")
	v.quiet(t, v.idle)
}

// Who says no finds everything as it was.
func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	atHome, inRuntime := witness.Snapshot(t, v.Home), witness.Snapshot(t, v.Runtime)
	term := atTerminal(t, v.Command(v.ctx, spacehatch(), "open", v.studio.link(t, "space=my-space&scheme=vscode")))
	term.expect(t, `Enter +Cancel`)
	term.enter(t, "")
	if code, said := term.end(t); code != 4 {
		t.Errorf("cancelled with exit code %d:\n%s", code, said)
	}
	v.quiet(t, v.idle)
	witness.Same(t, "the home folder", atHome, witness.Snapshot(t, v.Home))
	// The folder itself is made to hold the waiting tunnel's socket.
	after := witness.Snapshot(t, v.Runtime)
	delete(after, "spacehatch")
	witness.Same(t, "the runtime folder", inRuntime, after)
}
