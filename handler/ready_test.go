package handler

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// fakeStudio is a Studio in which the space needs what plan says.
type fakeStudio struct {
	*world
	plan               spaces.Plan
	lookErr, startErr  error
	stopRan            bool
	asked              *Proposal
	cancelWhileStarted context.CancelFunc
}

func (s *fakeStudio) Look(context.Context, session.Space) (spaces.Plan, error) {
	s.note("look")
	return s.plan, s.lookErr
}

func (s *fakeStudio) Start(_ context.Context, _ spaces.Plan, report func(spaces.Event)) error {
	s.note("start the space")
	report(spaces.Event{Phase: spaces.Rising, Last: 100 * time.Second})
	report(spaces.Event{Phase: spaces.Rising, Done: true})
	if s.cancelWhileStarted != nil {
		s.cancelWhileStarted()
	}
	return s.startErr
}

func (s *fakeStudio) Stop(_ context.Context, _ session.Space, report func(spaces.Event)) (bool, error) {
	s.note("stop the space")
	report(spaces.Event{Phase: spaces.Ending})
	return s.stopRan, s.startErr
}

func (s *fakeStudio) Approve(ctx context.Context, p Proposal) (bool, error) {
	s.asked = &p
	return s.world.Approve(ctx, p)
}

var namedSpace = session.Space{Kind: session.SageMaker, Alias: "my-space.hatch", Name: "my-space", Scheme: "cursor",
	ARN: "arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my-space"}

// answers gives one answer after the other, the last again and again.
func answers(all ...error) (sourceFunc, *int) {
	asked := 0
	return func() (session.Session, error) {
		err := all[min(asked, len(all)-1)]
		asked++
		if err != nil {
			return session.Session{}, err
		}
		return session.Session{ID: "fresh", Token: secret.New("t")}, nil
	}, &asked
}

func awsSays(code problem.Code) error { return problem.New(code, "What AWS said.", "", nil) }

func TestASpaceIsMadeReady(t *testing.T) {
	stopped := spaces.Plan{Start: true, Space: spaces.Space{Name: "my-space", InstanceType: "ml.t3.large"}}
	opened := []string{"dial fresh for my-space.hatch", "remember my-space.hatch", "release my-space.hatch", "master my-space.hatch"}
	with := func(before ...string) []string { return append(before, opened...) }
	const ask = "ask start "
	for name, c := range map[string]struct {
		plan    spaces.Plan
		set     func(*fakeStudio)
		o       Options
		answers []error
		did     []string
		tries   int
		code    problem.Code
	}{
		"a session is there": {answers: []error{nil}, did: opened, tries: 1},
		"stopped": {plan: stopped, answers: []error{awsSays(problem.Rejected), nil},
			set: func(s *fakeStudio) { s.approve = true }, did: with("look", ask, "start the space"), tries: 2},
		"known to be stopped": {plan: stopped, o: Options{Stopped: true}, answers: []error{nil},
			set: func(s *fakeStudio) { s.approve = true }, did: with("look", ask, "start the space"), tries: 1},
		"with --yes": {plan: stopped, o: Options{Yes: true}, answers: []error{awsSays(problem.SpaceNotFound), nil},
			did: with("look", "start the space"), tries: 2},
		"a no": {plan: stopped, answers: []error{awsSays(problem.Rejected)}, did: []string{"look", ask}, tries: 1, code: problem.Cancelled},
		"nobody to ask": {plan: stopped, answers: []error{awsSays(problem.Rejected)},
			set: func(s *fakeStudio) { s.personErr = awsSays(problem.NeedsPerson) }, did: []string{"look", ask}, tries: 1, code: problem.NeedsPerson},
		"starting already": {plan: spaces.Plan{Wait: true}, answers: []error{awsSays(problem.SpaceStarting), awsSays(problem.SpaceStarting), nil},
			did: with("look", "start the space"), tries: 3},
		"running, and not known to Session Manager yet": {answers: []error{awsSays(problem.SpaceStarting), nil}, did: with("look"), tries: 2},
		"never known to Session Manager":                {answers: []error{awsSays(problem.SpaceStarting)}, did: []string{"look"}, tries: 1 + startedTries, code: problem.SpaceStarting},
		"ready, and yet refused":                        {answers: []error{awsSays(problem.Rejected)}, did: []string{"look"}, tries: 1, code: problem.Rejected},
		"no permission to look": {answers: []error{awsSays(problem.SpaceNotFound)},
			set: func(s *fakeStudio) { s.lookErr = awsSays(problem.AccessDenied) }, did: []string{"look"}, tries: 1, code: problem.SpaceNotFound},
		"no permission to look at what is known to be stopped": {o: Options{Stopped: true}, answers: []error{nil},
			set: func(s *fakeStudio) { s.lookErr = awsSays(problem.AccessDenied) }, did: []string{"look"}, code: problem.AccessDenied},
		"a start that fails": {plan: stopped, o: Options{Yes: true}, answers: []error{awsSays(problem.Rejected)},
			set: func(s *fakeStudio) { s.startErr = awsSays(spaces.StartFailed) }, did: []string{"look", "start the space"}, tries: 1, code: spaces.StartFailed},
		"ten connections are no reason to look": {answers: []error{awsSays(problem.TooManyConnections)}, tries: 1, code: problem.TooManyConnections},
		"nor is a refusal":                      {answers: []error{awsSays(problem.AccessDenied)}, tries: 1, code: problem.AccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeStudio{world: &world{}, plan: c.plan}
			if c.set != nil {
				c.set(s)
			}
			var events []Event
			connector := s.connector(&events)
			connector.Studio, connector.Person = s, s
			source, tries := answers(c.answers...)
			c.o.Editor = NoEditor
			_, err := connector.Reopen(t.Context(), namedSpace, source, c.o)
			if code := codeOf(err); code != c.code {
				t.Errorf("ended with %q, want %q: %v", code, c.code, err)
			}
			if !slices.Equal(s.did, c.did) {
				t.Errorf("did\n  %s\nwant\n  %s", strings.Join(s.did, "\n  "), strings.Join(c.did, "\n  "))
			}
			if *tries != c.tries {
				t.Errorf("asked for %d sessions, want %d", *tries, c.tries)
			}
			checkEvents(t, events, c.code)
		})
	}
}

