package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// awsFlags say which credentials and region are used.
type awsFlags struct{ profile, region string }

func (f *awsFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.profile, "profile", "", "the profile of the AWS configuration (default as for the AWS CLI)")
	c.Flags().StringVar(&f.region, "region", "", "the AWS region to look in (default as for the AWS CLI)")
}

// openSpaces prepares the calls to AWS about spaces. Where nothing says which
// region, it is that of the space that was used last.
func (p *program) openSpaces(ctx context.Context, q *places, f awsFlags) (*spaces.Client, error) {
	o := spaces.Options{Profile: f.profile, Region: f.region, Codes: p.codes, Waits: waits{q.store}, Log: p.log}
	client, err := spaces.Open(ctx, o)
	if f.region == "" && errors.Is(err, &problem.Problem{Code: spaces.RegionMissing}) {
		if known, _ := q.store.Spaces(); len(known) > 0 {
			last := known[0]
			for _, space := range known {
				if space.LastUsed.After(last.LastUsed) {
					last = space
				}
			}
			o.Region = last.Region
			return spaces.Open(ctx, o)
		}
	}
	return client, err
}

// waits keeps how long AWS took in the store. It implements spaces.Waits.
type waits struct{ store *session.Store }

func (w waits) Took(space, what string) time.Duration { return w.store.Took(space, what) }

func (w waits) Remember(ctx context.Context, space, what string, took time.Duration) error {
	return w.store.RememberTook(ctx, space, what, took)
}

// awsStudio implements handler.Studio with local credentials.
type awsStudio struct {
	*program
	*places
	aws    awsFlags
	client *spaces.Client // since Look
}

func (p *program) awsStudio(q *places, f awsFlags) *awsStudio {
	return &awsStudio{program: p, places: q, aws: f}
}

// open prepares the calls about one space, in its own region.
func (s *awsStudio) open(ctx context.Context, space session.Space) error {
	parsed, err := session.ParseARN(space.ARN)
	if err != nil {
		return err
	}
	profile := cmp.Or(s.aws.profile, s.profileOf(space))
	if profile == "" && !caller.Explicit() {
		profile, _ = s.store.Profile(parsed.Account)
	}
	s.client, err = s.openSpaces(ctx, s.places, awsFlags{profile, parsed.Region})
	return err
}

// Look implements handler.Studio.
func (s *awsStudio) Look(ctx context.Context, space session.Space) (spaces.Plan, error) {
	if err := s.open(ctx, space); err != nil {
		return spaces.Plan{}, err
	}
	return s.client.Look(ctx, space.ARN)
}

// Start implements handler.Studio.
func (s *awsStudio) Start(ctx context.Context, plan spaces.Plan, report func(spaces.Event)) error {
	return s.client.Start(ctx, plan, report)
}

// Stop implements handler.Studio.
func (s *awsStudio) Stop(ctx context.Context, space session.Space, report func(spaces.Event)) (bool, error) {
	if err := s.open(ctx, space); err != nil {
		return false, err
	}
	return s.client.Stop(ctx, space.ARN, report)
}

// named finds the space that a person names: one that is known by alias, ARN or
// name, else one that AWS lists by that name. stopped reports that AWS says it
// is not ready.
func (p *program) named(ctx context.Context, q *places, f awsFlags, name string) (space session.Space, stopped bool, err error) {
	space, err = q.space(ctx, name)
	if !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) || !askAWS(name) {
		return space, false, err
	}
	unknown := problem.From(err)
	known, err := q.store.Spaces()
	if err != nil {
		return session.Space{}, false, err
	}
	for _, k := range known {
		if strings.EqualFold(k.Name, name) {
			return session.Space{}, false, unknown // several of them: AWS knows no better
		}
	}
	client, err := p.openSpaces(ctx, q, f)
	if errors.Is(err, &problem.Problem{Code: problem.NoCredentials}) || errors.Is(err, &problem.Problem{Code: spaces.RegionMissing}) {
		none := *unknown
		none.Cause = err
		return session.Space{}, false, &none
	}
	if err != nil {
		return session.Space{}, false, err
	}
	found, err := p.listed(ctx, client, name)
	if err != nil {
		return session.Space{}, false, err
	}
	space, err = session.ParseARN(found.ARN)
	if err != nil {
		return session.Space{}, false, err
	}
	space.UserProfile, space.AppType = found.Owner, found.App
	space.Alias, err = q.store.Alias(space)
	return space, found.Status != spaces.Running || !found.RemoteAccess, err
}

// askAWS reports whether the text can be a space's name.
func askAWS(name string) bool {
	return name != "" && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// listed finds the one space of that name that AWS lists: among the caller's own
// first.
func (p *program) listed(ctx context.Context, client *spaces.Client, name string) (spaces.Space, error) {
	for _, filter := range []spaces.Filter{{}, {All: true}} {
		l, err := p.list(ctx, client, filter)
		if err != nil {
			return spaces.Space{}, err
		}
		found, err := oneNamed(l, name)
		if err != nil || found.ARN != "" {
			return found, err
		}
		if l.Hidden == 0 {
			break
		}
	}
	return spaces.Space{}, problem.New(problem.UnknownAlias,
		fmt.Sprintf("There is no space named %s in %s.", printable.Quoted(name), client.Region()),
		"`spacehatch spaces` lists them; --region and --profile choose where.", nil)
}

// oneNamed returns the one space of that name, the zero space where there is none.
func oneNamed(l spaces.Listing, name string) (spaces.Space, error) {
	var exact, similar []spaces.Space
	for _, s := range l.Spaces {
		switch {
		case s.Name == name:
			exact = append(exact, s)
		case strings.EqualFold(s.Name, name):
			similar = append(similar, s)
		}
	}
	if len(exact) == 0 {
		exact = similar
	}
	switch len(exact) {
	case 0:
		return spaces.Space{}, nil
	case 1:
		return exact[0], nil
	}
	p := problem.New(problem.UnknownAlias, fmt.Sprintf("There are %d spaces named %s in %s.", len(exact), printable.Quoted(name), l.Region),
		"Say which one, by its ARN.", nil)
	for _, s := range exact {
		p.Paste += fmt.Sprintf("%s  %s, %s\n", printable.Text(s.ARN, 256), s.Status, printable.Text(cmp.Or(s.Owner, "nobody's"), 63))
	}
	p.Paste = strings.TrimSuffix(p.Paste, "\n")
	return spaces.Space{}, p
}
