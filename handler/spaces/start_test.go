package spaces

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// need writes a plan in short.
func need(p Plan) string {
	var all []string
	for _, c := range []struct {
		yes  bool
		word string
	}{{p.Wait, "wait"}, {p.Stop, "stop"}, {p.RemoteAccess, "remote"}, {p.Resize != "", p.Resize}, {p.Start, "start"}} {
		if c.yes {
			all = append(all, c.word)
		}
	}
	return strings.Join(all, " ")
}

// Every state of a space, what it needs, and which calls that takes in which
// order.
func TestTheWayToEveryState(t *testing.T) {
	const (
		lab    = types.AppTypeJupyterLab
		editor = types.AppTypeCodeEditor
	)
	for _, c := range []struct {
		kind     types.AppType
		remote   bool
		instance string
		app      types.AppStatus
		need     string
		made     string
	}{
		{lab, true, "ml.t3.large", types.AppStatusInService, "", ""},
		{lab, true, "ml.t3.large", types.AppStatusPending, "wait", ""},
		{lab, true, "ml.t3.large", "", "start", "CreateApp(JupyterLab,ml.t3.large)"},
		{lab, true, "ml.t3.large", types.AppStatusDeleted, "start", "CreateApp(JupyterLab,ml.t3.large)"},
		{lab, true, "ml.t3.large", types.AppStatusDeleting, "wait start", "CreateApp(JupyterLab,ml.t3.large)"},
		{lab, true, "ml.t3.large", types.AppStatusFailed, "start", "DeleteApp CreateApp(JupyterLab,ml.t3.large)"},
		{lab, false, "ml.t3.large", "", "remote start", "UpdateSpace(ENABLED) CreateApp(JupyterLab,ml.t3.large)"},
		{lab, false, "ml.t3.medium", "", "remote ml.t3.large start", "UpdateSpace(ENABLED,ml.t3.large,3.2) CreateApp(JupyterLab,ml.t3.large)"},
		{editor, true, "ml.c7i.large", "", "ml.c7i.xlarge start", "UpdateSpace(,ml.c7i.xlarge,3.2) CreateApp(CodeEditor,ml.c7i.xlarge)"},
		{editor, false, "", "", "remote ml.t3.large start", "UpdateSpace(ENABLED,ml.t3.large,) CreateApp(CodeEditor,ml.t3.large)"},
		{editor, false, "ml.m5.large", types.AppStatusInService, "stop remote start", "DeleteApp UpdateSpace(ENABLED) CreateApp(CodeEditor,ml.m5.large)"},
		{lab, false, "ml.c5.large", types.AppStatusInService, "stop remote ml.c5.xlarge start", "DeleteApp UpdateSpace(ENABLED,ml.c5.xlarge,3.2) CreateApp(JupyterLab,ml.c5.xlarge)"},
		{lab, false, "ml.c6i.large", types.AppStatusPending, "wait stop remote ml.c6i.xlarge start", "DeleteApp UpdateSpace(ENABLED,ml.c6i.xlarge,3.2) CreateApp(JupyterLab,ml.c6i.xlarge)"},
		{lab, false, "ml.c6id.large", types.AppStatusDeleting, "wait remote ml.c6id.xlarge start", "UpdateSpace(ENABLED,ml.c6id.xlarge,3.2) CreateApp(JupyterLab,ml.c6id.xlarge)"},
	} {
		t.Run(fmt.Sprintf("%s %v %s %s", c.kind, c.remote, c.instance, c.app), func(t *testing.T) {
			s := newStudio()
			s.add(myDomain, "my-space", "alice", c.kind, c.remote, c.instance, c.app)
			if a := s.apps[key{myDomain, "my-space"}]; a != nil {
				a.left = map[types.AppStatus]int{types.AppStatusPending: 3, types.AppStatusDeleting: 3}[c.app]
				a.next = map[types.AppStatus]types.AppStatus{types.AppStatusPending: types.AppStatusInService, types.AppStatusDeleting: types.AppStatusDeleted}[c.app]
			}
			client := client(t, s)
			plan, err := client.Look(t.Context(), myARN)
			if err != nil || need(plan) != c.need || plan.Empty() != (c.need == "") {
				t.Fatalf("needs %q, %v; want %q", need(plan), err, c.need)
			}
			if plan.Changes() != (strings.TrimPrefix(c.need, "wait") != "") {
				t.Errorf("Changes = %v", plan.Changes())
			}
			if err := client.Start(t.Context(), plan, nil); err != nil {
				t.Fatal(err)
			}
			if s.made() != c.made {
				t.Errorf("did %q, want %q", s.made(), c.made)
			}
			if again, err := client.Look(t.Context(), myARN); err != nil || !again.Empty() {
				t.Errorf("afterwards it needs %q, %v", need(again), err)
			}
		})
	}
}

func TestSpacesThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*studio, *types.SpaceDetails)
		arn    string
		want   problem.Code
	}{
		"deleting":    {func(_ *studio, p *types.SpaceDetails) { p.Status = types.SpaceStatusDeleting }, myARN, SpaceUnusable},
		"failed":      {func(_ *studio, p *types.SpaceDetails) { p.Status = types.SpaceStatusFailed }, myARN, SpaceUnusable},
		"another app": {func(_ *studio, p *types.SpaceDetails) { p.SpaceSettingsSummary.AppType = types.AppTypeJupyterServer }, myARN, problem.NotSupported},
		"gone":        {func(*studio, *types.SpaceDetails) {}, myARN + "2", problem.SpaceNotFound},
		"a cluster":   {func(*studio, *types.SpaceDetails) {}, "arn:aws:eks:us-east-1:111122223333:cluster/c/default/ws", problem.NotSupported},
		"denied": {func(s *studio, _ *types.SpaceDetails) {
			s.fail["DescribeApp"] = refuse("AccessDeniedException", "No.")
			s.fail["DescribeSpace"] = refuse("ThrottlingException", "No.")
		}, myARN, problem.Throttled},
	} {
		s := newStudio()
		s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", "")
		c.change(s, s.spaces[key{myDomain, "my-space"}])
		if _, err := client(t, s).Look(t.Context(), c.arn); !errors.Is(err, &problem.Problem{Code: c.want}) {
			t.Errorf("%s: %v", name, err)
		}
		if s.made() != "" {
			t.Errorf("%s: did %s", name, s.made())
		}
	}
}

// What is waited for is told, and the next time how long it took.
func TestWaitingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio()
		s.looks = 6
		s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, false, "ml.t3.large", types.AppStatusInService)
		c := client(t, s)
		kept := &memory{map[string]time.Duration{}}
		c.waits, c.pause = kept, pause
		run := func() (told []string) {
			t.Helper()
			plan, err := c.Look(t.Context(), myARN)
			if err != nil {
				t.Fatal(err)
			}
			var phase Phase
			if err := c.Start(t.Context(), plan, func(e Event) {
				if e.Phase != phase || e.Done {
					told = append(told, fmt.Sprintf("%s done=%v", e.Words(), e.Done))
				}
				phase = e.Phase
			}); err != nil {
				t.Fatal(err)
			}
			return told
		}
		first := strings.Join(run(), "\n")
		want := "waiting for the space to stop done=false\nwaiting for the space to stop done=true\n" +
			"waiting for the space's new settings done=false\nwaiting for the space's new settings done=true\n" +
			"waiting for the space to start done=false\nwaiting for the space to start done=true"
		if first != want {
			t.Errorf("told\n%s\nwant\n%s", first, want)
		}
		for _, phase := range []Phase{Ending, Changing, Rising} {
			if took := kept.Took(myARN, string(phase)); took < 8*time.Second || took > 30*time.Second {
				t.Errorf("%s took %s", phase, took)
			}
		}
		if _, err := c.Stop(t.Context(), myARN, nil); err != nil {
			t.Fatal(err)
		}
		kept.took[myARN+" start"] = 100 * time.Second
		if plan, err := c.Look(t.Context(), myARN); err != nil || plan.Took != 100*time.Second {
			t.Errorf("a plan of %s, %v", plan.Took, err)
		}
		if again := strings.Join(run(), "\n"); !strings.HasPrefix(again, "waiting for the space to start; last time it took 1 min 40 s done=false") {
			t.Errorf("told %s", again)
		}
	})
}

