package spaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// pageSize is the most that AWS's lists give at once.
	pageSize = 100
	// atOnce bounds the calls that are under way beside each other.
	atOnce = 8
	// identityLimit bounds the question who calls: a network that lets SageMaker
	// through may well keep STS out.
	identityLimit = 5 * time.Second
)

// Filter says which spaces are wanted. The zero value is everybody's, but for
// callers from IAM Identity Center, who get their own.
type Filter struct {
	// Domain is a domain's ID or name; UserProfile is the owner's. Case is
	// ignored.
	Domain      string `json:"domain,omitempty"`
	UserProfile string `json:"user_profile,omitempty"`
	// All wants everybody's, whoever asks.
	All bool `json:"-"`
}

// Progress is how far a list is.
type Progress struct{ Spaces, Apps, Domains int }

// Listing is what was found.
type Listing struct {
	Region string
	Spaces []Space // by name, then by domain
	// Mine is the user name of IAM Identity Center whose spaces alone are
	// listed, empty where no such choice was made; Hidden is how many others
	// there are.
	Mine   string
	Hidden int
	// Notices are problems that kept something from being known, and did not
	// stop the list.
	Notices []*problem.Problem
}

// List returns the spaces that the filter wants, those of Unified Studio's
// domains left out. report is told of the progress, by one goroutine at a
// time; it may be nil. Errors are problems, but for the end of ctx.
func (c *Client) List(ctx context.Context, f Filter, report func(Progress)) (Listing, error) {
	w := &walk{Client: c, filter: f, report: report, domains: map[string]domain{}, apps: map[key]types.AppDetails{}}
	found, err := w.all(ctx)
	if err != nil && ctx.Err() != nil {
		return Listing{}, fmt.Errorf("list the spaces: %w", context.Cause(ctx))
	}
	return found, err
}

// domain is what a list needs of a domain.
type domain struct {
	partition, account string
	name               string
	unified            bool // Unified Studio made it for itself
	singleSignOn       bool // its users come from IAM Identity Center, as far as known
}

// walk is one list in the making.
type walk struct {
	*Client
	filter Filter
	report func(Progress)

	mu      sync.Mutex // everything below
	spaces  []types.SpaceDetails
	apps    map[key]types.AppDetails
	seen    int // apps that were listed
	domains map[string]domain
	notices []*problem.Problem
	who     string // the caller's ARN
	whoErr  error
}

func (w *walk) all(ctx context.Context) (Listing, error) {
	crew := newCrew(ctx, atOnce)
	crew.do(func(ctx context.Context) error { return w.walkSpaces(ctx, crew) })
	crew.do(w.walkApps)
	crew.do(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, identityLimit)
		defer cancel()
		who, err := w.identity(ctx)
		w.mu.Lock()
		w.who, w.whoErr = who, err
		w.mu.Unlock()
		return nil // it may not be needed
	})
	if err := crew.wait(); err != nil {
		return Listing{}, err
	}
	listing := Listing{Region: w.Region()}
	for _, d := range w.spaces {
		space, ok, err := w.space(d)
		if err != nil {
			return Listing{}, err
		}
		if ok {
			listing.Spaces = append(listing.Spaces, space)
		}
	}
	if err := w.keepMine(ctx, &listing); err != nil {
		return Listing{}, err
	}
	slices.SortFunc(listing.Spaces, func(a, b Space) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Domain, b.Domain))
	})
	listing.Notices = w.notices
	return listing, nil
}

// walkSpaces lists the spaces, and looks at each domain as soon as one of its
// spaces is seen.
func (w *walk) walkSpaces(ctx context.Context, crew *crew) error {
	in := &sagemaker.ListSpacesInput{MaxResults: aws.Int32(pageSize), DomainIdEquals: w.domainID()}
	for {
		page, err := w.lists.ListSpaces(ctx, in)
		if err != nil {
			return w.Client.who.Problem(ctx, general("sagemaker:ListSpaces"), err)
		}
		w.mu.Lock()
		var fresh []string
		for _, s := range page.Spaces {
			id := aws.ToString(s.DomainId)
			if _, known := w.domains[id]; !known && id != "" {
				w.domains[id] = domain{singleSignOn: true}
				fresh = append(fresh, id)
			}
		}
		w.spaces = append(w.spaces, page.Spaces...)
		w.tell()
		w.mu.Unlock()
		for _, id := range fresh {
			crew.do(func(ctx context.Context) error { return w.describe(ctx, id) })
		}
		if in.NextToken = page.NextToken; aws.ToString(page.NextToken) == "" {
			return nil
		}
	}
}

