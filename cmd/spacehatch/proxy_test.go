//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

const (
	arn    = "arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/my-space"
	banner = "SSH-2.0-"
)

// opened is an unused session of my-space.
func (s studio) opened(t *testing.T) session.Session {
	t.Helper()
	link, err := handler.Parse(s.link(t, "space=my-space"))
	if err != nil {
		t.Fatal(err)
	}
	link.Session.Expires = time.Now().Add(time.Minute)
	return link.Session
}

// waitingTunnel starts the process that `spacehatch open` starts, and returns
// when it waits for its ssh.
func (d *desk) waitingTunnel(t *testing.T, s studio) (*running, session.Session) {
	t.Helper()
	r, o := d.heldTunnel(t, s)
	if err := ipc.Send(r.stdin, release{alias}); err != nil {
		t.Fatal(err)
	}
	r.reportsWaiting(t)
	return r, o
}

// heldTunnel starts it and returns when it is open, but not released.
func (d *desk) heldTunnel(t *testing.T, s studio) (*running, session.Session) {
	t.Helper()
	space, o := d.knows(t), s.opened(t)
	r := d.start(t, "tunnel", "--handed-over", "--", space.Alias)
	if err := ipc.Send(r.stdin, handover{space, o.ID, o.StreamURL.Reveal(), o.Token.Reveal(), o.Expires, session.FromLink}); err != nil {
		t.Fatal(err)
	}
	r.reportsWaiting(t)
	return r, o
}

func (r *running) reportsWaiting(t *testing.T) {
	t.Helper()
	var status registry.Status
	if err := ipc.Receive(r.out, &status); err != nil {
		t.Fatal(err)
	}
	if status.State != registry.Waiting || status.Alias != alias || status.PID != r.cmd.Process.Pid || status.Problem != nil {
		t.Fatalf("the tunnel reports %+v", status)
	}
}

// Until the person has agreed, the tunnel may lead to a stranger's machine.
func TestNoSSHReachesATunnelBeforeItIsReleased(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	held, _ := d.heldTunnel(t, s)
	d.noSocket(t)
	told(t, d.run(t, "", "proxy", alias), exitFailed, "")
	if all := d.tunnels(t); len(all) != 0 {
		t.Errorf("listed: %v", all)
	}
	// Whoever asked is gone, without an answer.
	if err := held.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if e := held.end(t); e.code != exitOK {
		t.Errorf("the tunnel: %v", e)
	}
	d.noSocket(t)
}

// connect runs an ssh command through `spacehatch proxy`, which has both ends
// of its stream on one socket, as OpenSSH gives it. The proxy has nothing to say.
func (d *desk) connect(t *testing.T, host, command string) string {
	t.Helper()
	out, said := d.connectSaying(t, host, command)
	if said != "" {
		t.Errorf("the proxy says %q", said)
	}
	return out
}

// connectSaying also returns what the proxy says.
func (d *desk) connectSaying(t *testing.T, host, command string) (answer, said string) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	syscall.CloseOnExec(pair[0])
	cmd := d.command("proxy", host)
	cmd.Stdin, cmd.Stdout = theirs, theirs
	var errs buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(ours)
	if err := errors.Join(err, ours.Close(), theirs.Close()); err != nil {
		t.Fatal(err)
	}
	client, channels, requests, err := ssh.NewClientConn(conn, host, &ssh.ClientConfig{
		User: "sagemaker-user", HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // the space is the test's own
	})
	if err != nil {
		t.Fatalf("%v; stderr: %s", err, &errs)
	}
	c := ssh.NewClient(client, channels, requests)
	run, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.Output(command)
	if err != nil {
		t.Errorf("%s: %v", command, err)
	}
	_ = c.Close()
	if code := codeOf(t, cmd.Wait()); code != exitOK {
		t.Errorf("the proxy ends with %d and says %q", code, &errs)
	}
	return string(out), errs.String()
}

