//go:build linux

package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/space"
)

// slowStudio is a Studio whose spaces take a while to start.
func slowStudio(t *testing.T, start time.Duration) studio {
	t.Helper()
	config := simulator.Defaults()
	config.SSHD, config.AgentPace, config.StartDelay, config.UpdateDelay, config.StopDelay, config.RegisterDelay = space.Embedded, 0, start, 0, 0, 0
	s, err := simulator.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return studio{s}
}

// Ctrl-C while a space starts leaves it starting, says so, and says how to go
// on and how to stop it.
func TestCtrlCLeavesASpaceAsItIs(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), slowStudio(t, time.Hour)
	d.signedIn(s)
	r := d.start(t, "connect", "stopped", "--yes", "--editor", "none")
	r.expect(t, "waiting for the space to start")
	before := s.API().Count("sagemaker:CreateApp")
	r.interrupt(t)
	e := r.end(t)
	if want := `Cancelled. The space "stopped" stays as it is: it is starting, and runs until it is stopped.`; e.code != exitCancelled || !strings.Contains(e.errors, want) {
		t.Errorf("not told: %v", e)
	}
	if !strings.Contains(e.errors, "`spacehatch connect stopped` goes on from there; `spacehatch stop stopped` stops the space.") {
		t.Errorf("no way on: %v", e)
	}
	if list := d.run(t, "", "spaces"); !regexp.MustCompile(`(?m)^stopped .* starting `).MatchString(list.out) {
		t.Errorf("afterwards: %v", list)
	}
	if s.API().Count("sagemaker:CreateApp") != before || before != 1 || s.API().Count("sagemaker:DeleteApp") != 0 {
		t.Error("something was done after the signal")
	}
	d.noSocket(t)
}

// Whoever connects to a space that somebody else starts just now waits with
// them, and is asked nothing.
func TestASpaceThatStartsAlreadyIsWaitedFor(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), slowStudio(t, 3*time.Second)
	d.signedIn(s)
	if e := d.run(t, "", "ssh-config", "apply", "--yes"); e.code != exitOK {
		t.Fatal(e)
	}
	first := d.start(t, "connect", "stopped", "--yes", "--editor", "none")
	first.expect(t, "waiting for the space to start")
	second := d.run(t, "", "connect", "stopped", "--editor", "none")
	if second.code != exitOK || !strings.Contains(second.out, "waiting for what is under way in the space") {
		t.Errorf("the second: %v", second)
	}
	if e := first.end(t); e.code != exitOK {
		t.Errorf("the first: %v", e)
	}
	if n := s.API().Count("sagemaker:CreateApp"); n != 1 {
		t.Errorf("started %d times", n)
	}
}

func TestOneNamed(t *testing.T) {
	const prefix = "arn:aws:sagemaker:us-east-1:111122223333:space/"
	l := spaces.Listing{Region: "us-east-1", Spaces: []spaces.Space{
		{Name: "twin", ARN: prefix + "d-a/twin", Owner: "alice", Status: spaces.Running},
		{Name: "Twin", ARN: prefix + "d-b/Twin", Owner: "bob", Status: spaces.Stopped},
		{Name: "both", ARN: prefix + "d-a/both", Owner: "alice", Status: spaces.Running},
		{Name: "both", ARN: prefix + "d-b/both", Status: spaces.Stopped},
	}}
	for name, want := range map[string]string{"twin": prefix + "d-a/twin", "Twin": prefix + "d-b/Twin", "three": ""} {
		if got, err := oneNamed(l, name); err != nil || got.ARN != want {
			t.Errorf("%s: %q, %v", name, got.ARN, err)
		}
	}
	for _, name := range []string{"TWIN", "both"} {
		_, err := oneNamed(l, name)
		if p := problem.From(err); p.Code != problem.UnknownAlias || strings.Count(p.Paste, prefix) != 2 {
			t.Errorf("%s: %v, %q", name, err, p.Paste)
		}
	}
	_, err := oneNamed(l, "both")
	p := problem.From(err)
	if p.Sentence != `There are 2 spaces named "both" in us-east-1.` || p.Paste != prefix+"d-a/both  running, alice\n"+prefix+"d-b/both  stopped, nobody's" {
		t.Errorf("%s\n%s", p.Sentence, p.Paste)
	}
}

