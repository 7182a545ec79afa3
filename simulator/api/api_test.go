package api

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/spacehatch/spacehatch/internal/secret"
)

const (
	testRegion  = "us-east-1"
	testAccount = "111122223333"
	domainA     = "d-aaaaaaaaaaaa"
	domainB     = "d-bbbbbbbbbbbb"
	arnA        = "arn:aws:sagemaker:us-east-1:111122223333:space/" + domainA + "/"
)

// fakeGateway counts sessions as the real one does, without carrying a byte.
type fakeGateway struct {
	mu      sync.Mutex
	open    map[string]int
	stopped []string
	err     error
}

func (g *fakeGateway) StartSession(_ context.Context, arn string, _ bool) (Session, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return Session{}, g.err
	}
	if g.open == nil {
		g.open = map[string]int{}
	}
	if g.open[arn] == 10 {
		return Session{}, fmt.Errorf("fake: %w", ErrTooManyConnections)
	}
	g.open[arn]++
	id := fmt.Sprint("SageMaker-remote-", g.open[arn])
	return Session{ID: id, StreamURL: secret.New("wss://127.0.0.1:1/v1/data-channel/" + id), Token: secret.New("tok+/=")}, nil
}

func (g *fakeGateway) StopSpace(_ context.Context, arn string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = append(g.stopped, arn)
	delete(g.open, arn)
}

func (g *fakeGateway) ResumeSession(id string) (Session, bool) {
	return Session{ID: id, StreamURL: secret.New("wss://127.0.0.1:1/" + id), Token: secret.New("fresh")}, id == "known"
}

func (g *fakeGateway) TerminateSession(id string) bool { return id == "known" }

func testConfig() Config {
	return Config{
		Region: testRegion, Account: testAccount,
		Identities: []Identity{
			{AccessKeyID: "ASIAGOOD", SecretAccessKey: secret.New("good"), SessionToken: secret.New("session+/="),
				ARN: "arn:aws:sts::111122223333:assumed-role/Studio/alice", UserID: "AROAX:alice"},
			{AccessKeyID: "ASIAEXPIRED", SecretAccessKey: secret.New("old"), SessionToken: secret.New("older"),
				ARN: "arn:aws:sts::111122223333:assumed-role/Studio/bob", Expires: time.Now().Add(-time.Minute)},
		},
		Domains: []Domain{
			{ID: domainA, Name: "studio", AuthMode: "IAM"},
			{ID: domainB, Name: "unified", AuthMode: "SSO", UnifiedStudio: &UnifiedStudio{DomainID: "dzd_1",
				DomainAccount: testAccount, DomainRegion: "eu-west-1", ProjectID: "p1"}},
		},
		Profiles: []UserProfile{{Domain: domainA, Name: "alice"}, {Domain: domainB, Name: "carol", SingleSignOnUser: "carol@example.com"}},
		Spaces: []Space{
			{Domain: domainA, Name: "my-space", Owner: "alice", AppType: "JupyterLab", InstanceType: "ml.t3.large", RemoteAccess: true, Running: true},
			{Domain: domainA, Name: "My-Space", Owner: "alice", AppType: "CodeEditor", InstanceType: "ml.m5.large", RemoteAccess: true, Running: true},
			{Domain: domainA, Name: "stopped", Owner: "alice", AppType: "JupyterLab", InstanceType: "ml.t3.medium"},
			{Domain: domainA, Name: "closed", Owner: "alice", AppType: "CodeEditor", InstanceType: "ml.t3.large", Running: true},
			{Domain: domainB, Name: "my-space", Owner: "carol", AppType: "CodeEditor", InstanceType: "ml.t3.large", RemoteAccess: true, Running: true},
		},
		Gateway: &fakeGateway{},
	}
}

// site is the API on a socket with AWS's own client in front of it.
type site struct {
	server  *Server
	gateway *fakeGateway
	url     string
	client  *sagemaker.Client
}

func serve(t *testing.T, config Config) site {
	t.Helper()
	s := New(config)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return site{s, config.Gateway.(*fakeGateway), h.URL, client(h.URL, "ASIAGOOD", "good", "session+/=")}
}

func client(url, key, secretKey, token string) *sagemaker.Client {
	return sagemaker.New(sagemaker.Options{
		Region: testRegion, BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secretKey, token),
	})
}

