//go:build linux

package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// withProfiles has the simulator's profiles in place of its credentials.
func (d *desk) withProfiles(s studio) {
	d.signedIn(s)
	d.env = append(d.env, "AWS_CONFIG_FILE="+s.Info().Profiles)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		d.env = append(d.env, name+"=")
	}
}

// cached are the sign-ins that AWS's tools would find.
func (d *desk) cached(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.home, ".aws", "sso", "cache", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A person at a terminal signs in on the way to a space, and ssh goes on
// without one.
func TestConnectSignsIn(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	d := newDesk(t)
	d.withProfiles(s)
	d.env = append(d.env, variableBrowser+"=allow", "SPACEHATCH_LOG=debug")
	if e := d.run(t, "", "ssh-config", "apply", "--yes"); e.code != 0 {
		t.Fatal(e)
	}
	p := d.sit(t, "connect", "my-space", "--profile", "simulated", "--editor", "none")
	p.expect(t, `Sign in to AWS now, profile "simulated"?`)
	p.expect(t, "[Y/n] ")
	p.typed(t, "\n")
	p.expect(t, "that it shows this code:")
	p.expect(t, "my-space is open.")
	if code := codeOf(t, p.cmd.Wait()); code != 0 || len(d.cached(t)) != 1 {
		t.Errorf("exit code %d, kept: %v\n%s", code, d.cached(t), p.said.String())
	}
	data, err := os.ReadFile(d.cached(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]string
	if err := json.Unmarshal(data, &kept); err != nil {
		t.Fatal(err)
	}
	log := d.logged(t, logName)
	for _, name := range []string{"accessToken", "refreshToken", "clientSecret"} {
		if kept[name] == "" || strings.Contains(log, kept[name]) || strings.Contains(p.said.String(), kept[name]) {
			t.Errorf("the %s is in what was logged or said, or is missing", name)
		}
	}
}

// Whoever gives up while the browser is waited for leaves nothing behind.
func TestASignInIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	d := newDesk(t)
	d.withProfiles(s)
	d.env = append(d.env, variableBrowser+"=fail")
	p := d.sit(t, "signin", "--profile", "simulated")
	p.expect(t, "open the page yourself")
	p.typed(t, "\x03")
	code, said := p.end(t)
	if code != exitCancelled || !strings.Contains(said, "Cancelled: you are not signed in.") || len(d.cached(t)) != 0 {
		t.Errorf("exit code %d, kept: %v\n%s", code, d.cached(t), said)
	}
	if _, err := os.Stat(d.state); err == nil && len(d.sockets(t)) != 0 {
		t.Error("a socket is left")
	}
}

// In a window, on the way to a space and by itself.
func TestSigningInInAWindow(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	d := newDesk(t)
	d.withProfiles(s)
	d.env = append(d.env, variableBrowser+"=allow")
	shown := d.person(t, "yes")
	if e := d.run(t, "", "connect", "my-space", "--profile", "simulated", "--editor", "none"); e.code != exitOK || !strings.Contains(e.out, "my-space is open.") {
		t.Fatal(e)
	}
	var question, code bool
	for _, screen := range shown() {
		if c := screen.Connection; c != nil && c.Question != nil {
			question = question || c.Question.Change != nil && c.Question.Change.Kind == view.SignInNow
			code = code || c.Question.SignIn != nil && c.Question.SignIn.Profile == "simulated" && strings.HasSuffix(c.Question.SignIn.Address, c.Question.SignIn.Code)
		}
	}
	if !question || !code || len(d.cached(t)) != 1 {
		t.Errorf("asked: %v, code shown: %v, kept: %v", question, code, d.cached(t))
	}
	// The role stands on the sign-in that is there, and wants a code of its own.
	if e := d.run(t, "", "connect", "notebooks", "--profile", "simulated-mfa", "--editor", "none"); e.code != exitOK {
		t.Fatal(e)
	}
	codes := 0
	for _, screen := range shown() {
		if c := screen.Connection; c != nil && c.Question != nil && c.Question.MFA != nil {
			codes = max(codes, c.Question.ID)
		}
	}
	if codes == 0 {
		t.Error("no window asked for the MFA code")
	}
	before := len(shown())
	if e := d.run(t, "", "signin", "--window", "--profile", "simulated"); e.code != exitOK {
		t.Fatal(e)
	}
	if last := shown()[len(shown())-1].Connection; len(shown()) == before || last == nil || !last.Done || last.SignIn != "simulated" {
		t.Errorf("the last screen is %+v", last)
	}
}

// greets is an ssh that says hello to the space, and hears its answer.
func (d *desk) greets(t *testing.T) {
	t.Helper()
	cmd := d.command("proxy", mySpace(t).ARN)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
		return
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(in, "SSH-2.0-test\r\n") // an end of the program shows below
	banner := make([]byte, len("SSH-2.0-"))
	if _, err := io.ReadFull(out, banner); err != nil || string(banner) != "SSH-2.0-" {
		t.Errorf("the space says %q, %v", banner, err)
	}
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait() // what ssh would make of it is not the matter
}

// What ssh sends is for the space, and not for the person's own program that
// the SDK starts for credentials: it hands standard input on.
func TestAProgramForCredentialsGetsNothingOfSSH(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	d := newDesk(t)
	d.signedIn(s)
	config, stolen := filepath.Join(d.home, "aws-config"), filepath.Join(d.home, "stolen")
	text := "[profile program]\nregion = us-east-1\ncredential_process = sh -c 'cat >" + stolen +
		`; printf "{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\",\"SessionToken\":\"%s\"}" "$KEY" "$SECRET" "$TOKEN"'` + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := s.Info().Env
	d.env = append(d.env, "KEY="+env["AWS_ACCESS_KEY_ID"], "SECRET="+env["AWS_SECRET_ACCESS_KEY"], "TOKEN="+env["AWS_SESSION_TOKEN"],
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_CONFIG_FILE="+config, "AWS_PROFILE=program")
	d.greets(t)
	if data, err := os.ReadFile(stolen); err != nil || len(data) != 0 {
		t.Errorf("the program read %q, %v", data, err)
	}
}

// An IDE's ssh, which has no terminal, brings a window; who says no there is
// not asked again by the next one, and two at once bring one window.
func TestAnSSHWithoutATerminalSignsIn(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	begin := func(t *testing.T, says string) (*desk, func() []view.Screen) {
		d := newDesk(t)
		d.withProfiles(s)
		d.env = append(d.env, variableBrowser+"=allow", "AWS_PROFILE=simulated")
		return d, d.person(t, says)
	}
	questions := func(screens []view.Screen) int {
		n, last := 0, 0
		for _, screen := range screens {
			c := screen.Connection
			switch {
			case c == nil || c.Question == nil || c.Question.Change == nil:
				last = 0
			case c.Question.ID != last:
				n, last = n+1, c.Question.ID
			}
		}
		return n
	}
	t.Run("yes", func(t *testing.T) {
		t.Parallel()
		d, shown := begin(t, "yes")
		var ended sync.WaitGroup
		for range 2 {
			ended.Go(func() { d.greets(t) })
		}
		ended.Wait()
		screens := shown()
		if n := questions(screens); n != 1 || len(d.cached(t)) != 1 {
			t.Errorf("asked %d times, kept %v", n, d.cached(t))
		}
		if first := screens[0].Connection; first.SignIn != "simulated" || !strings.Contains(first.Question.Change.Text, `wants to open the space "my-space".`) {
			t.Errorf("the first screen is %+v", first)
		}
	})
	t.Run("no", func(t *testing.T) {
		t.Parallel()
		d, shown := begin(t, "no")
		for range 2 {
			got := d.run(t, "", "proxy", mySpace(t).ARN)
			if got.code != exitFailed || !strings.Contains(got.errors, "Nobody has signed in to the AWS profile \"simulated\"") {
				t.Errorf("%v", got)
			}
		}
		if n := questions(shown()); n != 1 || len(d.cached(t)) != 0 {
			t.Errorf("asked %d times, kept %v", n, d.cached(t))
		}
	})
}

// A machine of Session Manager's is opened with a role that wants a code, too.
func TestAnInstanceAsksForTheCode(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	d := newDesk(t)
	d.withProfiles(s)
	d.env = append(d.env, variableBrowser+"=allow")
	for _, args := range [][]string{{"ssh-config", "apply", "--yes"}, {"signin", "--profile", "simulated"}} {
		if e := d.run(t, "", args...); e.code != exitOK {
			t.Fatal(e)
		}
	}
	machine := s.Info().Instances[0]
	p := d.sit(t, "connect", machine, "--profile", "simulated-mfa", "--editor", "none")
	p.expect(t, "wants the MFA code of arn:aws:iam::111122223333:mfa/alice: ")
	p.typed(t, api.MFACode+"\n")
	p.expect(t, "a session for "+machine)
}
