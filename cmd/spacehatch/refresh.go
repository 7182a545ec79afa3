package main

import (
	"context"
	"errors"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel"
)

// refresh asks the sources of sessions when AWS no longer takes the token of a
// tunnel that was lost. Where they give the same session again, the stream goes
// on. Another session leads to another agent, which knows nothing of the
// stream: it is put away for the ssh that comes next, and this tunnel ends.
func (c *carrier) refresh(ctx context.Context) (streamURL, token secret.String, err error) {
	if c.space.Kind == session.Instance {
		return c.resume(ctx, func(fresh session.Session) error {
			return c.policy.Check(handler.Link{Space: c.space, Session: fresh})
		})
	}
	fresh, err := c.sources(c.parts).Session(ctx, c.space)
	if err != nil {
		switch problem.From(err).Code {
		case problem.Unreachable, problem.Throttled:
			return secret.String{}, secret.String{}, err // it may go better soon
		}
		return secret.String{}, secret.String{}, errors.Join(tunnel.ErrSessionLost, err)
	}
	if fresh.ID == c.session.ID {
		if err := c.policy.Check(handler.Link{Space: c.space, Session: fresh}); err != nil {
			return secret.String{}, secret.String{}, errors.Join(tunnel.ErrSessionLost, err)
		}
		return fresh.StreamURL, fresh.Token, nil
	}
	return secret.String{}, secret.String{}, c.another(ctx, fresh)
}

// another puts a session away for the next ssh, and says so.
func (c *carrier) another(ctx context.Context, fresh session.Session) error {
	hint := "Connect again: a new session is ready."
	if err := c.store.Keep(ctx, c.space.Alias, fresh); err != nil {
		c.log.Warn("the new session could not be put away", "alias", c.space.Alias, "error", err)
		hint = "Connect again."
	}
	return problem.New(problem.TunnelRefused, "AWS gave another session in place of the lost one.", hint, tunnel.ErrSessionLost)
}
