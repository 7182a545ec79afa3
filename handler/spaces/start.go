package spaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Phase is a part of starting or stopping that is waited for.
type Phase string

// The phases, in the order in which they may come.
const (
	Settling Phase = "settle" // what is under way already comes to its end
	Ending   Phase = "stop"   // the application stops
	Changing Phase = "update" // remote access, instance type
	Rising   Phase = "start"  // the application starts
)

// Event tells what is waited for. It holds only printable text.
type Event struct {
	Phase Phase
	// Elapsed is the time since the phase began, Last how long it took last
	// time, 0 where that is not known.
	Elapsed, Last time.Duration
	// Done: the phase has ended.
	Done bool
}

// Words says for a person what is waited for, as a clause.
func (e Event) Words() string {
	words := map[Phase]string{
		Settling: "waiting for what is under way in the space",
		Ending:   "waiting for the space to stop",
		Changing: "waiting for the space's new settings",
		Rising:   "waiting for the space to start",
	}[e.Phase]
	if e.Last > 0 {
		words += "; last time it took " + roughly(e.Last)
	}
	return words
}

// phases are those that the plan goes through.
func (p Plan) phases() []Phase {
	var all []Phase
	add := func(yes bool, phase Phase) {
		if yes {
			all = append(all, phase)
		}
	}
	add(p.Wait, Settling)
	add(p.Stop, Ending)
	add(p.RemoteAccess || p.Resize != "", Changing)
	add(p.Start, Rising)
	return all
}

// Start does what the plan of [Client.Look] needs, and returns when the space
// can be connected to. report is told of every look at what is waited for, and
// may be nil. The end of ctx leaves the space as it is then; the error, a
// [problem.Cancelled], says how that is. All errors are problems.
func (c *Client) Start(ctx context.Context, p Plan, report func(Event)) error {
	w := c.work(p.place, p.state, report)
	err := w.start(ctx, p)
	return w.ended(ctx, err)
}

// Stop stops the space's application and returns when that is so, like
// [Client.Start]. What is not saved in the space is lost. A space that does not
// run is no error; stopped tells that it ran.
func (c *Client) Stop(ctx context.Context, arn string, report func(Event)) (stopped bool, err error) {
	at, err := parse(arn)
	if err != nil {
		return false, err
	}
	s, err := c.see(ctx, at)
	if err != nil {
		return false, err
	}
	w := c.work(at, s, report)
	stopped, err = w.stop(ctx)
	return stopped, w.ended(ctx, err)
}

// work is one start or stop.
type work struct {
	*Client
	at     place
	now    state // as seen last
	report func(Event)
	left   string // how the space is left, as the end of a sentence
	// stopped: the space ran before, and does not any more.
	stopped bool
}

func (c *Client) work(at place, s state, report func(Event)) *work {
	if report == nil {
		report = func(Event) {}
	}
	return &work{Client: c, at: at, now: s, report: report, left: "nothing was changed"}
}

// ended makes the error of a work that ended with err.
func (w *work) ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return problem.New(problem.Cancelled, fmt.Sprintf("Cancelled. %s stays as it is: %s.", upperFirst(w.at.label()), w.left),
			fmt.Sprintf("`spacehatch connect %s` goes on from there; `spacehatch stop %s` stops the space.", w.at.name, w.at.name), nil)
	}
	p := *problem.From(err)
	if w.stopped {
		p.Sentence += " The space is stopped now."
	}
	return &p
}