// told checks that a program ended with a problem: nothing on standard output
// but what the space sent, one sentence and at most one hint on standard error,
// and what the hint says to hand on.
func told(t *testing.T, e ended, code int, sentence string) {
	t.Helper()
	words, _, _ := strings.Cut(e.errors, "\n\n    {\n")
	lines := strings.Split(strings.TrimSuffix(words, "\n"), "\n")
	if e.code != code || len(lines) > 2 || !strings.HasPrefix(lines[0], "spacehatch: ") || !strings.HasSuffix(lines[0], ".") ||
		!strings.Contains(lines[0], sentence) || len(lines) == 2 && !strings.HasPrefix(lines[1], "  ") {
		t.Errorf("want %d and %q, got %v", code, sentence, e)
	}
	if e.out != "" && !strings.HasPrefix(e.out, banner) {
		t.Errorf("standard output holds more than the stream: %q", e.out)
	}
}

func TestProxyWithoutASessionSaysWhy(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for _, c := range []struct {
		name, host, sentence string
		prepare              func(*testing.T, *desk)
	}{
		{"an unknown alias", "other.hatch", "other.hatch", func(*testing.T, *desk) {}},
		{"no alias at all", "-oProxyCommand=x", "", func(*testing.T, *desk) {}},
		{"an ARN of nothing", "arn:aws:sagemaker:us-east-1:111122223333:bucket/x", "", func(*testing.T, *desk) {}},
		{"no credentials", alias, "no unused session", func(t *testing.T, d *desk) { d.knows(t) }},
		{"no credentials, by ARN", arn, "no unused session", func(*testing.T, *desk) {}},
		{"a space that is gone", "arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/gone", "", func(_ *testing.T, d *desk) { d.signedIn(s) }},
		{"a session that expired", alias, "no unused session", func(t *testing.T, d *desk) {
			space, o := d.knows(t), s.opened(t)
			if err := d.store().Keep(t.Context(), space.Alias, o); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(d.runtime, "sessions", space.Alias+".json")
			rewrite(t, path, func(file map[string]any) { file["expires"] = time.Now().Add(-time.Second) })
		}},
		{"a token that is wrong", alias, "", func(t *testing.T, d *desk) {
			space, o := d.knows(t), s.opened(t)
			o.Token = secret.New("AAEAAwrongSECRETtoken=")
			if err := d.store().Keep(t.Context(), space.Alias, o); err != nil {
				t.Fatal(err)
			}
		}},
		{"a session for a host that nobody trusts", alias, "not a Session Manager host", func(t *testing.T, d *desk) {
			space, o := d.knows(t), s.opened(t)
			o.StreamURL = secret.New("wss://evil.com/v1/data-channel/" + o.ID + "?role=publish_subscribe")
			if err := d.store().Keep(t.Context(), space.Alias, o); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.at(s)
			c.prepare(t, d)
			got := d.run(t, "", "proxy", "--", c.host)
			code := exitFailed
			if strings.Contains(c.name, "nobody trusts") {
				code = exitRefused
			}
			told(t, got, code, c.sentence)
			if got.out != "" || strings.Contains(got.errors, "SECRET") {
				t.Errorf("%v", got)
			}
			if left := d.sockets(t); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if _, err := os.Stat(filepath.Join(d.runtime, "sessions", alias+".json")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the session stays: %v", err)
			}
		})
	}
}

