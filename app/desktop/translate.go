package desktop

import (
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Space is what a window tells of a space.
func Space(s session.Space) view.Space {
	return view.Space{
		Name: s.Name, Application: s.AppType, Account: s.Account,
		Domain: s.Domain, Region: s.Region, UserProfile: s.UserProfile,
	}
}

// Problem is what a window tells of a problem.
func Problem(p *problem.Problem) *view.Problem {
	v := &view.Problem{Code: string(p.Code), Sentence: p.Sentence, Hint: p.Hint, Paste: p.Paste, SignIn: p.SignIn}
	if p.Cause != nil {
		v.Details = p.Cause.Error()
	}
	return v
}

// steps are the steps before anything has begun.
func (c *Connection) steps() []view.Step {
	if c.options.Steps != nil || c.options.Profile != "" {
		return waiting(c.options.Steps...)
	}
	return waiting(
		handler.StepLink, handler.StepTunnel, handler.StepConsent,
		handler.StepSSHConfig, handler.StepSSH, handler.StepEditor,
	)
}

func waiting(steps ...handler.Step) []view.Step {
	var all []view.Step
	for _, id := range steps {
		all = append(all, view.Step{ID: string(id), State: view.Waiting})
	}
	return all
}

// apply puts an event into the steps, and the one step that not every way has
// before the tunnel.
func apply(all []view.Step, e handler.Event) []view.Step {
	if e.Step == handler.StepSpace && !slices.ContainsFunc(all, func(s view.Step) bool { return s.ID == string(e.Step) }) {
		at := max(0, slices.IndexFunc(all, func(s view.Step) bool { return s.ID == string(handler.StepTunnel) }))
		all = slices.Insert(slices.Clone(all), at, view.Step{ID: string(e.Step), State: view.Waiting})
	}
	for i := range all {
		if all[i].ID != string(e.Step) {
			continue
		}
		all[i].State = map[handler.Progress]view.State{
			handler.Started: view.Running, handler.Waiting: view.Running, handler.Asking: view.Asking, handler.Answered: view.Running, handler.Done: view.Done,
			handler.Skipped: view.Skipped, handler.Failed: view.Failed,
		}[e.Progress]
		all[i].Detail, all[i].Elapsed = e.Detail, e.Elapsed
	}
	return all
}

// settle ends the steps that nobody will end any more.
func settle(all []view.Step) {
	for i := range all {
		if all[i].State == view.Running || all[i].State == view.Asking {
			all[i].State = view.Waiting
		}
	}
}

// again are the problems after which the same may work. A link does where it was
// not used up, or the space is connected already; without a link there is
// nothing to use up.
func again(code problem.Code, reopens bool) bool {
	if reopens {
		switch code {
		case problem.Cancelled, problem.NeedsPerson, problem.UnknownAlias, problem.NotSupported:
			return false
		}
		return true
	}
	switch code {
	case problem.Unreachable, problem.NoEditor, problem.EditorFailed,
		problem.SSHConfigUnsafe, problem.SSHConfigIneffective:
		return true
	}
	return false
}

// usedUp are the problems of a link whose session opens nothing: it is spent, or
// the space does not run.
func usedUp(code problem.Code) bool {
	switch code {
	case problem.TunnelRefused, problem.NoSession, problem.SpaceNotFound, problem.SpaceStarting:
		return true
	}
	return false
}

// studio is the address of the Studio that a space belongs to, or empty where
// we do not know it. Studio's own refresh address has this form; of Unified
// Studio the console's page is known, which leads to its domains.
func studio(s session.Space) string {
	if s.Partition != "aws" || !plain(s.Domain) || !plain(s.Region) {
		return ""
	}
	switch s.Kind {
	case session.UnifiedStudio:
		return "https://console.aws.amazon.com/datazone/home?region=" + s.Region
	case session.SageMaker:
	default:
		return ""
	}
	return "https://studio-" + s.Domain + ".studio." + s.Region + ".sagemaker.aws/"
}

// plain reports whether s can be part of a host name.
func plain(s string) bool {
	return s != "" && len(s) <= 63 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
