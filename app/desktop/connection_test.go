package desktop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// terminal is the person who is asked where there is no window.
type terminal struct {
	asked  int
	answer handler.Answer
}

func (f *terminal) Consent(context.Context, handler.Link) (handler.Answer, error) {
	f.asked++
	return f.answer, nil
}

func (f *terminal) Approve(context.Context, handler.Proposal) (bool, error) {
	f.asked++
	return f.answer != handler.Cancel, nil
}

func connection(t *testing.T, role string) (*Connection, *window, *terminal) {
	w, f := newWindow(t, role), &terminal{answer: handler.ConnectOnce}
	c := New(Options{Fallback: f, Version: "Spacehatch test"})
	c.start, c.wait = w.start, time.Hour
	return c, w, f
}

func link() handler.Link {
	return handler.Link{Space: session.Space{
		Kind: session.SageMaker, Partition: "aws", Name: "my-space", Account: "111122223333",
		Domain: "d-abc", Region: "eu-west-1", UserProfile: "alice",
	}}
}

// run runs work in time for a person not to give up.
func run(t *testing.T, c *Connection, work func(context.Context) (handler.Result, error)) (handler.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.Run(ctx, work)
}

func TestConsent(t *testing.T) {
	for role, want := range map[string]handler.Answer{
		"says yes":                 handler.ConnectOnce,
		"says remember":            handler.ConnectAndRemember,
		"says no":                  handler.Cancel,
		"is closed":                handler.Cancel,
		"answers another question": handler.ConnectAndRemember,
	} {
		t.Run(role, func(t *testing.T) {
			c, w, f := connection(t, role)
			got := handler.Answer(-1)
			_, err := run(t, c, func(ctx context.Context) (_ handler.Result, err error) {
				got, err = c.Consent(ctx, link())
				return handler.Result{}, err
			})
			if err != nil || got != want {
				t.Errorf("the answer is %v, %v, want %v", got, err, want)
			}
			if f.asked != 0 || w.starts != 1 {
				t.Errorf("the terminal was asked %d times, %d windows opened", f.asked, w.starts)
			}
			q := w.screens()[0].Connection.Question
			if q == nil || q.Consent == nil || !q.Consent.MayRemember || q.Consent.Space != Space(link().Space) {
				t.Errorf("the question is %+v", q)
			}
		})
	}
}

func TestWithoutAWindowTheTerminalAsks(t *testing.T) {
	for _, role := range []string{"dies at once", "begins with an answer", "speaks nonsense", "says nothing"} {
		t.Run(role, func(t *testing.T) {
			c, w, f := connection(t, role)
			if role == "says nothing" {
				c.start = func(ctx context.Context, s view.Screen) (*Process, error) {
					ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
					return w.start(ctx, s)
				}
			}
			_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
				for range 2 { // the second question does not open another one
					if got, err := c.Consent(ctx, link()); err != nil || got != handler.ConnectOnce {
						t.Errorf("consent is %v, %v", got, err)
					}
				}
				if yes, err := c.Approve(ctx, handler.Proposal{Key: "k"}); err != nil || !yes {
					t.Errorf("approval is %v, %v", yes, err)
				}
				return handler.Result{}, nil
			})
			if err != nil || f.asked != 3 || w.starts != 1 {
				t.Errorf("Run = %v; the terminal was asked %d times, %d windows opened", err, f.asked, w.starts)
			}
		})
	}
}

func TestAWindowThatIsGoneIsNotAskedAgain(t *testing.T) {
	c, _, f := connection(t, "is closed")
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		if got, err := c.Consent(ctx, link()); err != nil || got != handler.Cancel {
			t.Errorf("the question that was open is answered with %v, %v", got, err)
		}
		_, err := c.Approve(ctx, handler.Proposal{})
		return handler.Result{}, err
	})
	if err != nil || f.asked != 1 {
		t.Errorf("Run = %v; the terminal was asked %d times", err, f.asked)
	}
}

func TestAFastConnectionNeedsNoWindow(t *testing.T) {
	c, w, _ := connection(t, "says yes")
	_, err := run(t, c, func(context.Context) (handler.Result, error) {
		c.Report(handler.Event{Step: handler.StepLink, Progress: handler.Started})
		return handler.Result{Editor: "Cursor"}, nil
	})
	if err != nil || w.starts != 0 {
		t.Errorf("Run = %v, and %d windows opened", err, w.starts)
	}
}