// rewrite changes a JSON file in place.
func rewrite(t *testing.T, path string, change func(map[string]any)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	change(file)
	if data, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProxyTakesAnUnusedSessionOnce(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	space := d.knows(t)
	if err := d.store().Keep(t.Context(), space.Alias, s.opened(t)); err != nil {
		t.Fatal(err)
	}
	if got := d.connect(t, alias, "echo hello"); got != "hello\n" {
		t.Errorf("the space says %q", got)
	}
	d.noSocket(t)
	told(t, d.run(t, "", "proxy", alias), exitFailed, "no unused session")
}

func TestProxyWithCredentialsMakesItsOwnTunnel(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	d.knows(t)
	for _, host := range []string{alias, "MY-SPACE.hatch", arn} {
		if got := d.connect(t, host, "echo $((6*7))"); got != "42\n" {
			t.Errorf("%s: the space says %q", host, got)
		}
		d.noSocket(t)
	}
	s.API().Fail(api.Fault{Operation: "sagemaker:StartSession", Code: "AccessDeniedException", Times: 1})
	refused := d.run(t, "", "proxy", alias)
	told(t, refused, exitFailed, "it needs the permission sagemaker:StartSession on "+arn)
	if !strings.Contains(refused.errors, "\n\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"sagemaker:StartSession\",") {
		t.Errorf("no statement for an administrator: %v", refused)
	}
}

func TestProxyTakesTheWaitingTunnel(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	tunnel, _ := d.waitingTunnel(t, s)
	if table := d.run(t, "", "status"); !strings.Contains(table.out, alias+"  waiting") {
		t.Errorf("status: %v", table)
	}
	if got := d.connect(t, alias, "cat /etc/hostname > /dev/null; echo hello"); got != "hello\n" {
		t.Errorf("the space says %q", got)
	}
	if e := tunnel.end(t); e.code != exitOK || e.out+e.errors != "" {
		t.Errorf("the tunnel: %v", e)
	}
	d.noSocket(t)
}

// The tunnel process is one of its own: nothing of it is its parent's.
func TestATunnelLetsGoOfItsParent(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	tunnel, _ := d.waitingTunnel(t, s)
	if n, err := tunnel.out.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the tunnel holds on to its parent's pipe: %d, %v", n, err)
	}
	if all := d.tunnels(t); len(all) != 1 {
		t.Errorf("tunnels: %v", all)
	}
}

func TestATunnelThatCannotOpenReportsWhy(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	space, o := d.knows(t), s.opened(t)
	for name, h := range map[string]handover{
		"a wrong token":              {space, o.ID, o.StreamURL.Reveal(), "AAEAwrongSECRET", o.Expires, session.FromLink},
		"a host that nobody trusts":  {space, o.ID, "wss://evil.com/v1/data-channel/" + o.ID, o.Token.Reveal(), o.Expires, session.FromLink},
		"no encryption for the host": {space, o.ID, strings.Replace(o.StreamURL.Reveal(), "wss://", "ws://", 1), o.Token.Reveal(), o.Expires, session.FromLink},
	} {
		r := d.start(t, "tunnel", "--handed-over", "--", space.Alias)
		if err := ipc.Send(r.stdin, h); err != nil {
			t.Fatal(err)
		}
		var status registry.Status
		if err := ipc.Receive(r.out, &status); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f := status.Problem; status.State != registry.Closed || f == nil || f.Sentence == "" ||
			strings.Contains(fmt.Sprint(*f), "SECRET") || strings.Contains(fmt.Sprint(*f), o.Token.Reveal()) {
			t.Errorf("%s: the report is %+v %+v", name, status, f)
		}
		if e := r.end(t); e.code == exitOK {
			t.Errorf("%s: %v", name, e)
		}
	}
	// Nobody hands anything over.
	if got := d.run(t, "nonsense", "tunnel", "--handed-over", "--", alias); got.code != exitFailed {
		t.Errorf("%v", got)
	}
	d.noSocket(t)
}

func TestTwoProxiesShareNoTunnel(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	tunnel, _ := d.waitingTunnel(t, s)
	before := s.Gateway().Counters()
	first, second := d.start(t, "proxy", alias), d.start(t, "proxy", alias)
	first.expect(t, banner)
	second.expect(t, banner)
	if now := s.Gateway().Counters(); now.Opened != before.Opened+1 {
		t.Errorf("%d sessions were opened, want 1", now.Opened-before.Opened)
	}
	all := d.tunnels(t)
	if len(all) != 2 || all[0].State != registry.Connected || all[1].State != registry.Connected {
		t.Errorf("tunnels: %+v", all)
	}
	if got := d.run(t, "", "close", alias); got.code != exitOK || got.out != "Closed "+alias+", "+alias+".\n" {
		t.Errorf("close: %v", got)
	}
	for _, r := range []*running{first, second} {
		if e := r.end(t); e.code != exitOK || e.errors != "" {
			t.Errorf("a proxy that was closed: %v", e)
		}
	}
	tunnel.end(t)
	d.noSocket(t)
}

