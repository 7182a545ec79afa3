package sshconfig

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// hostile is everything that a "Host *" could set against us.
const hostile = `
User mallory
ProxyJump bastion
ProxyCommand nc %h 1
ControlPath /tmp/shared
ControlMaster auto
ControlPersist yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
GlobalKnownHostsFile /tmp/everybody
HashKnownHosts yes
UpdateHostKeys yes
VerifyHostKeyDNS yes
CheckHostIP yes
VisualHostKey yes
HostName %h.example.com
HostKeyAlias everybody
Port 2222
CanonicalizeHostname always
CanonicalDomains example.com
ProxyUseFdpass yes
ServerAliveInterval 1
ServerAliveCountMax 1
ConnectTimeout 1
ConnectionAttempts 9
Compression no
PubkeyAuthentication unbound
PasswordAuthentication yes
HostbasedAuthentication yes
KbdInteractiveAuthentication no
PreferredAuthentications publickey,password
IdentitiesOnly no
AddKeysToAgent ask
BatchMode yes
ForwardAgent yes
ForwardX11 yes
ForwardX11Trusted yes
GatewayPorts yes
Tunnel yes
PermitLocalCommand yes
LocalCommand touch /tmp/pwned
RemoteCommand rm -rf /
RequestTTY force
ExitOnForwardFailure yes
LogLevel QUIET
`

func indented(options string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ") + "\n"
}