// policies are the fenced blocks of docs/admin.md that have a name.
func policies(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```json ([a-z-]+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// The policies of the administrator's guide are enough for what they are for,
// and each statement of them is needed.
func TestTheAdministratorsPolicies(t *testing.T) {
	t.Parallel()
	all := policies(t)
	d, s := newDesk(t), slowStudio(t, 0)
	d.signedIn(s)
	if e := d.run(t, "", "ssh-config", "apply", "--yes"); e.code != exitOK {
		t.Fatal(e)
	}
	limit := func(role, document string) {
		t.Helper()
		if document == "" {
			t.Fatal("the guide lacks a policy")
		}
		if err := s.API().SetPolicy(role, []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	works := func(args ...string) {
		t.Helper()
		if e := d.run(t, "", args...); e.code != exitOK {
			t.Errorf("%s: %v", args, e)
		}
	}
	refused := func(permission string, args ...string) {
		t.Helper()
		if e := d.run(t, "", args...); e.code != exitFailed || !strings.Contains(e.errors, permission) {
			t.Errorf("%s: want a refusal of %s, got %v", args, permission, e)
		}
	}

	// Remote access forbidden, whatever else is allowed.
	var both []string
	for _, name := range []string{"explorer", "no-remote-access"} {
		_, statements, ok := strings.Cut(all[name], `"Statement": [`)
		if !ok {
			t.Fatalf("%s has no statements", name)
		}
		both = append(both, statements[:strings.LastIndex(statements, "]")])
	}
	limit("StudioUser", `{"Statement": [`+strings.Join(both, ",")+`]}`)
	refused("A policy forbids", "connect", "stopped", "--yes", "--editor", "none")

	// The list of spaces and all that follows from it; first without each of
	// the permissions.
	// In this order: a connect that fails later has updated the space before.
	for _, each := range []struct {
		action string
		args   []string
	}{
		{"UpdateSpace", []string{"connect", "stopped", "--yes", "--editor", "none"}},
		{"CreateApp", []string{"connect", "stopped", "--yes", "--editor", "none"}},
		{"ListSpaces", []string{"spaces"}},
		{"ListApps", []string{"spaces"}},
		{"DeleteApp", []string{"stop", "notebooks", "--yes"}},
		{"DescribeSpace", []string{"stop", "notebooks", "--yes"}},
		{"DescribeApp", []string{"stop", "notebooks", "--yes"}},
		{"StartSession", []string{"connect", "my-space", "--editor", "none"}},
	} {
		action, args := each.action, each.args
		without := strings.Replace(all["explorer"], `"sagemaker:`+action+`"`, `"sagemaker:Nothing"`, 1)
		if without == all["explorer"] {
			t.Errorf("%s is not in the policy", action)
		}
		limit("StudioUser", without)
		refused("sagemaker:"+action, args...)
	}
	limit("StudioUser", all["explorer"])
	if e := d.run(t, "", "spaces"); e.code != exitOK || e.errors != "" || !strings.Contains(e.out, "my-space") {
		t.Errorf("spaces: %v", e)
	}
	works("connect", "stopped", "--yes", "--editor", "none")
	works("connect", "closed", "--yes", "--editor", "none")
	works("stop", "stopped", "--yes")

	// The terminal.
	limit("StudioUser", all["ssh"])
	if got := d.connect(t, arn, "echo hello"); got != "hello\n" {
		t.Errorf("the space says %q", got)
	}
	refused("sagemaker:StartSession on arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/MySpace2",
		"connect", "arn:aws:sagemaker:us-east-1:111122223333:space/d-simulated0001/MySpace2", "--editor", "none")
	refused("it needs the permission sagemaker:List", "spaces") // both lists are refused

	// Studio's own button.
	limit("StudioExecutionRole", all["deep-link"])
	if link := s.link(t, "space=my-space"); !strings.Contains(link, "my-space") {
		t.Errorf("no link: %s", link)
	}
	limit("StudioExecutionRole", strings.Replace(all["deep-link"], "user-profile/", "user-profile/x", 1))
	answer, err := http.Get(s.Info().Page + "api/link?space=my-space")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		t.Error("somebody else's space is opened")
	}
}

// A space takes ten connections. The eleventh is refused, and whose the others
// are is told.
func TestTheEleventhConnection(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	full := api.Fault{Operation: "sagemaker:StartSession", Code: "ResourceLimitExceeded", Times: -1}
	s.API().Fail(full)
	told(t, d.run(t, "", "proxy", arn), exitFailed, `The space "my-space" has its 10 connections already.`)
	if e := d.run(t, "", "proxy", arn); !strings.Contains(e.errors, "None of them is listed on this computer") {
		t.Errorf("nothing is open here: %v", e)
	}
	s.API().ClearFaults()
	held, _ := d.waitingTunnel(t, s)
	s.API().Fail(full)
	if e := d.run(t, "", "connect", arn, "--editor", "none"); e.code != exitFailed || !strings.Contains(e.errors, "One of them is this computer's: `spacehatch close my-space.hatch` ends it.") {
		t.Errorf("one is open here: %v", e)
	}
	held.interrupt(t)
}

// A list that takes its time is told of before AWS has said anything, and never
// after its end.
func TestListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			said buffer
			read int // bytes of it so far
		)
		p := &program{err: &said}
		report, end := p.listing("eu-west-1")
		after := func(d time.Duration, want string) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			all := said.String()
			if got := all[read:]; got != want {
				t.Errorf("said %q, want %q", got, want)
			}
			read = len(all)
		}
		after(499*time.Millisecond, "")
		after(time.Millisecond, "Listing the spaces in eu-west-1 …\n")
		after(time.Hour, "")
		report(spaces.Progress{Spaces: 3, Apps: 2})
		after(2*time.Second, "Listing the spaces in eu-west-1: 3 spaces, 2 applications so far …\n")
		report(spaces.Progress{Spaces: 4, Apps: 2})
		end()
		after(time.Hour, "")
	})
}