func TestTheTunnelIsKilled(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	tunnel, _ := d.waitingTunnel(t, s)
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	tunnel.signal(t, syscall.SIGKILL)
	told(t, proxy.end(t), exitFailed, "The tunnel process ended without a word.")
	if e := tunnel.end(t); e.code != -1 {
		t.Errorf("the tunnel: %v", e)
	}
	if left := d.sockets(t); len(left) != 1 {
		t.Errorf("a killed process leaves its socket, there are %v", left)
	}
	if got := d.run(t, "", "status", "--json"); got.out != "[]\n" {
		t.Errorf("status: %v", got)
	}
	if left := d.sockets(t); len(left) != 0 {
		t.Errorf("status does not sweep: %v", left)
	}
}

// What AWS says at the end of a session is what the person reads, made harmless,
// whichever process had the tunnel.
func TestTheSessionEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{true, false} {
		d, s := newDesk(t), newStudio(t)
		d.at(s)
		o := s.opened(t)
		if attached {
			_, o = d.waitingTunnel(t, s)
		} else if err := d.store().Keep(t.Context(), d.knows(t).Alias, o); err != nil {
			t.Fatal(err)
		}
		proxy := d.start(t, "proxy", alias)
		proxy.expect(t, banner)
		if err := s.Gateway().TerminateSession(o.ID, "Session ended by the\x1b[2J administrator."); err != nil {
			t.Fatal(err)
		}
		e := proxy.end(t)
		told(t, e, exitFailed, "The session was ended from the other side: \"Session ended by the [2J administrator.\".")
		if !strings.Contains(e.errors, "\n  Connect again.") {
			t.Errorf("no word on what to do: %q", e.errors)
		}
		d.noSocket(t)
		d.noProcess(t)
	}
}