func TestASlowConnectionIsShown(t *testing.T) {
	c, w, _ := connection(t, "says yes")
	c.wait = 0
	opened := make(chan struct{})
	c.start = func(ctx context.Context, s view.Screen) (*Process, error) {
		defer close(opened)
		return w.start(ctx, s)
	}
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		c.Meet(link().Space)
		c.Report(handler.Event{Step: handler.StepLink, Progress: handler.Done, Elapsed: time.Millisecond, Detail: "my-space"})
		c.Report(handler.Event{Step: handler.StepTunnel, Progress: handler.Started})
		<-opened
		c.Report(handler.Event{Step: handler.StepTunnel, Progress: handler.Skipped, Detail: "already open"})
		return handler.Result{Editor: "Cursor"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	last := w.last()
	if !last.Done || last.Editor != "Cursor" || last.Space.Name != "my-space" || last.Problem != nil {
		t.Errorf("the last screen is %+v", last)
	}
	want := []view.Step{
		{ID: "link", State: view.Done, Detail: "my-space", Elapsed: time.Millisecond},
		{ID: "tunnel", State: view.Skipped, Detail: "already open"},
		{ID: "consent", State: view.Waiting},
	}
	for i, step := range want {
		if last.Steps[i] != step {
			t.Errorf("step %d is %+v, want %+v", i, last.Steps[i], step)
		}
	}
}

func TestCancelEndsTheWork(t *testing.T) {
	c, _, _ := connection(t, "cancels")
	c.wait = 0
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		<-ctx.Done()
		return handler.Result{}, problem.New(problem.Cancelled, "Cancelled.", "", nil)
	})
	if !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Errorf("Run = %v", err)
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	c, _, _ := connection(t, "stays silent")
	ctx, cancel := context.WithCancel(t.Context())
	c.start = func(ctx context.Context, _ view.Screen) (*Process, error) {
		cancel()
		<-ctx.Done()
		return nil, ErrNoWindow
	}
	c.options.Fallback = nil // it must not be needed
	_, err := c.Run(ctx, func(ctx context.Context) (handler.Result, error) {
		_, err := c.Consent(ctx, link())
		return handler.Result{}, err
	})
	if !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Errorf("Run = %v", err)
	}
}

func TestAProblemStays(t *testing.T) {
	refused := problem.New(problem.TunnelRefused, "AWS refused.", "Click again.", errors.New("403"))
	c, w, _ := connection(t, "says yes")
	_, err := run(t, c, func(context.Context) (handler.Result, error) {
		c.Meet(link().Space)
		c.Report(handler.Event{Step: handler.StepTunnel, Progress: handler.Started})
		return handler.Result{}, refused
	})
	if !errors.Is(err, error(refused)) {
		t.Errorf("Run = %v", err)
	}
	all := w.screens()
	if all[len(all)-1].Close {
		t.Error("the window was told to go")
	}
	last := w.last()
	want := view.Problem{
		Code: "tunnel-refused", Sentence: "AWS refused.", Hint: "Click again.", Details: "403",
		Studio: "https://studio-d-abc.studio.eu-west-1.sagemaker.aws/", Program: "Spacehatch test",
	}
	if last.Problem == nil || *last.Problem != want {
		t.Errorf("the problem is %+v, want %+v", last.Problem, want)
	}
	if last.Steps[1].State != view.Waiting {
		t.Errorf("a step that nobody ended is shown as %s", last.Steps[1].State)
	}
}

func TestARefusedLinkOpensNoStudio(t *testing.T) {
	c, w, _ := connection(t, "says yes")
	_, _ = run(t, c, func(context.Context) (handler.Result, error) {
		c.Meet(link().Space)
		return handler.Result{}, problem.New(problem.LinkRefused, "No.", "", nil)
	})
	if p := w.last().Problem; p == nil || p.Studio != "" {
		t.Errorf("the problem is %+v", p)
	}
}

func TestWhoSaidNoIsNotToldSo(t *testing.T) {
	c, w, _ := connection(t, "says no")
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		_, err := c.Consent(ctx, link())
		if err == nil {
			err = problem.New(problem.Cancelled, "Cancelled; nothing was changed.", "", nil)
		}
		return handler.Result{}, err
	})
	if !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Errorf("Run = %v", err)
	}
	if all := w.screens(); !all[len(all)-1].Close {
		t.Errorf("the window stays with %+v", all[len(all)-1])
	}
}

