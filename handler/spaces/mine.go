package spaces

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// keepMine leaves the caller's own spaces where the caller comes from IAM
// Identity Center and chose nothing else.
func (w *walk) keepMine(ctx context.Context, l *Listing) error {
	if w.filter.All || w.filter.UserProfile != "" {
		return nil
	}
	if w.whoErr != nil { // then everybody's are listed
		w.notices = append(w.notices, problem.From(w.whoErr))
		return nil
	}
	user, ok := caller.SignedInBy(w.who)
	if !ok {
		return nil
	}
	mine, err := w.profilesOf(ctx, user, l.Spaces)
	if err != nil {
		return err
	}
	all := len(l.Spaces)
	l.Spaces = slices.DeleteFunc(l.Spaces, func(s Space) bool { return !mine[key{s.Domain, s.Owner}] })
	l.Mine, l.Hidden = user, all-len(l.Spaces)
	return nil
}

// profilesOf finds the user's profiles among the owners of spaces: by name, as
// Studio makes it from the user name, else by what each profile says of single
// sign-on. A user has one profile in a domain.
func (w *walk) profilesOf(ctx context.Context, user string, all []Space) (map[key]bool, error) {
	mine := map[key]bool{}
	owners := map[string][]string{} // by domain
	for _, s := range all {
		if s.Owner != "" && !slices.Contains(owners[s.Domain], s.Owner) {
			owners[s.Domain] = append(owners[s.Domain], s.Owner)
		}
	}
	var mu sync.Mutex // mine and refused
	settled := map[string]bool{}
	found := func(domain string) bool {
		mu.Lock()
		defer mu.Unlock()
		return settled[domain]
	}
	var refused *problem.Problem
	for id, names := range owners {
		for _, name := range names {
			if strings.EqualFold(name, user) || strings.EqualFold(name, profileName(user)) {
				mine[key{id, name}], settled[id] = true, true
			}
		}
	}
	crew := newCrew(ctx, atOnce)
	for id, names := range owners {
		if !w.domains[id].singleSignOn || found(id) {
			continue
		}
		likelyFirst(names, user)
		for _, name := range names {
			crew.do(func(ctx context.Context) error {
				if found(id) {
					return nil
				}
				out, err := w.profiles.DescribeUserProfile(ctx, &sagemaker.DescribeUserProfileInput{
					DomainId: aws.String(id), UserProfileName: aws.String(name)})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					if strings.EqualFold(aws.ToString(out.SingleSignOnUserValue), user) {
						mine[key{id, name}], settled[id] = true, true
					}
					return nil
				}
				p := w.Client.who.Problem(ctx, profileRequest(w.Region(), id, name), err)
				switch p.Code {
				case problem.AccessDenied:
					refused, settled[id] = p, true
				case problem.SpaceNotFound: // a profile may go while its spaces are listed
				default:
					return p
				}
				return nil
			})
		}
	}
	if err := crew.wait(); err != nil {
		return nil, err
	}
	if refused != nil {
		w.notices = append(w.notices, refused)
	}
	return mine, nil
}

func profileRequest(region, domain, name string) caller.Request {
	return caller.Request{
		Action: "sagemaker:DescribeUserProfile", Resource: "arn:*:sagemaker:" + region + ":*:user-profile/" + domain + "/*",
		Thing: "the user profile " + printable.Quoted(name), Purpose: "list spaces with",
	}
}

// profileName is the name that Studio gives the profile of a user: letters and
// digits stay, everything else is a hyphen.
func profileName(user string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, user)
}

// likelyFirst puts those names first that hold the user's name before the @.
func likelyFirst(names []string, user string) {
	short, _, _ := strings.Cut(strings.ToLower(user), "@")
	short = profileName(short)
	unlikely := func(name string) int {
		if strings.Contains(strings.ToLower(name), short) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(names, func(a, b string) int { return unlikely(a) - unlikely(b) })
}