// Ctrl-C leaves the space as it is, and says how that is.
func TestCancelSaysHowTheSpaceIsLeft(t *testing.T) {
	for phase, want := range map[Phase]string{
		Settling: "nothing was changed", Ending: "it is stopping", Changing: "it is stopped, with its new settings",
		Rising: "it is starting, and runs until it is stopped",
	} {
		t.Run(string(phase), func(t *testing.T) {
			s := newStudio()
			s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, false, "ml.t3.large", types.AppStatusPending)
			*s.apps[key{myDomain, "my-space"}] = app{status: types.AppStatusPending, next: types.AppStatusInService, left: 3}
			c := client(t, s)
			plan, err := c.Look(t.Context(), myARN)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			before := ""
			err = c.Start(ctx, plan, func(e Event) {
				if e.Phase == phase {
					before = s.made()
					cancel()
				}
			})
			p := problem.From(err)
			if p.Code != problem.Cancelled || p.Sentence != `Cancelled. The space "my-space" stays as it is: `+want+"." || !strings.Contains(p.Hint, "spacehatch stop my-space") {
				t.Errorf("%s / %s", p.Sentence, p.Hint)
			}
			if s.made() != before {
				t.Errorf("went on: %q after %q", s.made(), before)
			}
		})
	}
}

func TestAStartThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		fail, with string
		err        error
		app        types.AppStatus
		want       problem.Code
		sentence   string
	}{
		"on start":       {"start", "", errors.New("InsufficientCapacity: no ml.t3.large is free.\x1b[2J"), "", StartFailed, `AWS could not start the space "my-space": InsufficientCapacity: no ml.t3.large is free.?[2J.`},
		"quota":          {"CreateApp", "", refuse("ResourceLimitExceeded", "The limit is 0 Apps."), "", "quota-reached", "A quota of the account does not allow it: The limit is 0 Apps."},
		"after a stop":   {"CreateApp", "", refuse("ResourceLimitExceeded", "The limit is 0 Apps."), types.AppStatusInService, "quota-reached", "A quota of the account does not allow it: The limit is 0 Apps. The space is stopped now."},
		"forbidden":      {"UpdateSpace", "", refuse("AccessDeniedException", "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sagemaker:UpdateSpace on resource: "+myARN+" with an explicit deny in a service control policy"), "", problem.AccessDenied, `A policy forbids arn:aws:iam::111122223333:user/bob to switch remote access on for the space "my-space".`},
		"not to delete":  {"DeleteApp", "", refuse("AccessDeniedException", "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sagemaker:DeleteApp on resource: arn:aws:sagemaker:us-east-1:111122223333:app/d-abc/my-space/jupyterlab/default because no identity-based policy allows it"), types.AppStatusInService, problem.AccessDenied, "AWS refused arn:aws:iam::111122223333:user/bob: it needs the permission sagemaker:DeleteApp on arn:aws:sagemaker:us-east-1:111122223333:app/d-abc/my-space/jupyterlab/default."},
		"of the network": {"DescribeApp", "later", errors.New("no route to host"), "", problem.Unreachable, "SageMaker in us-east-1 could not be asked."},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio()
			s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, false, "ml.t3.large", c.app)
			if c.with == "" {
				s.fail[c.fail] = c.err
			}
			cl := client(t, s)
			plan, err := cl.Look(t.Context(), myARN)
			if err != nil {
				t.Fatal(err)
			}
			s.fail[c.fail] = c.err
			p := problem.From(cl.Start(t.Context(), plan, nil))
			if p.Code != c.want || p.Sentence != c.sentence {
				t.Errorf("%s: %s", p.Code, p.Sentence)
			}
		})
	}
}

