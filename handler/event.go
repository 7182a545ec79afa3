package handler

import (
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Step is one of the six steps on the way of a link, or the start of a space
// that somebody named.
type Step string

// The steps, in the order in which they begin.
const (
	StepLink      Step = "link"       // read the link, ask the policy; without a link: find a session
	StepSpace     Step = "space"      // start the space; only where it needs that
	StepTunnel    Step = "tunnel"     // dial, shake hands, wait
	StepConsent   Step = "consent"    // ask the person, the first time per domain
	StepSSHConfig Step = "ssh-config" // show the diff, apply, verify
	StepSSH       Step = "ssh"        // start the ssh master
	StepEditor    Step = "editor"     // start the IDE
)

// StepSession is the one step of an ssh that is under way and waits for a person
// to get it a session.
const StepSession Step = "session"

// Progress is how far a step is.
type Progress string

// The ways of a step. Every step that started ends as done, skipped or failed,
// but for one that was under way beside the one that failed.
const (
	Started  Progress = "started"
	Asking   Progress = "asking"   // waits for a person
	Answered Progress = "answered" // goes on after that
	Waiting  Progress = "waiting"  // waits for AWS; Detail says for what. Told again and again
	Done     Progress = "done"
	Skipped  Progress = "skipped" // there was nothing to do
	Failed   Progress = "failed"
)

// Event tells what happens on the way of a link. It holds no secret and no
// text that was not made printable.
type Event struct {
	Step     Step
	Progress Progress
	// Elapsed is the time since the step started.
	Elapsed time.Duration
	// Detail is one clause for a person, and may be empty. A sentence may follow,
	// about what was left undone.
	Detail string
	// Problem is set where the step failed.
	Problem *problem.Problem
}

// stage measures one step and reports it.
type stage struct {
	step    Step
	started time.Time
	report  func(Event)
}

func (c *Connector) begin(step Step) *stage {
	s := &stage{step: step, started: time.Now(), report: c.Report}
	if s.report == nil {
		s.report = func(Event) {}
	}
	s.report(Event{Step: step, Progress: Started})
	return s
}

func (s *stage) end(progress Progress, detail string) {
	s.report(Event{Step: s.step, Progress: progress, Elapsed: time.Since(s.started), Detail: detail})
}

// asking reports that the step waits for a person, until the function that it
// returns is called.
func (s *stage) asking() (answered func()) {
	s.end(Asking, "")
	return func() { s.end(Answered, "") }
}

// fail reports err as the step's problem and returns it.
func (s *stage) fail(err error) error {
	p := problem.From(err)
	s.report(Event{Step: s.step, Progress: Failed, Elapsed: time.Since(s.started), Problem: p})
	return p
}
