package spaces

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Plan is what a space needs before it can be connected to. The zero needs
// are: nothing.
type Plan struct {
	Space Space
	// Wait: something is under way already, and has to end first.
	Wait bool
	// Stop: what runs has to be stopped first, and what is not saved there is
	// lost.
	Stop bool
	// RemoteAccess has to be switched on.
	RemoteAccess bool
	// Resize is the instance type that the space has to get, empty where the
	// one it has will do.
	Resize string
	// Start: the space has to be started.
	Start bool
	// Took is how long all that took last time; 0 where it is not known.
	Took time.Duration

	place place
	state state
}

// Empty reports whether the space can be connected to as it is.
func (p Plan) Empty() bool { return !p.Wait && !p.Changes() }

// Changes reports whether anything has to be done that a person must agree to.
func (p Plan) Changes() bool { return p.Stop || p.RemoteAccess || p.Resize != "" || p.Start }

// state is a space as AWS describes it now.
type state struct {
	space     types.SpaceStatus
	app       types.AppStatus // empty where there is none
	reason    string          // why the app failed
	used      *time.Time      // when the app was used last
	running   string          // the instance type that the app runs on
	settings  types.SpaceSettings
	owner     string
	spaceWhy  string // why the space failed
	appExists bool   // also one that failed
}

// spec is what the space starts its application with; nil where nothing was
// chosen.
func (s state) spec() *types.ResourceSpec {
	switch {
	case s.settings.AppType == types.AppTypeCodeEditor && s.settings.CodeEditorAppSettings != nil:
		return s.settings.CodeEditorAppSettings.DefaultResourceSpec
	case s.settings.AppType == types.AppTypeJupyterLab && s.settings.JupyterLabAppSettings != nil:
		return s.settings.JupyterLabAppSettings.DefaultResourceSpec
	}
	return nil
}

// instance is the instance type that the space starts with, empty where none
// was chosen.
func (s state) instance() string {
	if spec := s.spec(); spec != nil {
		return string(spec.InstanceType)
	}
	return ""
}

func (s state) remote() bool { return s.settings.RemoteAccess == types.FeatureStatusEnabled }

// Look says what the space needs before it can be connected to. Errors are
// problems.
func (c *Client) Look(ctx context.Context, arn string) (Plan, error) {
	at, err := parse(arn)
	if err != nil {
		return Plan{}, err
	}
	s, err := c.see(ctx, at)
	if err != nil {
		return Plan{}, err
	}
	plan, err := planFor(at, s)
	if err == nil && c.waits != nil {
		for _, what := range plan.phases() {
			took := c.waits.Took(arn, string(what))
			if took == 0 {
				plan.Took = 0 // a part of it says nothing
				break
			}
			plan.Took += took
		}
	}
	return plan, err
}

// see asks AWS about the space and its application.
func (c *Client) see(ctx context.Context, at place) (state, error) {
	out, err := c.looks.DescribeSpace(ctx, &sagemaker.DescribeSpaceInput{DomainId: &at.domain, SpaceName: &at.name})
	if err != nil {
		return state{}, c.problem(ctx, at, "sagemaker:DescribeSpace", err)
	}
	s := state{space: out.Status, spaceWhy: aws.ToString(out.FailureReason)}
	if out.SpaceSettings != nil {
		s.settings = *out.SpaceSettings
	}
	if out.OwnershipSettings != nil {
		s.owner = aws.ToString(out.OwnershipSettings.OwnerUserProfileName)
	}
	if !remoteApp(s.settings.AppType) {
		return s, nil // it has no application that we know
	}
	return s, c.seeApp(ctx, at, &s)
}

// seeApp asks about the application alone.
func (c *Client) seeApp(ctx context.Context, at place, s *state) error {
	out, err := c.looks.DescribeApp(ctx, &sagemaker.DescribeAppInput{
		DomainId: &at.domain, SpaceName: &at.name, AppType: s.settings.AppType, AppName: aws.String(appName)})
	if err != nil {
		p := c.problem(ctx, at, "sagemaker:DescribeApp", err)
		if problem.From(p).Code != problem.SpaceNotFound {
			return p
		}
		s.app, s.reason, s.running, s.used, s.appExists = "", "", "", nil, false
		return nil
	}
	s.app, s.reason, s.used, s.running = out.Status, aws.ToString(out.FailureReason), out.LastUserActivityTimestamp, ""
	if out.ResourceSpec != nil {
		s.running = string(out.ResourceSpec.InstanceType)
	}
	s.appExists = s.app != types.AppStatusDeleted
	return nil
}

func (c *Client) problem(ctx context.Context, at place, action string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", action, context.Cause(ctx))
	}
	return c.who.Problem(ctx, at.request(action), err)
}

// planFor decides; it asks nobody.
func planFor(at place, s state) (Plan, error) {
	p := Plan{place: at, state: s, Space: Space{
		Name: at.name, Domain: at.domain, Owner: s.owner, App: string(s.settings.AppType), ARN: at.arn,
		Status: status(s.space, s.app), InstanceType: s.running, RemoteAccess: s.remote(), LastUsed: s.used,
	}}
	if p.Space.InstanceType == "" {
		p.Space.InstanceType = s.instance()
	}
	switch s.space {
	case types.SpaceStatusDeleting, types.SpaceStatusDeleteFailed:
		return p, problem.New(SpaceUnusable, upperFirst(at.label())+" is being deleted.", "Choose another one; `spacehatch spaces` lists them.", nil)
	case types.SpaceStatusFailed:
		return p, problem.New(SpaceUnusable, withReason("AWS could not make "+at.label(), s.spaceWhy), "Look at it in Studio, and make it anew there.", nil)
	case types.SpaceStatusPending, types.SpaceStatusUpdating:
		p.Wait = true
	}
	if !remoteApp(s.settings.AppType) {
		return p, problem.New(problem.NotSupported,
			fmt.Sprintf("%s has the application %s, which cannot be opened from afar.", upperFirst(at.label()), printable.Quoted(string(s.settings.AppType))),
			"Use a JupyterLab or Code Editor space.", nil)
	}
	ready := s.remote()
	switch s.app {
	case types.AppStatusInService:
		p.Stop, p.Start = !ready, !ready
	case types.AppStatusPending:
		p.Wait, p.Stop, p.Start = true, !ready, !ready
	case types.AppStatusDeleting:
		p.Wait, p.Start = true, true
	default:
		p.Start = true
	}
	if p.Start {
		p.RemoteAccess = !ready
		p.Resize = enough(s.instance())
	}
	return p, nil
}

// enough is the instance type that the space must get: remote access needs
// 8 GiB of memory. Empty means that it has enough.
func enough(instance string) string {
	switch instance {
	case "", "ml.t3.medium", "ml.t3.small", "ml.t3.micro":
		return "ml.t3.large"
	case "ml.c7i.large":
		return "ml.c7i.xlarge"
	case "ml.c6i.large":
		return "ml.c6i.xlarge"
	case "ml.c6id.large":
		return "ml.c6id.xlarge"
	case "ml.c5.large":
		return "ml.c5.xlarge"
	}
	return ""
}
