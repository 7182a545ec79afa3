package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Chain asks its sources one after the other. It is a [Source] itself.
type Chain []Source

// Personal is a source that takes a person's attention. A [Chain] leaves it out
// where AWS has said something of the space itself, or could not be reached:
// the person could do nothing about that there.
type Personal struct{ Source }

// notForAPerson are such answers.
var notForAPerson = []problem.Code{
	problem.TooManyConnections, problem.SpaceNotFound, problem.SpaceStarting, problem.Rejected,
	problem.Throttled, problem.Unreachable,
}

func (p Personal) helps(failed []error) bool {
	return !slices.ContainsFunc(failed, func(err error) bool {
		return slices.Contains(notForAPerson, problem.From(err).Code)
	})
}

// Session returns the first session that a source gives. A source that fails
// does not hide the next one: expired credentials must not stop a click in
// Studio. Only the end of ctx and a person's [problem.Cancelled] end the walk.
//
// Where no source gave one, the error is the most telling problem of those
// that failed, or [problem.NoSession] where none did and all had nothing.
func (c Chain) Session(ctx context.Context, space Space) (Session, error) {
	var failed, none []error
	for _, source := range c {
		if personal, ok := source.(Personal); ok && !personal.helps(failed) {
			continue
		}
		session, err := source.Session(ctx, space)
		switch {
		case err == nil:
			return session, nil
		case ctx.Err() != nil:
			return Session{}, fmt.Errorf("get a session for the space %s: %w", space.label(), context.Cause(ctx))
		case errors.Is(err, &problem.Problem{Code: problem.Cancelled}):
			return Session{}, err
		case errors.Is(err, ErrNone):
			none = append(none, err)
		default:
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return Session{}, mostTelling(failed)
	}
	return Session{}, noSession(space, none)
}

// The problems of asking for a session in the browser.
const (
	// StudioSilent: a person was sent there, and no session came.
	StudioSilent problem.Code = "studio-silent"
	// StudioUnattended: nobody answered there the last times, so no further tab
	// is opened by itself.
	StudioUnattended problem.Code = "studio-unattended"
	// NoPage: no address is known where a browser gets a session.
	NoPage problem.Code = "no-refresh-page"
)

// telling orders the problems: what AWS said of the space itself, what the
// policy forbids, what the user has just seen in the browser, then what they can
// mend, then what time or luck can mend. Others come last.
var telling = []problem.Code{
	problem.TooManyConnections, problem.SpaceNotFound, problem.SpaceStarting, problem.Rejected,
	problem.LinkRefused, StudioSilent,
	problem.AccessDenied, problem.CredentialsExpired, caller.AccountWrong, caller.CredentialsWrong, caller.ClockWrong, problem.NoCredentials,
	StoreUnsafe, StoreDamaged, StoreFailed, problem.Throttled, problem.Unreachable,
}

func mostTelling(failed []error) error {
	rank := func(err error) int {
		if i := slices.Index(telling, problem.From(err).Code); i >= 0 {
			return i
		}
		return len(telling)
	}
	best := 0
	for i := range failed {
		if rank(failed[i]) < rank(failed[best]) {
			best = i
		}
	}
	if len(failed) == 1 {
		return failed[best]
	}
	// The others stay visible in the details.
	p := *problem.From(failed[best])
	var causes []error
	if p.Cause != nil {
		causes = append(causes, p.Cause)
	}
	for i, err := range failed {
		if i != best {
			causes = append(causes, err)
		}
	}
	p.Cause = errors.Join(causes...)
	return &p
}

func noSession(space Space, none []error) *problem.Problem {
	sentence := fmt.Sprintf("There is no unused session for the space %s.", space.label())
	hint := clickAgain(space)
	for _, err := range none {
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok {
			continue
		}
		sentence += " " + p.Sentence
		if p.Code == problem.NoCredentials || p.Code == StudioUnattended {
			hint = p.Hint // the others say no more than to click again
		}
	}
	return problem.New(problem.NoSession, sentence, hint, nil)
}

// clickAgain is the way to a session that needs nothing on this computer.
func clickAgain(space Space) string {
	if space.Kind == Instance {
		return "Connect to it again with `spacehatch connect " + space.Name + "`."
	}
	if space.Kind == HyperPod {
		return "Open the workspace again from its page in the browser."
	}
	return "Click Open in VS Code in Studio again."
}
