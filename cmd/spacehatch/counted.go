package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// counted is a source of sessions that says, of a space with all its ten
// connections, how many of them this computer holds.
type counted struct {
	*places
	session.Source
}

// Session implements session.Source.
func (c counted) Session(ctx context.Context, space session.Space) (session.Session, error) {
	s, err := c.Source.Session(ctx, space)
	if !errors.Is(err, &problem.Problem{Code: problem.TooManyConnections}) {
		return s, err
	}
	p := *problem.From(err)
	open, failed := registry.List(ctx, c.runtime)
	if failed != nil {
		return s, err
	}
	ours := 0
	for _, tunnel := range open {
		if tunnel.SpaceARN == space.ARN || tunnel.Alias == space.Alias {
			ours++
		}
	}
	switch ours {
	case 0:
		p.Hint = "None of them is listed on this computer: close one where it was opened, or stop the space and start it again."
	case 1:
		p.Hint = fmt.Sprintf("One of them is this computer's: `spacehatch close %s` ends it.", space.Alias)
	default:
		p.Hint = fmt.Sprintf("%d of them are this computer's: `spacehatch status` lists them, `spacehatch close %s` ends them.", ours, space.Alias)
	}
	return s, &p
}
