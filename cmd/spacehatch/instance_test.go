//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

const (
	testInstance = "i-0123456789abcdef0"
	testMachine  = "mi-0123456789abcdef0"
)

// answered are the codes of AWS's answers to the calls of an operation, empty
// for success.
func (s studio) answered(operation string) (codes []string) {
	for _, call := range s.API().Calls() {
		if call.Operation == operation {
			codes = append(codes, call.Code)
		}
	}
	return codes
}

// login is a login on the instance through stdin and stdout of a program.
func (r *running) login(t *testing.T, s studio, user string) *ssh.Client {
	t.Helper()
	text, err := os.ReadFile(s.Info().InstanceKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := ssh.NewClientConn(pipes{r.out, r.stdin}, "instance", &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatalf("%v; stderr: %s", err, &r.errors)
	}
	return ssh.NewClient(conn, channels, requests)
}

// pipes are the two streams of a program as one connection.
type pipes struct {
	io.Reader
	io.WriteCloser
}

func (pipes) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (pipes) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (pipes) SetDeadline(time.Time) error      { return nil }
func (pipes) SetReadDeadline(time.Time) error  { return nil }
func (pipes) SetWriteDeadline(time.Time) error { return nil }

func say(t *testing.T, c *ssh.Client, text string) {
	t.Helper()
	channel, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := channel.Output("echo " + text)
	if err != nil || string(out) != text+"\n" {
		t.Errorf("the instance says %q, %v", out, err)
	}
}

// A host that is named like an instance is one, without any word before.
func TestProxyToAnInstance(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	for _, host := range []string{testInstance + ".hatch", strings.ToUpper(testMachine)} {
		r := d.start(t, "proxy", host)
		c := r.login(t, s, "ec2-user")
		say(t, c, "hello")
		if open := d.awaitTunnel(t, registry.Connected); open.Alias != strings.ToLower(strings.TrimSuffix(host, ".hatch"))+".hatch" {
			t.Errorf("%+v", open)
		}
		_ = c.Close()
		if e := r.end(t); e.code != exitOK || e.errors != "" {
			t.Error(e)
		}
	}
	// Both heard of the end by the data channel, so nobody had to be asked.
	if starts, ends := s.answered("ssm:StartSession"), s.answered("ssm:TerminateSession"); len(starts) != 2 || len(ends) != 0 {
		t.Errorf("%d sessions were started, %d ended by a call", len(starts), len(ends))
	}
	if known, err := d.store().Spaces(); err != nil || len(known) != 0 {
		t.Errorf("remembered: %+v, %v", known, err)
	}
}

// Session Manager's ResumeSession keeps the stream when the token of before is
// not taken a second time.
func TestInstanceSessionIsResumed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(d *desk, s studio) *running{
		"proxy": func(d *desk, _ studio) *running { return d.start(t, "proxy", testInstance) },
		"plugin": func(d *desk, s studio) *running {
			return d.start(t, append([]string{pluginName}, s.pluginCall(t, gateway.Request{})...)...)
		},
	} {
		d, s := newDesk(t), newStudio(t)
		d.signedIn(s)
		r := start(d, s)
		c := r.login(t, s, "ec2-user")
		say(t, c, "before")
		s.loses(t)
		say(t, c, "after")
		if resumed := s.answered("ssm:ResumeSession"); len(resumed) != 1 || resumed[0] != "" {
			t.Errorf("%s: resumed %q", name, resumed)
		}
		_ = c.Close()
		if e := r.end(t); e.code != exitOK || e.errors != "" {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A session that was ended elsewhere is over at once, and says how to go on.
func TestInstanceSessionThatIsOver(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	r := d.start(t, "proxy", testInstance)
	say(t, r.login(t, s, "ec2-user"), "before")
	s.API().Fail(api.Fault{Operation: "ssm:ResumeSession", Code: "DoesNotExistException", Times: -1})
	s.loses(t)
	if e := r.end(t); e.code != exitFailed || !strings.Contains(e.errors, "Connect again.") || strings.Contains(e.errors, "Studio") {
		t.Error(e)
	}
}

// A tunnel that cannot say that it ends has Session Manager end the session,
// which would stay open for twenty minutes.
func TestInstanceSessionIsTerminatedWhereTheTunnelCannot(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	r := d.start(t, "proxy", testInstance)
	say(t, r.login(t, s, "ec2-user"), "before")
	s.Gateway().SetFaults(gateway.Faults{RefuseDials: true})
	if n := s.Gateway().Drop(""); n != 1 {
		t.Fatalf("%d sockets were dropped", n)
	}
	d.awaitTunnel(t, registry.Reconnecting)
	r.interrupt(t)
	if e := r.end(t); e.code != exitOK {
		t.Error(e)
	}
	if ended := s.answered("ssm:TerminateSession"); len(ended) != 1 || ended[0] != "" {
		t.Errorf("ended by a call: %q", ended)
	}
}

// A session that nobody can open is ended, too.
func TestInstanceSessionIsTerminatedWhereItCannotBeOpened(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	s.Gateway().SetFaults(gateway.Faults{RefuseDials: true})
	e := d.run(t, "", "proxy", testInstance)
	if e.code != exitFailed || e.out != "" {
		t.Error(e)
	}
	if ended := s.answered("ssm:TerminateSession"); len(ended) != 1 || ended[0] != "" {
		t.Errorf("ended by a call: %q", ended)
	}
}

// A gateway that wants signatures gets them where there are credentials, and
// nobody's name where it wants none.
func TestUpgradesAreSignedWhereTheGatewayWantsIt(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	r := d.start(t, "proxy", testInstance)
	r.expect(t, banner)
	r.interrupt(t)
	r.end(t)
	if n := s.Gateway().Counters().Signed; n != 0 {
		t.Errorf("%d upgrades were signed that need not be", n)
	}
	s.Gateway().SetFaults(gateway.Faults{SignedUpgrades: true})
	for i, args := range [][]string{
		{"proxy", testInstance},
		append([]string{pluginName}, s.pluginCall(t, gateway.Request{})...),
		{"proxy", mySpace(t).ARN},
	} {
		r := d.start(t, args...)
		r.expect(t, banner)
		r.interrupt(t)
		if e := r.end(t); e.code != exitOK {
			t.Error(e)
		}
		if n := s.Gateway().Counters().Signed; n != int64(i+1) {
			t.Errorf("%v: %d upgrades were signed", args[0], n)
		}
	}
	// Without credentials there is nothing to sign with.
	nobody := newDesk(t)
	nobody.at(s)
	e := nobody.run(t, "", append([]string{pluginName}, s.pluginCall(t, gateway.Request{})...)...)
	if e.code != exitFailed || !strings.Contains(e.errors, "AWS refused the data channel") {
		t.Error(e)
	}
}

// pluginCall starts a session with the instance and returns the arguments that
// the AWS CLI would give to its plugin.
func (s studio) pluginCall(t *testing.T, request gateway.Request) []string {
	t.Helper()
	// At the gateway itself: a test's own environment has no credentials.
	behind, err := s.Space(t.Context(), testInstance)
	if err != nil {
		t.Fatal(err)
	}
	request.IDPrefix = "alice-"
	o, err := s.Gateway().CreateSession(behind, request)
	if err != nil {
		t.Fatal(err)
	}
	response, err := json.Marshal(map[string]string{"SessionId": o.ID, "StreamUrl": o.StreamURL.Reveal(), "TokenValue": o.Token.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	// As AWS's own programs write it.
	text := strings.ReplaceAll(string(response), `\u0026`, "&")
	return []string{text, "us-east-1", "StartSession", "", `{"Target":"` + testInstance + `"}`, s.Info().SageMaker}
}

// What a person says of an instance is remembered, and a later word counts.
func TestWhatIsSaidOfAnInstance(t *testing.T) {
	p := thisSystem()
	store := session.OpenStore(t.TempDir(), t.TempDir())
	q := &places{store: store}
	see := func(id string, said instanceFlags, want session.Space) {
		t.Helper()
		got, err := p.instance(t.Context(), q, id, said)
		if err != nil {
			t.Fatal(err)
		}
		if got.Alias != id+".hatch" || got.User != want.User || got.Profile != want.Profile || got.Region != want.Region || got.Partition != want.Partition {
			t.Errorf("%+v: %+v", said, got)
		}
		if _, err := store.Remember(t.Context(), got); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	see(testInstance, instanceFlags{}, session.Space{User: "ec2-user", Region: "eu-west-1", Partition: "aws"})
	see(testInstance, instanceFlags{user: "ubuntu", profile: "dev", region: "cn-north-1"}, session.Space{User: "ubuntu", Profile: "dev", Region: "cn-north-1", Partition: "aws-cn"})
	see(testInstance, instanceFlags{region: "us-east-1"}, session.Space{User: "ubuntu", Profile: "dev", Region: "us-east-1", Partition: "aws"})
	see(testInstance, instanceFlags{}, session.Space{User: "ubuntu", Profile: "dev", Region: "us-east-1", Partition: "aws"})
	for _, said := range []instanceFlags{{user: "a b"}, {user: "-x"}, {region: "nowhere"}, {region: "us-east-1\n"}} {
		if _, err := p.instance(t.Context(), q, testInstance, said); err == nil {
			t.Errorf("%+v is taken", said)
		}
	}
	if _, err := p.instance(t.Context(), q, testInstance, instanceFlags{user: "-x"}); !errors.As(err, new(errUsage)) {
		t.Error("a wrong user is no error of the command line")
	}
}
