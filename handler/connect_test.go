package handler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

const goodLink = "vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker?connection_identifier=arn%3Aaws%3Asagemaker%3Aus-east-1%3A111122223333%3Aspace%2Fd-abcdefghijkl%2Fmy-space&domain=d-abcdefghijkl&user_profile=alice&session=SageMaker-remote-0abc&ws_url=wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc?role=publish_subscribe&cell-number=AAEA&token=AAEAAb&app_type=JupyterLab"

// world is everything around a Connector; it writes down what is done to it.
type world struct {
	did []string

	trusted, running bool
	answer           Answer
	approve          bool
	changes          []Change
	editorChanges    []Change
	editorErr        error
	tunnelErr        error
	readyErr         error
	masterErr        error
	notice           string
	chooseErr        error
	personErr        error
	settled          string
	folder           string
	keepErr          error
	releaseErr       error
	changeErrs       []error
	renamed          string
	runningLater     bool
	otherKey         bool
}

func (w *world) note(format string, a ...any) { w.did = append(w.did, fmt.Sprintf(format, a...)) }

func (w *world) Alias(session.Space) (string, error) { return "my-space.hatch", nil }
func (w *world) Remember(_ context.Context, s session.Space) (session.Space, error) {
	w.note("remember %s", s.Alias)
	if w.renamed != "" {
		s.Alias = w.renamed
	}
	if w.runningLater {
		w.running = true
	}
	return s, nil
}
func (w *world) Keep(_ context.Context, alias string, s session.Session) error {
	w.note("keep %s", s.ID)
	if s.Expires.IsZero() {
		w.note("kept for ever")
	}
	return nil
}
func (w *world) Folder(session.Space) (string, error) { return w.folder, nil }
func (w *world) KeepFolder(_ context.Context, space session.Space, folder string) error {
	w.note("keep folder %s for %s", folder, space.Alias)
	return w.keepErr
}

func (w *world) Trusted(session.Space) (bool, error) { return w.trusted, nil }
func (w *world) Trust(context.Context, session.Space) error {
	w.note("trust")
	return nil
}
func (w *world) Consent(context.Context, Link) (Answer, error) {
	w.note("ask consent")
	return w.answer, w.personErr
}
func (w *world) Approve(_ context.Context, p Proposal) (bool, error) {
	w.note("ask %s", p.Key)
	return w.approve, w.personErr
}

func (w *world) Settled(key string) bool { return key == w.settled }
func (w *world) Settle(_ context.Context, key string) error {
	w.note("settle %s", key)
	return nil
}

type fakeTunnels struct{ *world }

func (w fakeTunnels) Start(_ context.Context, space session.Space, s session.Session) (Tunnel, error) {
	w.note("dial %s for %s", s.ID, space.Alias)
	return fakeTunnel(w), w.tunnelErr
}

type fakeTunnel struct{ *world }

func (w fakeTunnel) Ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return w.readyErr
}
func (w fakeTunnel) Release(_ context.Context, alias string) error {
	w.note("release %s", alias)
	return w.releaseErr
}
func (w fakeTunnel) Stop(ctx context.Context) error {
	if ctx.Err() != nil {
		w.note("stop was given a dead context")
	}
	w.note("stop tunnel")
	return nil
}

type fakeMaster struct{ *world }

func (w fakeMaster) Running(_ context.Context, alias string) bool {
	return w.running && alias == "my-space.hatch"
}
func (w fakeMaster) Prepare(context.Context, string) {}
func (w fakeMaster) Start(ctx context.Context, alias string, person Person) (string, error) {
	w.note("master %s", alias)
	if w.otherKey {
		if yes, err := person.Approve(ctx, Proposal{Key: "the host key", Cautious: true}); err != nil || !yes {
			return "", w.masterErr
		}
	}
	return w.notice, w.masterErr
}

type fakeChange struct {
	*world
	Proposal
}

