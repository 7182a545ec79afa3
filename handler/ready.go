package handler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Studio starts and stops spaces.
type Studio interface {
	// Look says what the space needs.
	Look(ctx context.Context, space session.Space) (spaces.Plan, error)
	// Start does it. report is told of what is waited for.
	Start(ctx context.Context, plan spaces.Plan, report func(spaces.Event)) error
	// Stop stops it; ran is false where there was nothing to stop.
	Stop(ctx context.Context, space session.Space, report func(spaces.Event)) (ran bool, err error)
}

// What the keys of the questions about a space begin with; its ARN follows.
const (
	StartKey   = "start "
	RestartKey = "restart "
	StopKey    = "stop "
)

// startedTries is how often a session is asked for once AWS says that the space
// runs: Session Manager learns of it later, and each try waits some seconds.
const startedTries = 6

// fresh gets a session for a space that the person named, and makes the space
// ready for it where that is what it lacks.
func (c *Connector) fresh(ctx context.Context, space session.Space, sources session.Source, o Options) (session.Session, error) {
	const unused = "Cancelled; nothing was left running."
	var why error
	if !o.Stopped {
		finding := c.begin(StepLink)
		s, err := sources.Session(ctx, space)
		switch {
		case err == nil:
			finding.end(Done, "a session for "+space.Name)
			return s, nil
		case c.Studio == nil || space.Kind != session.SageMaker || !lacksReadiness(err):
			return session.Session{}, finding.fail(unlessCancelled(ctx, err, unused))
		}
		finding.end(Skipped, "the space is not ready")
		why = err
	}
	if err := c.makeReady(ctx, space, why, o); err != nil {
		return session.Session{}, err
	}
	finding := c.begin(StepLink)
	for try := 1; ; try++ {
		s, err := sources.Session(ctx, space)
		if err == nil {
			finding.end(Done, "a session for "+space.Name)
			return s, nil
		}
		if try == startedTries || !errors.Is(err, &problem.Problem{Code: problem.SpaceStarting}) {
			return session.Session{}, finding.fail(unlessCancelled(ctx, err,
				"Cancelled. The space "+printable.Quoted(space.Name)+" runs until it is stopped."))
		}
	}
}

// unlessCancelled is err, but where the person had enough: that is no failure.
func unlessCancelled(ctx context.Context, err error, sentence string) error {
	if ctx.Err() == nil || errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		return err
	}
	return problem.New(problem.Cancelled, sentence, "", nil)
}

// lacksReadiness reports whether AWS gave no session because of what the space
// is just now.
func lacksReadiness(err error) bool {
	switch problem.From(err).Code {
	case problem.SpaceNotFound, problem.SpaceStarting, problem.Rejected:
		return true
	}
	return false
}

// makeReady looks at the space, asks, and starts it. why is what kept a session
// from being had, nil where none was asked for.
func (c *Connector) makeReady(ctx context.Context, space session.Space, why error, o Options) error {
	starting := c.begin(StepSpace)
	plan, err := c.Studio.Look(ctx, space)
	if err != nil {
		err = unlessCancelled(ctx, err, "Cancelled: the space "+printable.Quoted(space.Name)+" was left as it is.")
	}
	switch {
	case err != nil && why != nil && errors.Is(err, &problem.Problem{Code: problem.AccessDenied}):
		// Who may not look at spaces still learns what AWS said of this one.
		p := *problem.From(why)
		p.Cause = errors.Join(p.Cause, err)
		return starting.fail(&p)
	case err != nil:
		return starting.fail(err)
	case plan.Empty() && why != nil && !errors.Is(why, &problem.Problem{Code: problem.SpaceStarting}):
		return starting.fail(why) // it is ready, so that was about something else
	case plan.Empty():
		starting.end(Skipped, "it runs")
		return nil
	}
	if plan.Changes() && !o.Yes {
		answered := starting.asking()
		yes, err := c.Person.Approve(ctx, startProposal(plan))
		answered()
		if err == nil && !yes {
			err = problem.New(problem.Cancelled, "Cancelled: the space "+printable.Quoted(space.Name)+" was left as it is.", "", nil)
		}
		if err != nil {
			return starting.fail(err)
		}
	}
	if err := c.Studio.Start(ctx, plan, starting.waiting); err != nil {
		return starting.fail(err)
	}
	starting.end(Done, "it runs")
	return nil
}

// waiting reports what AWS is waited for.
func (s *stage) waiting(e spaces.Event) {
	if !e.Done {
		s.end(Waiting, e.Words())
	}
}

// Start starts a space that the person names, and asks before about what that
// changes. Where there is nothing to do it does nothing. Errors are problems.
func (c *Connector) Start(ctx context.Context, space session.Space, o Options) error {
	return c.makeReady(ctx, space, nil, o)
}

// Stop stops a space that the person names, and asks before; ran is false where
// there was nothing to stop. Errors are problems.
func (c *Connector) Stop(ctx context.Context, space session.Space, o Options) (ran bool, err error) {
	stopping := c.begin(StepSpace)
	name := printable.Quoted(space.Name)
	if !o.Yes {
		answered := stopping.asking()
		yes, err := c.Person.Approve(ctx, Proposal{
			Key: StopKey + space.ARN, Title: "Stop the space " + name + "?",
			Text: "What is not saved in it is lost, and who works in it is thrown out. Its files stay.", Cautious: true,
		})
		answered()
		if err == nil && !yes {
			err = problem.New(problem.Cancelled, "Cancelled: the space "+name+" was left as it is.", "", nil)
		}
		if err != nil {
			return false, stopping.fail(err)
		}
	}
	ran, err = c.Studio.Stop(ctx, space, stopping.waiting)
	switch {
	case err != nil:
		return false, stopping.fail(unlessCancelled(ctx, err, "Cancelled: the space "+name+" was left as it is."))
	case ran:
		stopping.end(Done, "stopped")
	default:
		stopping.end(Skipped, "it was not running")
	}
	return ran, nil
}

// startProposal asks for all that the plan would change, as one: none of it is
// of any use without the rest.
func startProposal(p spaces.Plan) Proposal {
	name := printable.Quoted(p.Space.Name)
	proposal := Proposal{Key: StartKey + p.Space.ARN, Title: "Start the space " + name + "?"}
	var lines []string
	if p.Stop {
		proposal.Key = RestartKey + p.Space.ARN
		proposal.Title = "Restart the space " + name + "?"
		proposal.Cautious = true
		lines = append(lines, "stop what runs there. What is not saved in it is lost.")
	}
	if p.RemoteAccess {
		lines = append(lines, "switch remote access on.")
	}
	if p.Resize != "" {
		from := "none is set now"
		if p.Space.InstanceType != "" {
			from = "now it is " + printable.Text(p.Space.InstanceType, 64)
		}
		lines = append(lines, fmt.Sprintf("set its instance type to %s (%s): remote access needs 8 GiB of memory.", p.Resize, from))
	}
	size := p.Resize
	if size == "" {
		size = p.Space.InstanceType
	}
	lines = append(lines, fmt.Sprintf("start it on %s. That costs money until it is stopped.", printable.Text(size, 64)))
	proposal.Text = "Before you can connect, AWS has to\n\n  - " + strings.Join(lines, "\n  - ")
	if p.Took > 0 {
		proposal.Text += fmt.Sprintf("\n\nLast time that took %s.", p.Took.Round(time.Second))
	}
	return proposal
}