func TestTryAgain(t *testing.T) {
	c, w, _ := connection(t, "tries again")
	c.options.Retry = true
	tries := 0
	_, err := run(t, c, func(context.Context) (handler.Result, error) {
		tries++
		if tries == 1 {
			return handler.Result{}, problem.New(problem.NoEditor, "There is none.", "", nil)
		}
		return handler.Result{Editor: "Cursor"}, nil
	})
	if err != nil || tries != 2 {
		t.Errorf("Run = %v after %d tries", err, tries)
	}
	if last := w.last(); !last.Done || last.Problem != nil {
		t.Errorf("the last screen is %+v", last)
	}
}

// TestTheSpaceOfALinkThatIsUsedUp is opened without it, where that can be.
func TestTheSpaceOfALinkThatIsUsedUp(t *testing.T) {
	for _, test := range []struct {
		code    problem.Code
		can     bool
		kind    session.Kind
		started int
	}{
		{problem.TunnelRefused, true, session.SageMaker, 2},
		{problem.SpaceStarting, true, session.SageMaker, 2},
		{problem.TunnelRefused, false, session.SageMaker, 0},
		{problem.TunnelRefused, true, session.HyperPod, 0},
		{problem.LinkRefused, true, session.SageMaker, 0},
	} {
		c, w, _ := connection(t, "tries again")
		started := 0
		c.options.Retry = true
		c.options.CanStart = func(context.Context) bool { return test.can }
		c.options.Start = func(context.Context) (handler.Result, error) {
			if started++; started == 1 {
				return handler.Result{}, problem.New(problem.Throttled, "Wait.", "", nil)
			}
			return handler.Result{}, nil
		}
		_, err := run(t, c, func(context.Context) (handler.Result, error) {
			space := link().Space
			space.Kind = test.kind
			c.Meet(space)
			return handler.Result{}, problem.New(test.code, "No.", "", nil)
		})
		if started != test.started || (err == nil) != (started > 0) {
			t.Errorf("%+v: started %d times, %v", test, started, err)
		}
		if started > 0 != slices.ContainsFunc(w.screens(), func(s view.Screen) bool {
			return s.Connection != nil && s.Connection.Problem != nil && s.Connection.Problem.Starts
		}) {
			t.Errorf("%+v: shown %+v", test, w.screens())
		}
	}
}

func TestWhoClosesTheWindowDoesNotTryAgain(t *testing.T) {
	for _, role := range []string{"is closed", "dies at once"} {
		c, _, _ := connection(t, role)
		c.options.Retry = true
		tries := 0
		_, err := run(t, c, func(context.Context) (handler.Result, error) {
			tries++
			return handler.Result{}, problem.New(problem.NoEditor, "There is none.", "", nil)
		})
		if !errors.Is(err, &problem.Problem{Code: problem.NoEditor}) || tries != 1 {
			t.Errorf("%s: Run = %v after %d tries", role, err, tries)
		}
	}
}

func TestACrashOfTheWindowCancelsNothing(t *testing.T) {
	c, _, f := connection(t, "crashes on the way")
	c.wait = 0
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		for {
			c.mu.Lock()
			window, changed := c.window, c.changed
			c.mu.Unlock()
			if window == windowGone {
				break
			}
			<-changed
		}
		got, err := c.Consent(ctx, link())
		if got != handler.ConnectOnce {
			t.Errorf("the answer is %v", got)
		}
		return handler.Result{}, err
	})
	if err != nil || f.asked != 1 {
		t.Errorf("Run = %v; the terminal was asked %d times", err, f.asked)
	}
}

// list is a first run that offers what it holds.
type list struct {
	setup  view.Setup
	offers int
	taken  []view.Answer
}

func (l *list) Offer(context.Context, handler.Proposal) (view.Setup, error) {
	l.offers++
	return l.setup, nil
}

func (l *list) Take(_ context.Context, a view.Answer) error {
	l.taken = append(l.taken, a)
	return nil
}

