package terminal

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestEveryEndIsALine(t *testing.T) {
	for want, e := range map[string]handler.Event{
		"ok  Link         0 ms  my-space":    {Step: handler.StepLink, Progress: handler.Done, Elapsed: 400 * time.Microsecond, Detail: "my-space"},
		"--  Consent     12 ms  trusted":     {Step: handler.StepConsent, Progress: handler.Skipped, Elapsed: 12 * time.Millisecond, Detail: "trusted"},
		"!!  SSH config  1.5 s":              {Step: handler.StepSSHConfig, Progress: handler.Failed, Elapsed: 1500 * time.Millisecond, Problem: problem.New(problem.Internal, "No.", "", nil)},
		"ok  Tunnel      1m40s  open":        {Step: handler.StepTunnel, Progress: handler.Done, Elapsed: 100*time.Second + 400*time.Millisecond, Detail: "open"},
		"ok  SSH        999 ms  connected":   {Step: handler.StepSSH, Progress: handler.Done, Elapsed: 999999 * time.Microsecond, Detail: "connected"},
		"ok  IDE         1.0 s  Visual Code": {Step: handler.StepEditor, Progress: handler.Done, Elapsed: time.Second, Detail: "Visual Code"},
	} {
		var out strings.Builder
		p := Progress{Out: &out}
		p.Show(handler.Event{Step: e.Step, Progress: handler.Started})
		p.Show(handler.Event{Step: e.Step, Progress: handler.Asking})
		p.Show(e)
		if got := out.String(); got != want+"\n" {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// A line tells of what takes long, once, and never of what has ended or waits
// for the person.
func TestWhatTakesLongIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := Progress{Out: &out}
		after := func(d time.Duration, want string, events ...handler.Event) {
			t.Helper()
			for _, e := range events {
				p.Show(e)
			}
			<-time.After(d)
			synctest.Wait()
			if got := out.String(); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			out.Reset()
		}
		event := func(s handler.Step, p handler.Progress) handler.Event { return handler.Event{Step: s, Progress: p} }
		after(patience-1, "", event(handler.StepLink, handler.Started))
		after(time.Hour, "ok  Link         0 ms\n", event(handler.StepLink, handler.Done))
		after(time.Hour, "..  Tunnel             connecting to AWS\n", event(handler.StepTunnel, handler.Started))
		after(time.Hour, "", event(handler.StepConsent, handler.Started), event(handler.StepConsent, handler.Asking))
		after(patience, "..  Consent            looking for an earlier answer\n", event(handler.StepConsent, handler.Answered))
		after(patience, "ok  Consent      0 ms\n..  Tunnel             connecting to AWS\n", event(handler.StepConsent, handler.Done))
		after(patience, "..  SSH                connecting to the space\n", event(handler.StepSSH, handler.Started))
		after(time.Hour, "!!  SSH          0 ms\n", event(handler.StepSSH, handler.Failed))
		// What AWS is waited for is told by itself, at once and from time to time.
		waiting := func(detail string, elapsed time.Duration) handler.Event {
			return handler.Event{Step: handler.StepSpace, Progress: handler.Waiting, Detail: detail, Elapsed: elapsed}
		}
		after(time.Hour, "..  Space       1.0 s  waiting for the space to stop\n..  Space       3.0 s  waiting for the space to start\n"+
			"..  Space      18.0 s  waiting for the space to start\nok  Space      20.0 s  it runs\n",
			event(handler.StepSpace, handler.Started), waiting("waiting for the space to stop", time.Second), waiting("waiting for the space to stop", 2*time.Second),
			waiting("waiting for the space to start", 3*time.Second), waiting("waiting for the space to start", 17*time.Second),
			waiting("waiting for the space to start", 18*time.Second),
			handler.Event{Step: handler.StepSpace, Progress: handler.Done, Detail: "it runs", Elapsed: 20 * time.Second})
	})
}

func TestEveryStepHasWords(t *testing.T) {
	for _, step := range []handler.Step{handler.StepLink, handler.StepSpace, handler.StepTunnel, handler.StepConsent, handler.StepSSHConfig, handler.StepSSH, handler.StepEditor} {
		if names[step] == "" || underway[step] == "" {
			t.Errorf("%s has no words", step)
		}
	}
}