func (c fakeChange) Describe() Proposal { return c.Proposal }
func (c fakeChange) Apply(context.Context) error {
	c.note("apply %s", c.Key)
	if len(c.changeErrs) == 0 {
		return nil
	}
	err := c.changeErrs[0]
	c.changeErrs = c.changeErrs[1:]
	return err
}

type fakeChanges struct{ list *[]Change }

func (c fakeChanges) Changes(context.Context, session.Space) ([]Change, error) { return *c.list, nil }

type fakeEditors struct{ *world }

func (w fakeEditors) Choose(_ context.Context, name, scheme string) (Editor, error) {
	w.note("choose %q %s", name, scheme)
	return fakeEditor{w.world, fakeChanges{&w.editorChanges}}, w.chooseErr
}

type fakeEditor struct {
	*world
	fakeChanges
}

func (w fakeEditor) Changes(ctx context.Context, s session.Space) ([]Change, error) {
	changes, _ := w.fakeChanges.Changes(ctx, s)
	return changes, w.editorErr
}
func (w fakeEditor) Name() string { return "VS Code" }
func (w fakeEditor) Open(_ context.Context, alias, folder string) error {
	w.note("start %s %s", alias, folder)
	return nil
}

func (w *world) connector(events *[]Event) *Connector {
	return &Connector{
		Spaces: w, Answers: w, Questions: w, Folders: w, Person: w, Tunnels: fakeTunnels{w}, Master: fakeMaster{w},
		SSHConfig: fakeChanges{&w.changes}, Editors: fakeEditors{w},
		Report: func(e Event) { *events = append(*events, e) },
	}
}

// While a question about the host key waits, nothing is said to be under way.
func TestTheHostKeyIsAskedAbout(t *testing.T) {
	var events []Event
	w := &world{trusted: true, otherKey: true, approve: true, notice: "connected; the space has a new host key"}
	if _, err := w.connector(&events).Open(t.Context(), goodLink, Options{Editor: NoEditor}); err != nil {
		t.Fatal(err)
	}
	var way []Progress
	for _, e := range events {
		if e.Step == StepSSH {
			way = append(way, e.Progress)
		}
	}
	if want := []Progress{Started, Asking, Answered, Done}; !slices.Equal(way, want) {
		t.Errorf("the step goes %v, want %v", way, want)
	}
	if !slices.Contains(w.did, "ask the host key") {
		t.Errorf("nobody was asked: %q", w.did)
	}
}