func (w *walk) walkApps(ctx context.Context) error {
	in := &sagemaker.ListAppsInput{MaxResults: aws.Int32(pageSize), DomainIdEquals: w.domainID()}
	for {
		page, err := w.lists.ListApps(ctx, in)
		if err != nil {
			return w.Client.who.Problem(ctx, general("sagemaker:ListApps"), err)
		}
		w.mu.Lock()
		w.seen += len(page.Apps)
		for _, a := range page.Apps {
			// AWS lists deleted apps for a day; a space has one living app.
			k := key{aws.ToString(a.DomainId), aws.ToString(a.SpaceName)}
			if k.name == "" || !remoteApp(a.AppType) || a.Status == types.AppStatusDeleted {
				continue
			}
			w.apps[k] = a
		}
		w.tell()
		w.mu.Unlock()
		if in.NextToken = page.NextToken; aws.ToString(page.NextToken) == "" {
			return nil
		}
	}
}

// describe looks at a domain. Who may not do that gets its spaces all the same.
func (w *walk) describe(ctx context.Context, id string) error {
	out, err := w.lists.DescribeDomain(ctx, &sagemaker.DescribeDomainInput{DomainId: aws.String(id)})
	if err != nil {
		p := w.Client.who.Problem(ctx, caller.Request{
			Action: "sagemaker:DescribeDomain", Resource: "arn:*:sagemaker:" + w.Region() + ":*:domain/" + id,
			Thing: "the domain " + printable.Quoted(id), Purpose: "list spaces with",
		}, err)
		if !errors.Is(p, &problem.Problem{Code: problem.AccessDenied}) {
			return p
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notices = append(w.notices, p)
		return nil
	}
	d := domain{name: aws.ToString(out.DomainName), singleSignOn: out.AuthMode != types.AuthModeIam}
	if s := out.DomainSettings; s != nil && s.UnifiedStudioSettings != nil {
		d.unified = aws.ToString(s.UnifiedStudioSettings.DomainId) != ""
	}
	if parts := strings.Split(aws.ToString(out.DomainArn), ":"); len(parts) == 6 {
		d.partition, d.account = parts[1], parts[4]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.domains[id] = d
	w.tell()
	return nil
}

// tell reports the progress; w.mu is held.
func (w *walk) tell() {
	if w.report == nil {
		return
	}
	p := Progress{Spaces: len(w.spaces), Apps: w.seen}
	for _, d := range w.domains {
		if d.account != "" {
			p.Domains++
		}
	}
	w.report(p)
}

// domainID narrows the lists where the filter names a domain by its ID.
func (w *walk) domainID() *string {
	if strings.HasPrefix(w.filter.Domain, "d-") {
		return aws.String(w.filter.Domain)
	}
	return nil
}

// space puts together what is known of a space; ok is false where it is not
// wanted.
func (w *walk) space(d types.SpaceDetails) (space Space, ok bool, err error) {
	k := key{aws.ToString(d.DomainId), aws.ToString(d.SpaceName)}
	in := w.domains[k.domain]
	if in.unified || k.name == "" || w.filter.Domain != "" && !strings.EqualFold(w.filter.Domain, k.domain) && !strings.EqualFold(w.filter.Domain, in.name) {
		return Space{}, false, nil
	}
	if in.account == "" { // the domain may not be looked at
		parts := strings.Split(w.who, ":")
		if len(parts) < 6 {
			return Space{}, false, w.whoErr
		}
		in.partition, in.account = parts[1], parts[4]
	}
	space = Space{Name: k.name, Domain: k.domain, ARN: spaceAt(in.partition, w.Region(), in.account, k)}
	if o := d.OwnershipSettingsSummary; o != nil {
		space.Owner = aws.ToString(o.OwnerUserProfileName)
	}
	if s := d.SpaceSettingsSummary; s != nil {
		space.App, space.RemoteAccess = string(s.AppType), s.RemoteAccess == types.FeatureStatusEnabled
	}
	if w.filter.UserProfile != "" && !strings.EqualFold(w.filter.UserProfile, space.Owner) {
		return Space{}, false, nil
	}
	a, running := w.apps[k]
	if running && a.ResourceSpec != nil {
		space.InstanceType = string(a.ResourceSpec.InstanceType)
	}
	space.Status = status(d.Status, a.Status)
	return space, true, nil
}

// status is what a space does: app is the status of its application, empty
// where there is none.
func status(space types.SpaceStatus, app types.AppStatus) Status {
	switch space {
	case types.SpaceStatusPending, types.SpaceStatusUpdating:
		return Updating
	case types.SpaceStatusDeleting, types.SpaceStatusDeleteFailed:
		return Deleting
	case types.SpaceStatusFailed:
		return Failed
	}
	switch app {
	case types.AppStatusInService:
		return Running
	case types.AppStatusPending:
		return Starting
	case types.AppStatusDeleting:
		return Stopping
	case types.AppStatusFailed:
		return Failed
	}
	return Stopped
}

// remoteApp reports whether an application of that type can be opened from
// afar.
func remoteApp(kind types.AppType) bool {
	return kind == types.AppTypeJupyterLab || kind == types.AppTypeCodeEditor
}