// code returns AWS's error code.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: got %q, want %q (%v)", what, got, want, err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStartSession(t *testing.T) {
	s := serve(t, testConfig())
	ctx := t.Context()
	start := func(arn string) (*sagemaker.StartSessionOutput, error) {
		return s.client.StartSession(ctx, &sagemaker.StartSessionInput{ResourceIdentifier: &arn})
	}
	out, err := start(arnA + "my-space")
	if err != nil {
		t.Fatal(err)
	}
	if *out.SessionId != "SageMaker-remote-1" || *out.TokenValue != "tok+/=" || !strings.HasSuffix(*out.StreamUrl, "/SageMaker-remote-1") {
		t.Errorf("session %s, token %s, url %s", *out.SessionId, *out.TokenValue, *out.StreamUrl)
	}
	for name, tc := range map[string]struct{ arn, code string }{
		"no such space":   {arnA + "nothing", "ResourceNotFound"},
		"another account": {strings.Replace(arnA, testAccount, "999999999999", 1) + "my-space", "ResourceNotFound"},
		"stopped":         {arnA + "stopped", "ResourceNotFound"},
		"remote off":      {arnA + "closed", "ResourceNotFound"},
		"not an ARN":      {"my-space", "ValidationException"},
		"not SageMaker":   {"arn:aws:s3:us-east-1:111122223333:a/b", "ValidationException"},
		"too long":        {arnA + strings.Repeat("x", 256), "ValidationException"},
		"short account":   {"arn:aws:sagemaker:us-east-1:1:space/d-1/x", "ValidationException"},
	} {
		_, err := start(tc.arn)
		wantCode(t, name, err, tc.code)
	}
	for range 9 {
		if _, err := start(arnA + "my-space"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = start(arnA + "my-space")
	if _, ok := errors.AsType[*types.ResourceLimitExceeded](err); !ok {
		t.Errorf("eleventh connection: %v", err)
	}
	s.gateway.mu.Lock()
	s.gateway.err = errors.New("broken")
	s.gateway.mu.Unlock()
	_, err = start(arnA + "My-Space")
	wantCode(t, "broken gateway", err, "InternalFailure")
}

func TestListSpaces(t *testing.T) {
	s := serve(t, testConfig())
	names := func(in *sagemaker.ListSpacesInput) []string {
		t.Helper()
		var all []string
		for p := sagemaker.NewListSpacesPaginator(s.client, in); p.HasMorePages(); {
			for _, sp := range must[*sagemaker.ListSpacesOutput](t)(p.NextPage(t.Context())).Spaces {
				all = append(all, *sp.DomainId+"/"+*sp.SpaceName)
			}
		}
		return all
	}
	every := []string{domainA + "/my-space", domainA + "/My-Space", domainA + "/stopped", domainA + "/closed", domainB + "/my-space"}
	reversed := slices.Clone(every)
	slices.Reverse(reversed)
	for name, tc := range map[string]struct {
		in   sagemaker.ListSpacesInput
		want []string
	}{
		"all":            {sagemaker.ListSpacesInput{}, every},
		"two by two":     {sagemaker.ListSpacesInput{MaxResults: aws.Int32(2)}, every},
		"one by one":     {sagemaker.ListSpacesInput{MaxResults: aws.Int32(1)}, every},
		"descending":     {sagemaker.ListSpacesInput{SortOrder: types.SortOrderDescending, MaxResults: aws.Int32(3)}, reversed},
		"domain":         {sagemaker.ListSpacesInput{DomainIdEquals: aws.String(domainB)}, every[4:]},
		"case-sensitive": {sagemaker.ListSpacesInput{SpaceNameContains: aws.String("My")}, every[1:2]},
		"contains":       {sagemaker.ListSpacesInput{SpaceNameContains: aws.String("o")}, every[2:4]},
		"nothing":        {sagemaker.ListSpacesInput{DomainIdEquals: aws.String("d-cccc")}, nil},
	} {
		if got := names(&tc.in); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}

	first := must[*sagemaker.ListSpacesOutput](t)(s.client.ListSpaces(t.Context(), &sagemaker.ListSpacesInput{MaxResults: aws.Int32(1)}))
	sp := first.Spaces[0]
	if sp.SpaceSettingsSummary.AppType != types.AppTypeJupyterLab || sp.SpaceSettingsSummary.RemoteAccess != types.FeatureStatusEnabled ||
		*sp.OwnershipSettingsSummary.OwnerUserProfileName != "alice" || sp.Status != types.SpaceStatusInService ||
		time.Since(*sp.CreationTime) < time.Minute || *sp.SpaceSettingsSummary.SpaceStorageSettings.EbsStorageSettings.EbsVolumeSizeInGb != 5 {
		t.Errorf("summary: %+v", sp)
	}
	for name, in := range map[string]*sagemaker.ListSpacesInput{
		"token of another question": {NextToken: first.NextToken, DomainIdEquals: aws.String(domainA)},
		"forged token":              {NextToken: aws.String("AAAA")},
		"none":                      {MaxResults: aws.Int32(0)},
		"too many":                  {MaxResults: aws.Int32(101)},
		"bad order":                 {SortOrder: "Sideways"},
		"bad key":                   {SortBy: "Name"},
		"bad domain":                {DomainIdEquals: aws.String("D-UPPER")},
		"bad name":                  {SpaceNameContains: aws.String("-a")},
	} {
		_, err := s.client.ListSpaces(t.Context(), in)
		wantCode(t, name, err, "ValidationException")
	}
}

func TestDefaultPageIsTen(t *testing.T) {
	config := testConfig()
	for i := range 20 {
		config.Spaces = append(config.Spaces, Space{Domain: domainA, Name: fmt.Sprint("more", i), Owner: "alice", AppType: "JupyterLab"})
	}
	s := serve(t, config)
	var sizes []int
	for p := sagemaker.NewListSpacesPaginator(s.client, nil); p.HasMorePages(); {
		sizes = append(sizes, len(must[*sagemaker.ListSpacesOutput](t)(p.NextPage(t.Context())).Spaces))
	}
	if !slices.Equal(sizes, []int{10, 10, 5}) {
		t.Errorf("pages of %v", sizes)
	}
}

func TestDomainsAndProfiles(t *testing.T) {
	s := serve(t, testConfig())
	ctx := t.Context()
	var ids []string
	for p := sagemaker.NewListDomainsPaginator(s.client, &sagemaker.ListDomainsInput{MaxResults: aws.Int32(1)}); p.HasMorePages(); {
		for _, d := range must[*sagemaker.ListDomainsOutput](t)(p.NextPage(ctx)).Domains {
			ids = append(ids, *d.DomainId)
		}
	}
	if !slices.Equal(ids, []string{domainA, domainB}) {
		t.Errorf("domains %v", ids)
	}
	plain := must[*sagemaker.DescribeDomainOutput](t)(s.client.DescribeDomain(ctx, &sagemaker.DescribeDomainInput{DomainId: aws.String(domainA)}))
	if plain.AuthMode != types.AuthModeIam || plain.DomainSettings == nil || plain.DomainSettings.UnifiedStudioSettings != nil {
		t.Errorf("plain domain: %+v", plain.DomainSettings)
	}
	unified := must[*sagemaker.DescribeDomainOutput](t)(s.client.DescribeDomain(ctx, &sagemaker.DescribeDomainInput{DomainId: aws.String(domainB)}))
	if u := unified.DomainSettings.UnifiedStudioSettings; u == nil || *u.ProjectId != "p1" || *u.DomainId != "dzd_1" {
		t.Errorf("unified domain: %+v", unified.DomainSettings)
	}
	_, err := s.client.DescribeDomain(ctx, &sagemaker.DescribeDomainInput{DomainId: aws.String("d-none")})
	if _, ok := errors.AsType[*types.ResourceNotFound](err); !ok {
		t.Errorf("missing domain: %v", err)
	}
	profiles := must[*sagemaker.ListUserProfilesOutput](t)(s.client.ListUserProfiles(ctx,
		&sagemaker.ListUserProfilesInput{DomainIdEquals: aws.String(domainB), UserProfileNameContains: aws.String("ar")}))
	if len(profiles.UserProfiles) != 1 || *profiles.UserProfiles[0].UserProfileName != "carol" {
		t.Errorf("profiles: %+v", profiles.UserProfiles)
	}
	carol := must[*sagemaker.DescribeUserProfileOutput](t)(s.client.DescribeUserProfile(ctx,
		&sagemaker.DescribeUserProfileInput{DomainId: aws.String(domainB), UserProfileName: aws.String("carol")}))
	if *carol.SingleSignOnUserValue != "carol@example.com" {
		t.Errorf("carol: %+v", carol)
	}
	_, err = s.client.DescribeUserProfile(ctx, &sagemaker.DescribeUserProfileInput{DomainId: aws.String(domainA), UserProfileName: aws.String("carol")})
	wantCode(t, "profile of another domain", err, "ResourceNotFound")
}

func TestSTS(t *testing.T) {
	s := serve(t, testConfig())
	who := func(key, secretKey, token string) (*sts.GetCallerIdentityOutput, error) {
		return sts.New(sts.Options{Region: testRegion, BaseEndpoint: aws.String(s.url), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(key, secretKey, token)}).GetCallerIdentity(t.Context(), nil)
	}
	out, err := who("ASIAGOOD", "good", "session+/=")
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != testAccount || *out.Arn != "arn:aws:sts::111122223333:assumed-role/Studio/alice" || *out.UserId != "AROAX:alice" {
		t.Errorf("%s %s %s", *out.Account, *out.Arn, *out.UserId)
	}
	for name, tc := range map[string]struct{ key, secretKey, token, code string }{
		"unknown key":  {"ASIANOBODY", "good", "session+/=", "InvalidClientTokenId"},
		"wrong secret": {"ASIAGOOD", "bad", "session+/=", "SignatureDoesNotMatch"},
		"expired":      {"ASIAEXPIRED", "old", "older", "ExpiredToken"},
	} {
		_, err := who(tc.key, tc.secretKey, tc.token)
		wantCode(t, name, err, tc.code)
	}
}

func TestFaultsAndLog(t *testing.T) {
	s := serve(t, testConfig())
	ctx := t.Context()
	describe := func(domain string) error {
		_, err := s.client.DescribeDomain(ctx, &sagemaker.DescribeDomainInput{DomainId: &domain})
		return err
	}
	s.server.Fail(Fault{Operation: "sagemaker:DescribeDomain", Resource: domainB, Code: "AccessDeniedException", Times: -1})
	s.server.Fail(Fault{Operation: "sagemaker:DescribeDomain", Code: "ThrottlingException", Times: 2})
	for i, want := range []string{"ThrottlingException", "ThrottlingException", "<nil>"} {
		wantCode(t, fmt.Sprint("call ", i), describe(domainA), want)
	}
	err := describe(domainB)
	wantCode(t, "denied domain", err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "assumed-role/Studio/alice is not authorized to perform: sagemaker:DescribeDomain on resource: arn:aws:sagemaker:us-east-1:111122223333:domain/"+domainB) {
		t.Errorf("message: %v", err)
	}
	s.server.ClearFaults()
	wantCode(t, "cleared", describe(domainB), "<nil>")

	s.server.Fail(Fault{Operation: "sagemaker:StartSession", Code: "InternalFailure", Times: 1})
	_, err = s.server.StartSession(ctx, "studio", arnA+"my-space", true)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "InternalFailure" || e.Status != 500 {
		t.Errorf("ordered failure: %v", err)
	}
	if _, err := s.server.StartSession(ctx, "studio", arnA+"my-space", true); err != nil {
		t.Error(err)
	}

	if n := s.server.Count("sagemaker:DescribeDomain"); n != 5 {
		t.Errorf("counted %d", n)
	}
	calls := s.server.Calls()
	if n := s.server.Count(""); n != len(calls) || n != 7 {
		t.Errorf("counted %d, logged %d", n, len(calls))
	}
	last := calls[len(calls)-2]
	if last.Operation != "sagemaker:StartSession" || last.Code != "InternalFailure" || last.Caller != "studio" || last.Resource != arnA+"my-space" {
		t.Errorf("logged %+v", last)
	}
	if all := fmt.Sprintf("%+v", calls); strings.Contains(all, "tok+") || strings.Contains(all, "good") || strings.Contains(all, "session+") {
		t.Error("the log holds a secret")
	}
}