func TestConnect(t *testing.T) {
	sshConfig := func(w *world) { w.changes = []Change{fakeChange{w, Proposal{Key: "~/.ssh/config"}}} }
	const opened = `start my-space.hatch /home/sagemaker-user`
	for name, c := range map[string]struct {
		set  func(*world)
		o    Options
		link string
		did  []string
		code problem.Code
		told string // at the end of the last step; empty is anything
	}{
		"the first time": {
			set: func(w *world) { sshConfig(w); w.answer, w.approve = ConnectAndRemember, true },
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "ask consent", "trust", "remember my-space.hatch",
				"ask ~/.ssh/config", "apply ~/.ssh/config", "release my-space.hatch", "master my-space.hatch", `choose "" vscode`, opened,
			},
		},
		"the second time nothing is asked": {
			set: func(w *world) { w.trusted = true },
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`, opened,
			},
		},
		"once is not remembered": {
			set: func(w *world) { w.answer = ConnectOnce },
			o:   Options{Editor: NoEditor},
			did: []string{"dial SageMaker-remote-0abc for my-space.hatch", "ask consent", "remember my-space.hatch", "release my-space.hatch", "master my-space.hatch"},
		},
		"--yes asks nothing and remembers no consent": {
			set: sshConfig,
			o:   Options{Yes: true, Editor: "cursor", Folder: "/tmp"},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "apply ~/.ssh/config",
				"release my-space.hatch", "master my-space.hatch", `choose "cursor" vscode`, "start my-space.hatch /tmp",
			},
		},
		"--yes is no answer where no is the safe one": {
			set: func(w *world) { w.changes = []Change{fakeChange{w, Proposal{Key: "x", Cautious: true}}} },
			o:   Options{Yes: true},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "ask x", "stop tunnel",
			},
			code: problem.Cancelled,
		},
		"a folder that was chosen before": {
			set: func(w *world) { w.trusted, w.folder = true, "/home/sagemaker-user/project" },
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "release my-space.hatch",
				"master my-space.hatch", `choose "" vscode`, "start my-space.hatch /home/sagemaker-user/project",
			},
		},
		"a folder for this time is the one for the next": {
			set: func(w *world) { w.trusted, w.folder, w.keepErr = true, "/old", errors.New("the disk is full") },
			o:   Options{Folder: "/new"},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "release my-space.hatch",
				"master my-space.hatch", `choose "" vscode`, "start my-space.hatch /new", "keep folder /new for my-space.hatch",
			},
		},
		"with a master the new session is kept": {
			set: func(w *world) { w.trusted, w.running = true, true },
			did: []string{"remember my-space.hatch", "keep SageMaker-remote-0abc", `choose "" vscode`, opened},
		},
		"a link that the policy refuses": {
			set:  func(*world) {},
			link: strings.Replace(goodLink, "amazonaws.com", "amazonaws.com.evil.example", 1),
			code: problem.LinkRefused,
		},
		"no link at all": {
			set: func(*world) {}, link: "https://example.com", code: problem.LinkMalformed,
		},
		"cancelled consent": {
			set:  func(*world) {},
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "ask consent", "stop tunnel"},
			code: problem.Cancelled,
		},
		"nobody to ask": {
			set:  func(w *world) { w.personErr = problem.New(problem.NeedsPerson, "x", "", nil) },
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "ask consent", "stop tunnel"},
			code: problem.NeedsPerson,
		},
		"refused SSH config": {
			set:  func(w *world) { sshConfig(w); w.trusted = true },
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "ask ~/.ssh/config", "stop tunnel"},
			code: problem.Cancelled,
		},
		"silent changes are made without a question, refused optional ones are left": {
			set: func(w *world) {
				w.trusted = true
				w.changes = []Change{fakeChange{w, Proposal{Key: "own", Silent: true}}}
				w.editorChanges = []Change{fakeChange{w, Proposal{Key: "settings.json", Optional: true}}}
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "apply own",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`, "ask settings.json", "settle settings.json", opened,
			},
		},
		"settings of an IDE that are left alone keep it from nothing": {
			set: func(w *world) {
				w.trusted = true
				w.editorChanges = []Change{fakeChange{w, Proposal{Key: "extension", Silent: true}}}
				w.editorErr = errors.Join(ErrDispensable, problem.New(problem.EditorFailed, "It is read-only.", "", nil))
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`, "apply extension", opened,
			},
			told: "VS Code. It is read-only.",
		},
		"an extension that cannot be had does not keep the IDE from starting, nor what comes after it": {
			set: func(w *world) {
				w.trusted, w.approve = true, true
				w.editorChanges = []Change{
					fakeChange{w, Proposal{Key: "extension", Optional: true}}, fakeChange{w, Proposal{Key: "settings.json", Optional: true}},
				}
				w.changeErrs = []error{problem.New(problem.EditorFailed, "It cannot be downloaded.", "", nil)}
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`,
				"ask extension", "apply extension", "ask settings.json", "apply settings.json", opened,
			},
			told: "VS Code. It cannot be downloaded.",
		},
		"an IDE that is too old is not started": {
			set: func(w *world) {
				w.trusted, w.editorErr = true, problem.New(problem.EditorFailed, "It is too old.", "", nil)
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`,
			},
			code: problem.EditorFailed,
		},
		"a no is not asked for again": {
			set: func(w *world) {
				w.trusted, w.settled = true, "settings.json"
				w.editorChanges = []Change{fakeChange{w, Proposal{Key: "settings.json", Optional: true}}}
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`, opened,
			},
		},
		"an optional change needs nobody": {
			set: func(w *world) {
				w.trusted, w.personErr = true, problem.New(problem.NeedsPerson, "x", "", nil)
				w.editorChanges = []Change{fakeChange{w, Proposal{Key: "settings.json", Optional: true}}}
			},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.hatch", "master my-space.hatch", `choose "" vscode`, "ask settings.json", opened,
			},
		},
		"the tunnel cannot be opened": {
			set:  func(w *world) { w.trusted, w.readyErr = true, problem.New(problem.Unreachable, "x", "", nil) },
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "stop tunnel"},
			code: problem.Unreachable,
		},
		"ssh fails": {
			set:  func(w *world) { w.trusted, w.masterErr = true, problem.New(problem.SSHFailed, "x", "", nil) },
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "release my-space.hatch", "master my-space.hatch", "stop tunnel"},
			code: problem.SSHFailed,
		},
		"the tunnel has ended while the person thought": {
			set: func(w *world) {
				w.trusted, w.releaseErr = true, problem.New(problem.TunnelRefused, "x", "", nil)
			},
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "release my-space.hatch", "stop tunnel"},
			code: problem.TunnelRefused,
		},
		"the name was given to another space meanwhile": {
			set: func(w *world) { w.trusted, w.renamed = true, "my-space.d-b.hatch" },
			o:   Options{Editor: NoEditor},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"release my-space.d-b.hatch", "master my-space.d-b.hatch",
			},
		},
		"the name was given to another space, whose master runs": {
			set: func(w *world) { w.trusted, w.running, w.renamed = true, true, "my-space.d-b.hatch" },
			o:   Options{Editor: NoEditor},
			did: []string{
				"remember my-space.hatch", "dial SageMaker-remote-0abc for my-space.d-b.hatch",
				"release my-space.d-b.hatch", "master my-space.d-b.hatch",
			},
		},
		"another window was faster": {
			set: func(w *world) { w.trusted, w.runningLater = true, true },
			o:   Options{Editor: NoEditor},
			did: []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "stop tunnel"},
		},
		"the SSH config changes in the meantime": {
			set: func(w *world) {
				sshConfig(w)
				w.trusted, w.approve, w.changeErrs = true, true, []error{fmt.Errorf("x: %w", sshconfig.ErrChanged)}
			},
			o: Options{Editor: NoEditor},
			did: []string{
				"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch",
				"ask ~/.ssh/config", "apply ~/.ssh/config", "ask ~/.ssh/config", "apply ~/.ssh/config",
				"release my-space.hatch", "master my-space.hatch",
			},
		},
		"without an IDE the connection stays": {
			set:  func(w *world) { w.trusted, w.chooseErr = true, problem.New(problem.NoEditor, "x", "", nil) },
			did:  []string{"dial SageMaker-remote-0abc for my-space.hatch", "remember my-space.hatch", "release my-space.hatch", "master my-space.hatch", `choose "" vscode`},
			code: problem.NoEditor,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			var events []Event
			c.set(&w)
			if c.link == "" {
				c.link = goodLink
			}
			_, err := w.connector(&events).Open(t.Context(), c.link, c.o)
			if code := codeOf(err); code != c.code {
				t.Errorf("ended with %q, want %q: %v", code, c.code, err)
			}
			if !slices.Equal(w.did, c.did) {
				t.Errorf("did\n  %s\nwant\n  %s", strings.Join(w.did, "\n  "), strings.Join(c.did, "\n  "))
			}
			checkEvents(t, events, c.code)
			if last := events[len(events)-1]; c.told != "" && last.Detail != c.told {
				t.Errorf("told %q, want %q", last.Detail, c.told)
			}
		})
	}
}

