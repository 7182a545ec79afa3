package spaces

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func names(l Listing) string {
	var all []string
	for _, s := range l.Spaces {
		all = append(all, s.Domain+"/"+s.Name)
	}
	return strings.Join(all, " ")
}

func TestTheListTellsAllThatAWSTells(t *testing.T) {
	s := newStudio()
	s.add(myDomain, "my-space", "alice", types.AppTypeJupyterLab, true, "ml.t3.large", types.AppStatusInService)
	s.add(myDomain, "Zebra", "bob", types.AppTypeCodeEditor, false, "ml.t3.medium", "")
	s.add(myDomain, "starting", "alice", types.AppTypeCodeEditor, true, "ml.m5.large", types.AppStatusPending)
	s.add(myDomain, "stopping", "alice", types.AppTypeCodeEditor, true, "ml.m5.large", types.AppStatusDeleting)
	s.add(myDomain, "gone", "alice", types.AppTypeCodeEditor, true, "ml.m5.large", types.AppStatusDeleted)
	s.add(myDomain, "failed", "alice", types.AppTypeCodeEditor, true, "ml.m5.large", types.AppStatusFailed)
	s.add(myDomain, "changing", "alice", types.AppTypeCodeEditor, true, "", "")
	s.spaces[key{myDomain, "changing"}].Status = types.SpaceStatusUpdating
	s.pages = 2
	var last Progress
	l, err := client(t, s).List(t.Context(), Filter{}, func(p Progress) {
		if p.Spaces < last.Spaces || p.Apps < last.Apps || p.Domains < last.Domains {
			t.Errorf("progress went back from %+v to %+v", last, p)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range l.Spaces {
		got = append(got, fmt.Sprintf("%s %s %s %s %s %v %s", s.Name, s.Owner, s.App, s.Status, s.InstanceType, s.RemoteAccess, s.ARN))
	}
	want := []string{
		"changing alice CodeEditor updating  true arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/changing",
		"failed alice CodeEditor failed ml.m5.large true arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/failed",
		"gone alice CodeEditor stopped  true arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/gone",
		"my-space alice JupyterLab running ml.t3.large true " + myARN,
		"starting alice CodeEditor starting ml.m5.large true arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/starting",
		"stopping alice CodeEditor stopping ml.m5.large true arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/stopping",
		"Zebra bob CodeEditor stopped  false arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/Zebra",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if last != (Progress{Spaces: 7, Apps: 6, Domains: 1}) || l.Region != "us-east-1" || l.Mine != "" || l.Notices != nil {
		t.Errorf("%+v, %+v", last, l)
	}
}

func TestUnifiedStudioIsLeftOut(t *testing.T) {
	s := newStudio()
	s.add(myDomain, "mine", "alice", types.AppTypeJupyterLab, true, "", "")
	s.add("d-uni", "theirs", "alice", types.AppTypeJupyterLab, true, "", "")
	s.domains["d-uni"].DomainSettings = &types.DomainSettings{UnifiedStudioSettings: &types.UnifiedStudioSettings{DomainId: aws.String("dzd_1")}}
	s.domains[myDomain].DomainSettings = &types.DomainSettings{UnifiedStudioSettings: &types.UnifiedStudioSettings{}}
	l, err := client(t, s).List(t.Context(), Filter{}, nil)
	if err != nil || names(l) != "d-abc/mine" {
		t.Errorf("%s, %v", names(l), err)
	}
}

func TestFilters(t *testing.T) {
	s := newStudio()
	for _, domain := range []string{"d-a", "d-b"} {
		for _, owner := range []string{"alice", "bob"} {
			s.add(domain, "of-"+owner, owner, types.AppTypeJupyterLab, true, "", "")
		}
	}
	for _, c := range []struct {
		Filter
		want string
	}{
		{Filter{}, "d-a/of-alice d-b/of-alice d-a/of-bob d-b/of-bob"},
		{Filter{Domain: "d-b"}, "d-b/of-alice d-b/of-bob"},
		{Filter{Domain: "NAME-of-d-a"}, "d-a/of-alice d-a/of-bob"},
		{Filter{Domain: "name-of-d-a", UserProfile: "Alice"}, "d-a/of-alice"},
		{Filter{UserProfile: "bob"}, "d-a/of-bob d-b/of-bob"},
		{Filter{UserProfile: "nobody"}, ""},
	} {
		l, err := client(t, s).List(t.Context(), c.Filter, nil)
		if err != nil || names(l) != c.want {
			t.Errorf("%+v: %s, %v", c.Filter, names(l), err)
		}
	}
}

// Callers from IAM Identity Center see their own: by the profile's name, or by
// what the profile says of single sign-on.
func TestOnlyMine(t *testing.T) {
	s := newStudio()
	s.domain("d-sso", types.AuthModeSso)
	s.add("d-sso", "one", "p-7f3a", types.AppTypeJupyterLab, true, "", "")
	s.add("d-sso", "two", "p-9b21", types.AppTypeJupyterLab, true, "", "")
	s.add("d-iam", "three", "Alice-example-com", types.AppTypeJupyterLab, true, "", "")
	s.add("d-iam", "four", "bob", types.AppTypeJupyterLab, true, "", "")
	s.single[key{"d-sso", "p-9b21"}] = "alice@example.com"
	c := client(t, s)
	as := func(arn string) { c.identity = func(context.Context) (string, error) { return arn, nil } }
	alice := "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DS_0123456789abcdef/alice@example.com"
	as(alice)
	l, err := c.List(t.Context(), Filter{}, nil)
	if err != nil || names(l) != "d-iam/three d-sso/two" || l.Mine != "alice@example.com" || l.Hidden != 2 {
		t.Errorf("%s, %+v, %v", names(l), l, err)
	}
	for _, f := range []Filter{{All: true}, {UserProfile: "p-7f3a"}} {
		if l, err := c.List(t.Context(), f, nil); err != nil || l.Mine != "" || l.Hidden != 0 || len(l.Spaces) == 2 {
			t.Errorf("%+v: %s, %+v, %v", f, names(l), l, err)
		}
	}
	as("arn:aws:sts::111122223333:assumed-role/Dev/alice@example.com")
	if l, err := c.List(t.Context(), Filter{}, nil); err != nil || len(l.Spaces) != 4 {
		t.Errorf("another role: %s, %v", names(l), err)
	}
	// Who may not look at profiles gets what the names tell, and is told so.
	as(alice)
	s.fail["DescribeUserProfile"] = refuse("AccessDeniedException", "User: "+alice+" is not authorized to perform: sagemaker:DescribeUserProfile on resource: arn:aws:sagemaker:us-east-1:111122223333:user-profile/d-sso/p-7f3a because no identity-based policy allows it")
	l, err = c.List(t.Context(), Filter{}, nil)
	if err != nil || names(l) != "d-iam/three" || len(l.Notices) != 1 || !strings.Contains(l.Notices[0].Paste, "sagemaker:DescribeUserProfile") {
		t.Errorf("%s, %+v, %v", names(l), l.Notices, err)
	}
}

// The user's likely profile is asked about first, and then nobody else's.
func TestProfilesAreAskedAboutSparingly(t *testing.T) {
	s := newStudio()
	s.domain("d-sso", types.AuthModeSso)
	for i := range 500 {
		s.add("d-sso", fmt.Sprintf("s%d", i), fmt.Sprintf("p%03d", i), types.AppTypeJupyterLab, true, "", "")
	}
	s.add("d-sso", "z-mine", "zz-alice-7", types.AppTypeJupyterLab, true, "", "")
	s.single[key{"d-sso", "zz-alice-7"}] = "Alice@example.com"
	c := client(t, s)
	c.identity = func(context.Context) (string, error) {
		return "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DS_0123456789abcdef/alice@example.com", nil
	}
	l, err := c.List(t.Context(), Filter{}, nil)
	if err != nil || names(l) != "d-sso/z-mine" {
		t.Fatalf("%s, %v", names(l), err)
	}
	asked := 0
	for _, call := range s.calls {
		if strings.HasPrefix(call, "DescribeUserProfile") {
			asked++
		}
	}
	if asked > 3*atOnce {
		t.Errorf("asked about %d profiles", asked)
	}
}

func TestADomainThatMayNotBeLookedAt(t *testing.T) {
	s := newStudio()
	s.add("d-a", "one", "alice", types.AppTypeJupyterLab, true, "", "")
	s.add("d-b", "two", "alice", types.AppTypeJupyterLab, true, "", "")
	s.fail["DescribeDomain d-b"] = refuse("AccessDeniedException", "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sagemaker:DescribeDomain on resource: arn:aws:sagemaker:us-east-1:111122223333:domain/d-b because no identity-based policy allows it")
	c := client(t, s)
	l, err := c.List(t.Context(), Filter{}, nil)
	if err != nil || names(l) != "d-a/one d-b/two" || len(l.Notices) != 1 || l.Spaces[1].ARN != "arn:aws:sagemaker:us-east-1:111122223333:space/d-b/two" {
		t.Errorf("%s, %+v, %v", names(l), l, err)
	}
	// A network that keeps STS out keeps nothing from being listed where the
	// domains tell the account.
	c.identity = func(ctx context.Context) (string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the caller's identity is waited for without end")
		}
		return "", problem.New(problem.Unreachable, "No STS.", "", nil)
	}
	if l, err := c.List(t.Context(), Filter{Domain: "d-a"}, nil); err != nil || names(l) != "d-a/one" || len(l.Notices) != 1 {
		t.Errorf("without STS: %s, %+v, %v", names(l), l, err)
	}
	// Else the account is known from the caller alone.
	c.identity = func(context.Context) (string, error) {
		return "", problem.New(problem.Unreachable, "No STS.", "", nil)
	}
	if _, err := c.List(t.Context(), Filter{}, nil); !errors.Is(err, &problem.Problem{Code: problem.Unreachable}) {
		t.Errorf("without account: %v", err)
	}
}

func TestAListThatFails(t *testing.T) {
	for call, code := range map[string]problem.Code{"ListSpaces": problem.Throttled, "ListApps": problem.Throttled, "DescribeDomain": problem.Throttled} {
		s := newStudio()
		s.add("d-a", "one", "alice", types.AppTypeJupyterLab, true, "", "")
		s.fail[call] = refuse("ThrottlingException", "Rate exceeded")
		if _, err := client(t, s).List(t.Context(), Filter{}, nil); !errors.Is(err, &problem.Problem{Code: code}) {
			t.Errorf("%s: %v", call, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStudio()
	_, err := client(t, s).List(ctx, Filter{}, nil)
	if p, ok := errors.AsType[*problem.Problem](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", err, p)
	}
}

// However many domains there are, AWS gets a bounded number of calls at a time.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio()
		for i := range 100 {
			s.add(fmt.Sprintf("d-%03d", i), "one", "alice", types.AppTypeJupyterLab, true, "", "")
		}
		l, err := client(t, s).List(t.Context(), Filter{}, nil)
		if err != nil || len(l.Spaces) != 100 {
			t.Fatalf("%d, %v", len(l.Spaces), err)
		}
		if s.most < 3 || s.most > atOnce {
			t.Errorf("%d calls at once", s.most)
		}
	})
}