// The question names each thing that would be changed, and its safe answer is
// no where work is lost.
func TestTheQuestionBeforeAStart(t *testing.T) {
	space := spaces.Space{Name: "my-space", InstanceType: "ml.t3.medium"}
	for _, c := range []struct {
		plan     spaces.Plan
		title    string
		text     string
		cautious bool
	}{
		{spaces.Plan{Space: spaces.Space{Name: "my-space", InstanceType: "ml.g5.xlarge"}, Start: true, Took: 100 * time.Second}, `Start the space "my-space"?`,
			"Before you can connect, AWS has to\n\n  - start it on ml.g5.xlarge. That costs money until it is stopped.\n\nLast time that took 1m40s.", false},
		{spaces.Plan{Space: space, Start: true, RemoteAccess: true, Resize: "ml.t3.large"}, `Start the space "my-space"?`,
			"Before you can connect, AWS has to\n\n  - switch remote access on.\n  - set its instance type to ml.t3.large (now it is ml.t3.medium): remote access needs 8 GiB of memory.\n" +
				"  - start it on ml.t3.large. That costs money until it is stopped.", false},
		{spaces.Plan{Space: spaces.Space{Name: "my\x1bspace"}, Stop: true, Start: true, RemoteAccess: true, Resize: "ml.t3.large"}, `Restart the space "my?space"?`,
			"Before you can connect, AWS has to\n\n  - stop what runs there. What is not saved in it is lost.\n  - switch remote access on.\n" +
				"  - set its instance type to ml.t3.large (none is set now): remote access needs 8 GiB of memory.\n  - start it on ml.t3.large. That costs money until it is stopped.", true},
	} {
		p := startProposal(c.plan)
		if p.Title != c.title || p.Text != c.text || p.Cautious != c.cautious || p.Optional || p.Silent {
			t.Errorf("got %+v\nwant %+v", p, c)
		}
	}
}