// sourceFunc is a session.Source.
type sourceFunc func() (session.Session, error)

func (f sourceFunc) Session(context.Context, session.Space) (session.Session, error) { return f() }

func TestReopen(t *testing.T) {
	space := session.Space{Alias: "my-space.hatch", Name: "my-space", Scheme: "cursor"}
	fresh := func() (session.Session, error) {
		return session.Session{ID: "fresh", Token: secret.New("t")}, nil
	}
	for name, c := range map[string]struct {
		set  func(*world)
		from sourceFunc
		did  []string
		code problem.Code
	}{
		"with a fresh session, and no question about trust": {
			set: func(*world) {}, from: fresh,
			did: []string{
				"dial fresh for my-space.hatch", "remember my-space.hatch", "release my-space.hatch", "master my-space.hatch",
				`choose "" cursor`, "start my-space.hatch /home/sagemaker-user",
			},
		},
		"through the master, without a session": {
			set: func(w *world) { w.running = true },
			from: func() (session.Session, error) {
				return session.Session{}, errors.New("a session is asked for")
			},
			did: []string{"remember my-space.hatch", `choose "" cursor`, "start my-space.hatch /home/sagemaker-user"},
		},
		"without any session": {
			set: func(*world) {},
			from: func() (session.Session, error) {
				return session.Session{}, problem.New(problem.NoSession, "x", "", nil)
			},
			code: problem.NoSession,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			var events []Event
			c.set(&w)
			_, err := w.connector(&events).Reopen(t.Context(), space, c.from, Options{})
			if code := codeOf(err); code != c.code {
				t.Errorf("ended with %q, want %q: %v", code, c.code, err)
			}
			if !slices.Equal(w.did, c.did) {
				t.Errorf("did\n  %s\nwant\n  %s", strings.Join(w.did, "\n  "), strings.Join(c.did, "\n  "))
			}
			checkEvents(t, events, c.code)
		})
	}
}

