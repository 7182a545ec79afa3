package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel"
)

// terminateLimit bounds the call that ends a session whose tunnel could not say
// so itself.
const terminateLimit = 5 * time.Second

// manager is Session Manager, which reaches EC2 instances and machines
// elsewhere.
func (p *program) manager() *session.Manager {
	return session.NewManager(session.ManagerOptions{Codes: p.codes, Log: p.log})
}

// instanceFlags are what a person says of an instance; empty is what was said
// before.
type instanceFlags struct{ user, profile, region string }

// instance returns what is known of an instance, with what is said of it now.
func (p *program) instance(ctx context.Context, q *places, id string, said instanceFlags) (session.Space, error) {
	if said.user != "" && !session.ValidUser(said.user) {
		return session.Space{}, errUsage{errors.New("--user takes the name of a user on the machine, such as " + session.InstanceUser)}
	}
	known, err := q.store.Lookup(ctx, id+sshconfig.Suffix)
	if err != nil && !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) {
		return session.Space{}, err
	}
	if known.Kind != session.Instance {
		known = session.Space{}
	}
	profile, region := cmp.Or(said.profile, known.Profile), cmp.Or(said.region, known.Region)
	if region == "" {
		if region, err = p.manager().Region(ctx, profile); err != nil {
			return session.Space{}, err
		}
	}
	partition, ok := handler.Partition(region)
	if !ok {
		return session.Space{}, problem.New(problem.Rejected, "There is no AWS region "+printable.Quoted(region)+".",
			"Name the region of the machine with --region, such as --region us-east-1.", nil)
	}
	space := session.NewInstance(id, partition, region)
	space.User, space.Profile = cmp.Or(said.user, known.User, session.InstanceUser), profile
	space.Scheme = known.Scheme
	space.Alias, err = q.store.Alias(space)
	return space, err
}

// connectInstance opens an instance that the person names.
func (p *program) connectInstance(ctx context.Context, c *handler.Connector, q *parts, id string, said instanceFlags, o handler.Options) (handler.Result, error) {
	space, err := p.instance(ctx, q.places, id, said)
	if err != nil {
		return handler.Result{}, err
	}
	return c.Reopen(ctx, space, p.sourcesOf(q, "", p.signer(c.Person, o.Yes)), o)
}

// machines are the hosts that are instances, known or not.
func machines() sshconfig.Machines {
	const digit = "?"
	short, long := strings.Repeat(digit, 8), strings.Repeat(digit, 17)
	return sshconfig.Machines{
		Patterns: []string{"i-" + short + sshconfig.Suffix, "i-" + long + sshconfig.Suffix, "mi-" + long + sshconfig.Suffix},
		User:     session.InstanceUser,
	}
}

// homeOf is where the IDE's remote half goes; empty leaves that to the IDE.
func homeOf(space session.Space) string {
	if space.Kind == session.Instance {
		return ""
	}
	return editor.DefaultFolder
}

// resume takes a lost session of Session Manager up again. check is the policy
// for the answer.
func (c *carrier) resume(ctx context.Context, check func(session.Session) error) (streamURL, token secret.String, err error) {
	fresh, err := c.ssm().Resume(ctx, c.space, c.session)
	if err != nil {
		switch problem.From(err).Code {
		case problem.Unreachable, problem.Throttled:
			return secret.String{}, secret.String{}, err // it may go better soon
		}
		return secret.String{}, secret.String{}, errors.Join(tunnel.ErrSessionLost, err)
	}
	if err := check(fresh); err != nil {
		return secret.String{}, secret.String{}, errors.Join(tunnel.ErrSessionLost, err)
	}
	return fresh.StreamURL, fresh.Token, nil
}

// sign signs an upgrade with the credentials of this computer.
func (c *carrier) sign(ctx context.Context, streamURL secret.String) (http.Header, error) {
	return c.ssm().Sign(ctx, c.space, streamURL)
}

func (c *carrier) ssm() *session.Manager {
	if c.aws != nil {
		return c.aws
	}
	return c.manager()
}

// finish closes the tunnel, and ends a session with an instance that may not
// have heard of it: it would stay open until it has been idle for too long.
func (c *carrier) finish(ctx context.Context, t *tunnel.Tunnel) error {
	err := t.Close()
	if !t.Over() {
		c.terminate(ctx)
	}
	return err
}

// terminate ends the session with an instance. It is a courtesy: what goes
// wrong is for the log.
func (c *carrier) terminate(ctx context.Context) {
	if c.space.Kind != session.Instance {
		return
	}
	// Also after a signal.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), terminateLimit)
	defer cancel()
	if err := c.ssm().Terminate(ctx, c.space, c.session.ID); err != nil {
		c.log.Info("the session could not be ended", "session", c.session.ID, "error", fmt.Sprint(err))
	}
}