func (w *work) start(ctx context.Context, p Plan) error {
	if p.Wait {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	if p.Stop || p.Start && w.now.app == types.AppStatusFailed {
		if err := w.end(ctx); err != nil {
			return err
		}
	}
	if p.RemoteAccess || p.Resize != "" {
		if err := w.change(ctx, p); err != nil {
			return err
		}
	}
	if p.Start {
		return w.rise(ctx, p)
	}
	return nil
}

func (w *work) stop(ctx context.Context) (bool, error) {
	if w.now.app == types.AppStatusPending {
		// AWS does not stop what is still starting.
		if err := w.settle(ctx); err != nil && !errors.Is(err, &problem.Problem{Code: StartFailed}) {
			return false, err
		}
	}
	if !w.now.appExists {
		return false, nil
	}
	err := w.end(ctx)
	w.stopped = false // that was wanted
	return true, err
}

// settle waits until neither the space nor its application is on the way from
// one state to another.
func (w *work) settle(ctx context.Context) error {
	w.left = "nothing was changed"
	err := w.wait(ctx, Settling, func(ctx context.Context) (bool, error) {
		s, err := w.see(ctx, w.at)
		if err != nil {
			return false, err
		}
		w.now = s
		moving := s.space == types.SpaceStatusPending || s.space == types.SpaceStatusUpdating ||
			s.app == types.AppStatusPending || s.app == types.AppStatusDeleting
		return !moving, nil
	})
	if err == nil && w.now.app == types.AppStatusFailed {
		return w.failed()
	}
	return err
}

// end deletes the application and waits until it is deleted: AWS takes no new
// one, and no new settings, before that.
func (w *work) end(ctx context.Context) error {
	failed, refused := w.now.app == types.AppStatusFailed, false
	if w.now.app != types.AppStatusDeleting {
		w.left = "AWS may have been asked to stop it"
		_, err := w.changes.DeleteApp(ctx, &sagemaker.DeleteAppInput{
			DomainId: &w.at.domain, SpaceName: &w.at.name, AppType: w.now.settings.AppType, AppName: aws.String(appName)})
		switch caller.Code(err) {
		case "ResourceInUse", "ResourceNotFound", "ResourceNotFoundException": // somebody else was faster
			err = nil
		case "ValidationException":
			// What has failed may need no deleting, and what is deleted is so.
			if w.seeApp(ctx, w.at, &w.now) == nil && (failed || !w.now.appExists) {
				err, refused = nil, true
			}
		}
		if err != nil {
			return w.appProblem(ctx, "sagemaker:DeleteApp", err)
		}
	}
	w.left = "it is stopping"
	err := w.wait(ctx, Ending, func(ctx context.Context) (bool, error) {
		if err := w.seeApp(ctx, w.at, &w.now); err != nil {
			return false, err
		}
		return !w.now.appExists || refused && w.now.app == types.AppStatusFailed, nil
	})
	if err == nil {
		w.left, w.stopped = "it is stopped", !failed
	}
	return err
}

// change gives the space what remote access needs.
func (w *work) change(ctx context.Context, p Plan) error {
	set := &types.SpaceSettings{}
	if p.RemoteAccess {
		set.RemoteAccess = types.FeatureStatusEnabled
	}
	if p.Resize != "" {
		// AWS replaces these settings as a whole.
		spec := w.spec(p)
		if w.now.settings.AppType == types.AppTypeCodeEditor {
			app := types.SpaceCodeEditorAppSettings{}
			if old := w.now.settings.CodeEditorAppSettings; old != nil {
				app = *old
			}
			app.DefaultResourceSpec = spec
			set.CodeEditorAppSettings = &app
		} else {
			app := types.SpaceJupyterLabAppSettings{}
			if old := w.now.settings.JupyterLabAppSettings; old != nil {
				app = *old
			}
			app.DefaultResourceSpec = spec
			set.JupyterLabAppSettings = &app
		}
	}
	w.left = "it is stopped, and AWS may have been asked to change its settings"
	if _, err := w.changes.UpdateSpace(ctx, &sagemaker.UpdateSpaceInput{DomainId: &w.at.domain, SpaceName: &w.at.name, SpaceSettings: set}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		r := w.at.request("sagemaker:UpdateSpace")
		r.RemoteAccess = p.RemoteAccess
		return w.who.Problem(ctx, r, err)
	}
	w.left = "it is stopped, with its new settings"
	return w.wait(ctx, Changing, func(ctx context.Context) (bool, error) {
		s, err := w.see(ctx, w.at)
		if err != nil {
			return false, err
		}
		switch w.now = s; s.space {
		case types.SpaceStatusInService:
			return true, nil
		case types.SpaceStatusPending, types.SpaceStatusUpdating:
			return false, nil
		}
		return false, problem.New(StartFailed, withReason("AWS could not change the settings of "+w.at.label(), s.spaceWhy),
			"Look at the space in Studio.", nil)
	})
}

// spec is what the application starts with.
func (w *work) spec(p Plan) *types.ResourceSpec {
	spec := types.ResourceSpec{}
	if old := w.now.spec(); old != nil {
		spec = *old
	}
	spec.InstanceType = types.AppInstanceType(cmp.Or(p.Resize, string(spec.InstanceType)))
	return &spec
}

// rise creates the application and waits until it runs.
func (w *work) rise(ctx context.Context, p Plan) error {
	w.left = "AWS may have been asked to start it"
	_, err := w.changes.CreateApp(ctx, &sagemaker.CreateAppInput{
		DomainId: &w.at.domain, SpaceName: &w.at.name, AppType: w.now.settings.AppType, AppName: aws.String(appName),
		ResourceSpec: w.spec(p)})
	if err != nil && caller.Code(err) != "ResourceInUse" { // that is somebody who was faster
		return w.appProblem(ctx, "sagemaker:CreateApp", err)
	}
	w.left, w.stopped = "it is starting, and runs until it is stopped", false
	missing := 0
	return w.wait(ctx, Rising, func(ctx context.Context) (bool, error) {
		if err := w.seeApp(ctx, w.at, &w.now); err != nil {
			return false, err
		}
		switch w.now.app {
		case types.AppStatusInService:
			return true, nil
		case types.AppStatusPending:
			return false, nil
		case types.AppStatusFailed:
			return false, w.failed()
		}
		// AWS may take a moment to know what it was asked for.
		if missing++; missing <= lateLooks {
			return false, nil
		}
		return false, problem.New(StartFailed, "Somebody stopped "+w.at.label()+" while it was starting.", "Try again.", nil)
	})
}

func (w *work) failed() error {
	return problem.New(StartFailed, withReason("AWS could not start "+w.at.label(), w.now.reason),
		"Look at the space in Studio; another instance type or image may help.", nil)
}

func (w *work) appProblem(ctx context.Context, action string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	r := w.at.request(action)
	r.Resource = w.at.app(w.now.settings.AppType)
	return w.who.Problem(ctx, r, err)
}

const (
	// AWS's own client looks every five seconds; what is done sooner is told
	// sooner.
	firstLook, lastLook = time.Second, 5 * time.Second
	// patience bounds a phase. A start takes a few minutes, of a large image on
	// a rare instance type more.
	patienceLimit = 30 * time.Minute
	// stumbles is how many looks in a row may fail: a laptop that slept, a
	// network that changed.
	stumbles = 5
	// lateLooks is how many looks may not find what was just asked for.
	lateLooks = 3
)

// wait asks until the phase is over, and remembers how long that took.
func (w *work) wait(ctx context.Context, phase Phase, over func(context.Context) (bool, error)) error {
	began := w.Client.now()
	e := Event{Phase: phase}
	if w.waits != nil {
		e.Last = w.waits.Took(w.at.arn, string(phase))
	}
	w.report(e)
	failures := 0
	for every := firstLook; ; every = min(every*3/2, lastLook) {
		if err := w.pause(ctx, every); err != nil {
			return err
		}
		done, err := over(ctx)
		e.Elapsed = w.Client.now().Sub(began)
		switch {
		case err == nil && done:
			e.Done = true
			w.report(e)
			if w.waits != nil {
				// Nice to know next time, and no reason to fail.
				_ = w.waits.Remember(ctx, w.at.arn, string(phase), e.Elapsed)
			}
			return nil
		case err == nil:
			failures = 0
		case ctx.Err() != nil || failures >= stumbles || !passing(err):
			return err
		default:
			failures++
		}
		if e.Elapsed > patienceLimit {
			return problem.New(problem.SpaceStarting,
				fmt.Sprintf("Still %s after %s.", strings.Split(Event{Phase: phase}.Words(), ";")[0], roughly(e.Elapsed)),
				"Look at the space in Studio, or try again: nothing is done twice.", nil)
		}
		w.report(e)
	}
}

// passing reports whether a failed look may well succeed the next time.
func passing(err error) bool {
	code := problem.From(err).Code
	return code == problem.Unreachable || code == problem.Throttled
}

// withReason ends a sentence with AWS's reason, where it gave one.
func withReason(text, reason string) string {
	reason = strings.TrimRight(printable.Text(strings.TrimSpace(reason), 500), ". ")
	if reason == "" {
		return text + "."
	}
	return text + ": " + reason + "."
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// roughly writes a duration for a person.
func roughly(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second).Seconds())))
	}
	d = d.Round(5 * time.Second)
	if rest := int(d.Seconds()) % 60; rest != 0 && d < 10*time.Minute {
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), rest)
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