func codeOf(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

// checkEvents holds that every step that started also ended, unless a problem
// in another step came first, and that a problem is told exactly once.
func checkEvents(t *testing.T, events []Event, code problem.Code) {
	t.Helper()
	open := map[Step]bool{}
	failures := 0
	for _, e := range events {
		switch e.Progress {
		case Started:
			open[e.Step] = true
		case Failed:
			failures++
			if e.Problem.Code != code {
				t.Errorf("%s failed with %s", e.Step, e.Problem.Code)
			}
			fallthrough
		case Done, Skipped:
			if !open[e.Step] {
				t.Errorf("%s ended before it started", e.Step)
			}
			delete(open, e.Step)
		}
	}
	if code == "" && len(open) > 0 {
		t.Errorf("never ended: %v", open)
	}
	if want := map[bool]int{true: 0, false: 1}[code == ""]; failures != want {
		t.Errorf("%d failures told, want %d", failures, want)
	}
}

func TestInterruptedConnectLeavesNothing(t *testing.T) {
	var events []Event
	w := world{trusted: true}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.connector(&events).Open(ctx, goodLink, Options{})
	if codeOf(err) != problem.Cancelled {
		t.Errorf("ended with %v", err)
	}
	if !slices.Contains(w.did, "stop tunnel") || slices.Contains(w.did, "stop was given a dead context") {
		t.Errorf("did %q", w.did)
	}
	if errors.Is(err, context.Canceled) {
		t.Error("a person is told of a context")
	}
}

// Who has no IDE is told that the space is there all the same, and how.
func TestWithoutAnIDETheSpaceIsThere(t *testing.T) {
	w := &world{trusted: true, chooseErr: problem.New(problem.NoEditor, "No IDE.", "Install one.", nil)}
	_, err := w.connector(new([]Event)).Open(t.Context(), goodLink, Options{})
	if p := problem.From(err); p.Code != problem.NoEditor || p.Hint != "Install one. The space is connected all the same: `ssh my-space.hatch` works from any terminal." {
		t.Errorf("%v: %s", err, p.Hint)
	}
}