// A look that fails once or twice does not end a wait of minutes.
func TestAStumbleIsForgiven(t *testing.T) {
	s := newStudio()
	s.looks = 20
	s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", "")
	c := client(t, s)
	plan, err := c.Look(t.Context(), myARN)
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	c.pause = func(context.Context, time.Duration) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.fail, "DescribeApp")
		if looks++; looks%3 == 0 {
			s.fail["DescribeApp"] = refuse("ThrottlingException", "Rate exceeded")
		}
		return nil
	}
	if err := c.Start(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
}

// AWS may take a look or two to know an application that it was just asked for;
// one that stays away was taken away.
func TestAnApplicationThatGoesAway(t *testing.T) {
	s := newStudio()
	s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", "")
	c := client(t, s)
	plan, err := c.Look(t.Context(), myARN)
	if err != nil {
		t.Fatal(err)
	}
	for _, away := range []int{2, 100} {
		looks, hidden := 0, (*app)(nil)
		c.pause = func(context.Context, time.Duration) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			k := key{myDomain, "my-space"}
			looks++
			switch looks {
			case 1:
				hidden = s.apps[k]
				delete(s.apps, k)
			case away + 1:
				s.apps[k] = hidden
			}
			return nil
		}
		err := c.Start(t.Context(), plan, nil)
		if (err == nil) != (away == 2) || err != nil && problem.From(err).Code != StartFailed {
			t.Errorf("away for %d looks: %v", away, err)
		}
		delete(s.apps, key{myDomain, "my-space"})
	}
}

func TestNothingIsWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio()
		s.looks = 1 << 30
		s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", "")
		c := client(t, s)
		c.pause = pause
		plan, err := c.Look(t.Context(), myARN)
		if err != nil {
			t.Fatal(err)
		}
		p := problem.From(c.Start(t.Context(), plan, nil))
		if p.Code != problem.SpaceStarting || p.Sentence != "Still waiting for the space to start after 30 min." {
			t.Errorf("%s: %s", p.Code, p.Sentence)
		}
	})
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		app     types.AppStatus
		stopped bool
		made    string
	}{
		{types.AppStatusInService, true, "DeleteApp"},
		{types.AppStatusPending, true, "DeleteApp"}, // once it runs
		{types.AppStatusDeleting, true, ""},
		{types.AppStatusFailed, true, "DeleteApp"},
		{types.AppStatusDeleted, false, ""},
		{"", false, ""},
	} {
		s := newStudio()
		s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", c.app)
		if a := s.apps[key{myDomain, "my-space"}]; a != nil {
			a.left = map[types.AppStatus]int{types.AppStatusPending: 3, types.AppStatusDeleting: 3}[c.app]
			a.next = map[types.AppStatus]types.AppStatus{types.AppStatusPending: types.AppStatusInService, types.AppStatusDeleting: types.AppStatusDeleted}[c.app]
		}
		stopped, err := client(t, s).Stop(t.Context(), myARN, nil)
		if err != nil || stopped != c.stopped || s.made() != c.made {
			t.Errorf("%q: %v, %v, did %q", c.app, stopped, err, s.made())
		}
	}
}

func TestDurationsForAPerson(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "1 s", 42 * time.Second: "42 s", 100 * time.Second: "1 min 40 s", 121 * time.Second: "2 min",
		11*time.Minute + 20*time.Second: "11 min", time.Hour: "60 min",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// AWS may refuse to delete what has failed, or what somebody else deleted just
// now; both are as good as deleted. What runs is not.
func TestADeletionThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		app   types.AppStatus
		taken bool
		want  problem.Code
	}{
		"failed":  {types.AppStatusFailed, false, ""},
		"gone":    {types.AppStatusInService, true, ""},
		"running": {types.AppStatusInService, false, problem.Rejected},
	} {
		s := newStudio()
		s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", c.app)
		s.fail["DeleteApp"] = refuse("ValidationException", "App has already been deleted.")
		if c.taken {
			s.fail["DeleteApp takes it"] = errors.New("yes")
		}
		_, err := client(t, s).Stop(t.Context(), myARN, nil)
		if (err == nil) != (c.want == "") || err != nil && problem.From(err).Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