func TestWhatIsWaitedForIsReported(t *testing.T) {
	s := &fakeStudio{world: &world{}, plan: spaces.Plan{Start: true}}
	var events []Event
	connector := s.connector(&events)
	connector.Studio = s
	source, _ := answers(nil)
	if _, err := connector.Reopen(t.Context(), namedSpace, source, Options{Yes: true, Stopped: true, Editor: NoEditor}); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(events, func(e Event) bool { return e.Progress == Waiting })
	if i < 0 || events[i].Step != StepSpace || events[i].Detail != "waiting for the space to start; last time it took 1 min 40 s" {
		t.Errorf("%+v", events)
	}
}

// Ctrl-C after the start leaves a running space, and says so.
func TestCancelledBehindAStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &fakeStudio{world: &world{}, plan: spaces.Plan{Start: true}, cancelWhileStarted: cancel}
	var events []Event
	connector := s.connector(&events)
	connector.Studio = s
	source, _ := answers(context.Canceled)
	_, err := connector.Reopen(ctx, namedSpace, source, Options{Yes: true, Stopped: true})
	if p := problem.From(err); p.Code != problem.Cancelled || p.Sentence != `Cancelled. The space "my-space" runs until it is stopped.` {
		t.Errorf("%v", err)
	}
	checkEvents(t, events, problem.Cancelled)
}

func TestStopASpace(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*fakeStudio)
		o    Options
		did  []string
		ran  bool
		code problem.Code
	}{
		"yes":         {func(s *fakeStudio) { s.approve, s.stopRan = true, true }, Options{}, []string{"ask stop " + namedSpace.ARN, "stop the space"}, true, ""},
		"no":          {func(*fakeStudio) {}, Options{}, []string{"ask stop " + namedSpace.ARN}, false, problem.Cancelled},
		"--yes":       {func(s *fakeStudio) { s.stopRan = true }, Options{Yes: true}, []string{"stop the space"}, true, ""},
		"not running": {func(*fakeStudio) {}, Options{Yes: true}, []string{"stop the space"}, false, ""},
		"refused":     {func(s *fakeStudio) { s.startErr = awsSays(problem.AccessDenied) }, Options{Yes: true}, []string{"stop the space"}, false, problem.AccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeStudio{world: &world{}}
			c.set(s)
			var events []Event
			connector := s.connector(&events)
			connector.Studio, connector.Person = s, s
			ran, err := connector.Stop(t.Context(), namedSpace, c.o)
			if ran != c.ran || codeOf(err) != c.code || !slices.Equal(s.did, c.did) {
				t.Errorf("%v, %v, did %q", ran, err, s.did)
			}
			if s.asked != nil && !s.asked.Cautious {
				t.Error("Enter alone would stop it")
			}
			checkEvents(t, events, c.code)
		})
	}
}

// flicker is a master that runs at the first look and at no other.
type flicker struct {
	fakeMaster
	looks int
}

func (f *flicker) Running(context.Context, string) bool {
	f.looks++
	return f.looks == 1
}

// A master that ends right after we looked, or whose alias belongs to another
// space by now, is no reason to dial without a session.
func TestNothingIsDialledWithoutASession(t *testing.T) {
	for name, set := range map[string]func(*world, *Connector){
		"it ends":              func(w *world, c *Connector) { c.Master = &flicker{fakeMaster: fakeMaster{w}} },
		"another space has it": func(w *world, _ *Connector) { w.running, w.renamed = true, "my-space.d-b.hatch" },
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			var events []Event
			connector := w.connector(&events)
			set(&w, connector)
			source, _ := answers(nil)
			if _, err := connector.Reopen(t.Context(), namedSpace, source, Options{Editor: NoEditor}); err != nil {
				t.Fatal(err)
			}
			for _, did := range w.did {
				if strings.HasPrefix(did, "dial") && !strings.HasPrefix(did, "dial fresh ") {
					t.Errorf("did %q", w.did)
				}
			}
		})
	}
	var w world
	var events []Event
	w.running, w.renamed = true, "my-space.d-b.hatch"
	_, err := w.connector(&events).Reopen(t.Context(), namedSpace, sourceFunc(func() (session.Session, error) {
		return session.Session{}, errors.New("none")
	}), Options{})
	if err == nil || slices.ContainsFunc(w.did, func(s string) bool { return strings.HasPrefix(s, "dial") }) {
		t.Errorf("%v, did %q", err, w.did)
	}
}