func TestTheProxyEnds(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{true, false} {
		for name, end := range map[string]func(*testing.T, *running){
			"SIGTERM":      func(t *testing.T, r *running) { r.signal(t, syscall.SIGTERM) },
			"SIGHUP":       func(t *testing.T, r *running) { r.signal(t, syscall.SIGHUP) },
			"SIGINT":       func(t *testing.T, r *running) { r.signal(t, syscall.SIGINT) },
			"SIGKILL":      func(t *testing.T, r *running) { r.signal(t, syscall.SIGKILL) },
			"stdin closed": func(t *testing.T, r *running) { _ = r.stdin.Close() },
			"stdout closed": func(t *testing.T, r *running) {
				_ = r.out.Close()
				// What makes the server speak: a version, and nonsense.
				if _, err := r.stdin.Write([]byte(banner + "x\r\n" + strings.Repeat("nonsense", 64))); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(fmt.Sprintf("%s, attached %v", name, attached), func(t *testing.T) {
				t.Parallel()
				d, s := newDesk(t), newStudio(t)
				d.signedIn(s)
				d.knows(t)
				var tunnel *running
				if attached {
					tunnel, _ = d.waitingTunnel(t, s)
				}
				proxy := d.start(t, "proxy", alias)
				proxy.expect(t, banner)
				if got := d.awaitTunnel(t, registry.Connected); !attached && got.PID != proxy.cmd.Process.Pid {
					t.Errorf("the tunnel is not the proxy's own: %+v", got)
				}
				end(t, proxy)
				code := codeOf(t, proxy.cmd.Wait())
				if name != "SIGKILL" && (code != exitOK || proxy.errors.String() != "") {
					t.Errorf("the proxy ends with %d and says %q", code, &proxy.errors)
				}
				if tunnel != nil {
					if e := tunnel.end(t); e.code != exitOK || e.errors != "" {
						t.Errorf("the tunnel: %v", e)
					}
				}
				if name == "SIGKILL" && !attached {
					if all := d.tunnels(t); len(all) != 0 { // sweeps
						t.Errorf("tunnels: %+v", all)
					}
				}
				if left := d.sockets(t); tunnel != nil && len(left) != 0 {
					t.Errorf("sockets are left: %v", left)
				}
				d.noSocket(t)
				if name == "SIGKILL" && !attached {
					return // nobody is left who could say so to AWS
				}
				s.noSession(t, name == "stdout closed")
				d.noProcess(t)
			})
		}
	}
}

func TestATunnelByHand(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	d.knows(t)
	tunnel := d.start(t, "tunnel", alias)
	d.awaitTunnel(t, registry.Waiting)
	proxy := d.start(t, "proxy", alias)
	proxy.expect(t, banner)
	status := d.awaitTunnel(t, registry.Connected)
	if status.PID != tunnel.cmd.Process.Pid {
		t.Errorf("the proxy made its own tunnel: %+v", status)
	}
	got := d.run(t, "", "status", "--json")
	var listed []map[string]any
	if err := json.Unmarshal([]byte(got.out), &listed); err != nil || len(listed) != 1 {
		t.Fatalf("%v: %v", err, got)
	}
	for _, field := range []string{"alias", "space_arn", "state", "since", "bytes_in", "bytes_out", "rate_in", "rate_out", "rtt_ms",
		"unacknowledged", "window", "retransmissions", "reconnects", "pid", "origin"} {
		if _, ok := listed[0][field]; !ok {
			t.Errorf("status --json lacks %s", field)
		}
		delete(listed[0], field)
	}
	if len(listed[0]) != 0 {
		t.Errorf("status --json has more: %v", listed[0])
	}
	if table := d.run(t, "", "status"); !strings.Contains(table.out, alias+"  connected  ") || !strings.HasPrefix(table.out, "SPACE ") {
		t.Errorf("status: %v", table)
	}
	if got := d.run(t, "", "close", "--all", "--json"); got.code != exitOK || !strings.Contains(got.out, `"alias": "`+alias+`"`) {
		t.Errorf("close: %v", got)
	}
	if e := tunnel.end(t); e.code != exitOK || !strings.HasPrefix(e.errors, "Opening the tunnel; `ssh "+alias+"` takes it.\n") {
		t.Errorf("the tunnel: %v", e)
	}
	if e := proxy.end(t); e.code != exitOK || e.errors != "" {
		t.Errorf("the proxy: %v", e)
	}
	if left := d.sockets(t); len(left) != 0 {
		t.Errorf("close returned before the end: %v", left)
	}
}

func TestAWaitingTunnelEnds(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for name, end := range map[string]func(*testing.T, *desk, *running){
		"SIGTERM": func(t *testing.T, _ *desk, r *running) { r.signal(t, syscall.SIGTERM) },
		"close": func(t *testing.T, d *desk, _ *running) {
			if got := d.run(t, "", "close", alias); got.code != exitOK || got.out != "Closed "+alias+".\n" {
				t.Errorf("close: %v", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.at(s)
			tunnel, _ := d.waitingTunnel(t, s)
			end(t, d, tunnel)
			if e := tunnel.end(t); e.code != exitOK || e.errors != "" {
				t.Errorf("%v", e)
			}
			d.noSocket(t)
		})
	}
	t.Run("no ssh comes", func(t *testing.T) {
		d := newDesk(t)
		d.signedIn(s)
		d.knows(t)
		d.env = append(d.env, variableWait+"=10ms")
		got := d.run(t, "", "tunnel", alias)
		got.errors = strings.TrimPrefix(got.errors, "Opening the tunnel; `ssh "+alias+"` takes it.\n")
		told(t, got, exitCancelled, "No ssh came for the tunnel in time")
		if left := d.sockets(t); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}