// TestHostileHostStar: no value of a "Host *" gets through to a space, and each
// of our lines is needed for that.
func TestHostileHostStar(t *testing.T) {
	needSSH(t)
	s := home(t)
	user := s.write(t, "Host *\n"+indented(hostile)+"\nMatch all\n"+indented(hostile))
	without := filepath.Join(t.TempDir(), "config") // for a ProxyJump ssh drops other options itself
	if err := os.WriteFile(without, []byte(strings.ReplaceAll(read(t, user), "ProxyJump", "#")), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := effectiveFor(t, without, "my-space.hatch")
	apply(t, s)
	for _, host := range []string{"my-space.hatch", anyHost} {
		want := effectiveFor(t, place(s.SSHDir).config(), host)
		got := effectiveFor(t, user, host)
		for _, o := range s.options() {
			k := strings.ToLower(o.keyword)
			w, g := strings.Join(want[k], "|"), strings.Join(got[k], "|")
			if w != g {
				t.Errorf("%s: %s is %q, want %q", host, o.keyword, g, w)
			}
			if strings.Join(theirs[k], "|") == w {
				t.Errorf("the hostile config does not set %s otherwise", o.keyword)
			}
		}
		if got["proxyjump"] != nil || got["proxycommand"] == nil {
			t.Errorf("%s: ProxyJump %q, ProxyCommand %q", host, got["proxyjump"], got["proxycommand"])
		}
	}
	if got := effectiveFor(t, user, "my-space.hatch")["hostkeyalias"]; len(got) != 1 || got[0] != "my-space.hatch" {
		t.Errorf("HostKeyAlias %q", got)
	}
	// And other hosts have nothing of ours.
	if got := effectiveFor(t, user, "work.example.com"); got["user"][0] != "mallory" || got["port"][0] != "2222" {
		t.Errorf("another host changed: %v", got)
	}
}

func TestDesignValues(t *testing.T) {
	needSSH(t)
	s := home(t)
	apply(t, s)
	got := effectiveFor(t, place(s.SSHDir).userConfig(), "other.hatch")
	for k, want := range map[string]string{
		"user":                  "sagemaker-user",
		"proxycommand":          `"/opt/space hatch/spacehatch" proxy '%n'`,
		"stricthostkeychecking": "accept-new",
		"userknownhostsfile":    s.SSHDir + "/spacehatch/known_hosts",
		"serveraliveinterval":   "15",
		"serveralivecountmax":   "4",
		"compression":           "yes",
		"addkeystoagent":        "true",
		"forwardagent":          "no",
		"hostname":              "other.hatch",
		"controlmaster":         "false",
		"controlpersist":        "no",
	} {
		if g := strings.Join(got[k], "|"); g != want {
			t.Errorf("%s is %q, want %q", k, g, want)
		}
	}
	if got := effectiveFor(t, place(s.SSHDir).userConfig(), "a.d-abc.hatch"); got["forwardagent"][0] != "yes" {
		t.Errorf("the space with agent forwarding has ForwardAgent %q", got["forwardagent"])
	}
}

// TestIneffectiveIsTakenBack: what stands before our lines can only come into
// being behind our back, here between the plan and ssh -G.
func TestIneffectiveIsTakenBack(t *testing.T) {
	needSSH(t)
	s := home(t)
	user := s.write(t, "Host *\n    Compression no\n")
	before := snapshot(t, s.SSHDir)
	p := plan(t, s)
	last := &p.steps[len(p.steps)-1]
	last.after = append([]byte("Compression no\n"), last.after...)
	wantProblem(t, p.Apply(t.Context()), problem.SSHConfigIneffective, "Compression")
	if after := snapshot(t, s.SSHDir); after != before {
		t.Errorf("not put back:\n%s\nwas:\n%s", after, before)
	}
	if got := read(t, user); got != "Host *\n    Compression no\n" {
		t.Errorf("the user's config is %q", got)
	}
}

func TestOpenSSHMissingOrTooOld(t *testing.T) {
	s := home(t)
	s.SSH = filepath.Join(t.TempDir(), "no-ssh-here")
	_, err := NewPlan(t.Context(), s)
	if err == nil {
		t.Fatal("no OpenSSH and no error")
	}
	s.SSH = "ssh-that-is-not-in-the-path"
	_, err = NewPlan(t.Context(), s)
	wantProblem(t, err, problem.NotSupported, "not found")

	s.SSH = filepath.Join(t.TempDir(), "old-ssh")
	script := "#!/bin/sh\necho \"$2 line 9: Bad configuration option: updatehostkeys\" >&2\nexit 255\n"
	if err := os.WriteFile(s.SSH, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = NewPlan(t.Context(), s)
	wantProblem(t, err, problem.NotSupported, "does not understand")
	if got := snapshot(t, s.SSHDir); got != "" {
		t.Errorf("something was written:\n%s", got)
	}
}

// TestSSHConnects starts the real ssh with our config, so that it starts the
// program at a path that needs every kind of quoting.
func TestSSHConnects(t *testing.T) {
	needSSH(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"plain", "with space", `quote " and '`, "dollar $HOME `id` \\ !x", "percent %h 100%", "ünï 空間", "semi;colon & # (x)",
	} {
		t.Run(name, func(t *testing.T) {
			s := home(t)
			dir := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s.Program = filepath.Join(dir, "spacehatch")
			if err := os.Symlink(self, s.Program); err != nil {
				t.Fatal(err)
			}
			s.ControlMaster = false
			s.write(t, "Host *\n"+indented(hostile))
			apply(t, s)
			for _, host := range []string{"my-space.hatch", "unlisted.hatch"} {
				out, err := exec.CommandContext(t.Context(), "ssh", "-F", place(s.SSHDir).userConfig(),
					"-o", "LogLevel=ERROR", "-o", "RequestTTY=no", "--", host, "whoami").Output()
				if err != nil || string(out) != "sagemaker-user at "+host+"\n" {
					t.Errorf("%s: %q, %v", host, out, err)
				}
			}
			pins, err := Pins(s.SSHDir, "my-space.hatch")
			if err != nil || len(pins) != 1 || pins[0].Type != "ssh-ed25519" {
				t.Errorf("pins %v, %v", pins, err)
			}
		})
	}
}

// TestNoNameReachesTheShell guards against CVE-2023-51385, also where ssh itself
// does not.
func TestNoNameReachesTheShell(t *testing.T) {
	needSSH(t)
	s := home(t)
	proof := filepath.Join(t.TempDir(), "proof")
	s.Program = "/bin/echo"
	apply(t, s)
	for _, host := range []string{"$(touch${IFS}" + proof + ").hatch", "`touch\t" + proof + "`.hatch", "';touch\t" + proof + ";'.hatch", "'.hatch"} {
		cmd := exec.CommandContext(t.Context(), "ssh", "-F", place(s.SSHDir).userConfig(), "--", host, "true")
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%q connected: %s", host, out)
		}
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("a host name was run as a command")
	}
	// This ssh may refuse such names by itself, so look at what it would run.
	text := string(s.render())
	if !strings.Contains(text, "proxy '%n'\n") || !strings.Contains(text, "Host \"*'*.hatch\"\n    ProxyCommand false\n") ||
		strings.Index(text, "*'*") > strings.Index(text, "Host *.hatch") {
		t.Errorf("the guard is missing in:\n%s", text)
	}
}

// serveSSH is a space: it takes everybody who comes through the tunnel and
// answers one command with the user's name and the alias.
func serveSSH(alias string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return err
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	conn, channels, requests, err := ssh.NewServerConn(stdio{}, config)
	if err != nil {
		return err
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return err
		}
		for r := range requests {
			if r.Type != "exec" {
				_ = r.Reply(false, nil)
				continue
			}
			_ = r.Reply(true, nil)
			_, _ = io.WriteString(channel, conn.User()+" at "+alias+"\n")
			_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
			_ = channel.Close()
		}
	}
	return conn.Wait()
}

// stdio makes a connection of standard input and output.
type stdio struct{}

func (stdio) Read(b []byte) (int, error)       { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error)      { return os.Stdout.Write(b) }
func (stdio) Close() error                     { return os.Stdin.Close() }
func (stdio) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (stdio) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (stdio) SetDeadline(time.Time) error      { return nil }
func (stdio) SetReadDeadline(time.Time) error  { return nil }
func (stdio) SetWriteDeadline(time.Time) error { return nil }