func TestTheFirstRunAsksOnce(t *testing.T) {
	items := []view.Item{
		{Key: "ssh", State: view.Proposed}, {Key: "settings", State: view.Proposed}, {Key: "links", State: view.Present},
	}
	for _, test := range []struct {
		role        string
		items       []view.Item
		ssh, other  bool // what is approved of what was offered
		questions   int
		taken       int
		description string
	}{
		{"says yes", items, true, false, 2, 1, "the first item is chosen, and what was not offered is asked about"},
		{"says no", items, false, false, 2, 0, "not now"},
		{"says yes", items[:1], true, true, 4, 0, "one item alone is asked about by itself"},
	} {
		t.Run(test.description, func(t *testing.T) {
			c, w, _ := connection(t, test.role)
			first := &list{setup: view.Setup{Stage: view.Choosing, Items: test.items}}
			c.options.FirstRun = first
			approve := func(ctx context.Context, key string) bool {
				yes, err := c.Approve(ctx, handler.Proposal{Key: key, Title: key + "?"})
				if err != nil {
					t.Error(err)
				}
				return yes
			}
			_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
				if got := approve(ctx, "ssh"); got != test.ssh {
					t.Errorf("ssh: %v", got)
				}
				if got := approve(ctx, "settings"); got != test.other {
					t.Errorf("settings: %v", got)
				}
				approve(ctx, "never offered")
				c.Report(handler.Event{Step: handler.StepEditor, Progress: handler.Asking})
				approve(ctx, "settings")
				c.Report(handler.Event{Step: handler.StepEditor, Progress: handler.Answered})
				if screen, _ := c.screen(); screen.Connection.Steps[5].State != view.Running {
					t.Errorf("a step that goes on is shown as %s", screen.Connection.Steps[5].State)
				}
				return handler.Result{}, nil
			})
			if err != nil {
				t.Error(err)
			}
			ids := map[int]bool{}
			for _, s := range w.screens() {
				if q := s.Connection.Question; q != nil {
					ids[q.ID] = true
				}
			}
			if len(ids) != test.questions || len(first.taken) != test.taken || first.offers != 1 {
				t.Errorf("%d questions, %d taken, %d offers", len(ids), len(first.taken), first.offers)
			}
		})
	}
}

func TestACautiousQuestionIsNoSetUp(t *testing.T) {
	c, w, _ := connection(t, "says no")
	first := &list{}
	c.options.FirstRun = first
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		yes, err := c.Approve(ctx, handler.Proposal{Key: "the host key of x", Title: "Another machine?", Cautious: true})
		if yes {
			t.Error("it was approved")
		}
		return handler.Result{}, err
	})
	if err != nil || first.offers != 0 {
		t.Errorf("Run = %v, %d offers", err, first.offers)
	}
	if q := w.screens()[0].Connection.Question; q == nil || q.Change == nil || !q.Change.Cautious {
		t.Errorf("the question is %+v", q)
	}
}

func TestStudio(t *testing.T) {
	good := link().Space
	if got := studio(good); got != "https://studio-d-abc.studio.eu-west-1.sagemaker.aws/" {
		t.Errorf("studio = %q", got)
	}
	unified := good
	unified.Kind = session.UnifiedStudio
	if got := studio(unified); got != "https://console.aws.amazon.com/datazone/home?region=eu-west-1" {
		t.Errorf("studio = %q", got)
	}
	for name, spoil := range map[string]func(*session.Space){
		"another kind":         func(s *session.Space) { s.Kind = session.HyperPod },
		"another partition":    func(s *session.Space) { s.Partition = "aws-cn" },
		"no domain":            func(s *session.Space) { s.Domain = "" },
		"a domain with a dot":  func(s *session.Space) { s.Domain = "d.evil.example/" },
		"a region with an at":  func(s *session.Space) { s.Region = "x@y" },
		"a domain in capitals": func(s *session.Space) { s.Domain = "D-ABC" },
		"a long domain":        func(s *session.Space) { s.Domain = strings.Repeat("d", 64) },
	} {
		bad := good
		spoil(&bad)
		if got := studio(bad); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The start of a space is a step before the tunnel, where there is one at all.
func TestTheStartOfASpaceIsAStep(t *testing.T) {
	ids := func(all []view.Step) (text string) {
		for _, s := range all {
			text += s.ID + " "
		}
		return text
	}
	before := New(Options{}).steps()
	after := apply(before, handler.Event{Step: handler.StepSpace, Progress: handler.Started})
	after = apply(after, handler.Event{Step: handler.StepSpace, Progress: handler.Waiting, Detail: "waiting for the space to start"})
	if got := ids(after); got != "link space tunnel consent ssh-config ssh editor " {
		t.Errorf("steps %s", got)
	}
	if s := after[1]; s.State != view.Running || s.Detail != "waiting for the space to start" {
		t.Errorf("%+v", s)
	}
	if got := ids(apply(New(Options{}).steps(), handler.Event{Step: handler.StepTunnel, Progress: handler.Started})); got != ids(before) {
		t.Errorf("without a start: %s", got)
	}
}
