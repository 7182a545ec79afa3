package spaces

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/smithy-go"

	"github.com/spacehatch/spacehatch/internal/caller"
)

const (
	myDomain = "d-abc"
	myARN    = "arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my-space"
)

// studio is an AWS in memory: what it is asked to do takes a number of looks.
type studio struct {
	mu      sync.Mutex
	spaces  map[key]*types.SpaceDetails
	spec    map[key]*types.ResourceSpec
	apps    map[key]*app
	domains map[string]*sagemaker.DescribeDomainOutput
	single  map[key]string // SingleSignOnUserValue of profiles
	looks   int            // how many looks a change takes
	after   map[key]int    // looks until the space is InService again
	fail    map[string]error
	calls   []string
	running int // calls under way
	most    int
	pages   int // size of a page, 0 for what is asked for
}

type app struct {
	status types.AppStatus
	next   types.AppStatus // what it becomes
	left   int             // looks until then
	reason string
	spec   *types.ResourceSpec
}

func newStudio() *studio {
	return &studio{spaces: map[key]*types.SpaceDetails{}, spec: map[key]*types.ResourceSpec{}, apps: map[key]*app{},
		domains: map[string]*sagemaker.DescribeDomainOutput{}, single: map[key]string{}, after: map[key]int{}, fail: map[string]error{}, looks: 3}
}

func (s *studio) domain(id string, mode types.AuthMode) {
	s.domains[id] = &sagemaker.DescribeDomainOutput{DomainId: &id, DomainName: aws.String("name-of-" + id), AuthMode: mode,
		DomainArn: aws.String("arn:aws:sagemaker:us-east-1:111122223333:domain/" + id)}
}

// add makes a space; instance is empty where none was chosen, status where no
// application is there.
func (s *studio) add(domain, name, owner string, kind types.AppType, remote bool, instance string, status types.AppStatus) {
	if s.domains[domain] == nil {
		s.domain(domain, types.AuthModeIam)
	}
	k := key{domain, name}
	access := types.FeatureStatusDisabled
	if remote {
		access = types.FeatureStatusEnabled
	}
	s.spaces[k] = &types.SpaceDetails{DomainId: &domain, SpaceName: &name, Status: types.SpaceStatusInService,
		OwnershipSettingsSummary: &types.OwnershipSettingsSummary{OwnerUserProfileName: &owner},
		SpaceSettingsSummary:     &types.SpaceSettingsSummary{AppType: kind, RemoteAccess: access}}
	if instance != "" {
		s.spec[k] = &types.ResourceSpec{InstanceType: types.AppInstanceType(instance), SageMakerImageVersionAlias: aws.String("3.2")}
	}
	if status != "" {
		s.apps[k] = &app{status: status, spec: s.spec[k]}
	}
}

// call notes a call and returns the error that was ordered for it.
func (s *studio) call(name string) error {
	s.calls = append(s.calls, name)
	return s.fail[name]
}

// made are the calls that change something, in order.
func (s *studio) made() string {
	var all []string
	for _, c := range s.calls {
		if !strings.HasPrefix(c, "List") && !strings.HasPrefix(c, "Describe") {
			all = append(all, c)
		}
	}
	return strings.Join(all, " ")
}

func refuse(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }

func notThere() error { return refuse("ResourceNotFound", "It does not exist.") }

func paged[T any](s *studio, all []T, token *string, most *int32) ([]T, *string) {
	start, _ := strconv.Atoi(aws.ToString(token))
	size := int(aws.ToInt32(most))
	if s.pages > 0 {
		size = s.pages
	}
	end := min(start+size, len(all))
	if end == len(all) {
		return all[start:end], nil
	}
	return all[start:end], aws.String(strconv.Itoa(end))
}

func byName(a, b key) int { return strings.Compare(a.domain+"/"+a.name, b.domain+"/"+b.name) }

func (s *studio) ListSpaces(_ context.Context, in *sagemaker.ListSpacesInput) (*sagemaker.ListSpacesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("ListSpaces"); err != nil {
		return nil, err
	}
	var all []types.SpaceDetails
	for _, k := range slices.SortedFunc(maps.Keys(s.spaces), byName) {
		if in.DomainIdEquals == nil || *in.DomainIdEquals == k.domain {
			all = append(all, *s.spaces[k])
		}
	}
	page, next := paged(s, all, in.NextToken, in.MaxResults)
	return &sagemaker.ListSpacesOutput{Spaces: page, NextToken: next}, nil
}

func (s *studio) ListApps(_ context.Context, in *sagemaker.ListAppsInput) (*sagemaker.ListAppsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("ListApps"); err != nil {
		return nil, err
	}
	all := []types.AppDetails{{AppType: types.AppTypeJupyterServer, DomainId: aws.String(myDomain), UserProfileName: aws.String("x"), Status: types.AppStatusInService}}
	for _, k := range slices.SortedFunc(maps.Keys(s.apps), byName) {
		if in.DomainIdEquals == nil || *in.DomainIdEquals == k.domain {
			a := s.apps[k]
			all = append(all, types.AppDetails{AppType: s.spaces[k].SpaceSettingsSummary.AppType, AppName: aws.String(appName),
				DomainId: &k.domain, SpaceName: &k.name, Status: a.status, ResourceSpec: a.spec})
		}
	}
	page, next := paged(s, all, in.NextToken, in.MaxResults)
	return &sagemaker.ListAppsOutput{Apps: page, NextToken: next}, nil
}

func (s *studio) DescribeDomain(_ context.Context, in *sagemaker.DescribeDomainInput) (*sagemaker.DescribeDomainOutput, error) {
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	err := s.call("DescribeDomain")
	if err == nil {
		err = s.fail["DescribeDomain "+*in.DomainId]
	}
	out := s.domains[*in.DomainId]
	s.mu.Unlock()
	<-time.After(time.Millisecond) // so that calls can meet
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	return out, err
}

func (s *studio) DescribeUserProfile(_ context.Context, in *sagemaker.DescribeUserProfileInput) (*sagemaker.DescribeUserProfileOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("DescribeUserProfile " + *in.UserProfileName); err != nil {
		return nil, err
	}
	if err := s.fail["DescribeUserProfile"]; err != nil {
		return nil, err
	}
	out := &sagemaker.DescribeUserProfileOutput{}
	if value, ok := s.single[key{*in.DomainId, *in.UserProfileName}]; ok {
		out.SingleSignOnUserValue = &value
	}
	return out, nil
}

func (s *studio) DescribeSpace(_ context.Context, in *sagemaker.DescribeSpaceInput) (*sagemaker.DescribeSpaceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("DescribeSpace"); err != nil {
		return nil, err
	}
	k := key{*in.DomainId, *in.SpaceName}
	p := s.spaces[k]
	if p == nil {
		return nil, notThere()
	}
	if s.after[k] > 0 {
		if s.after[k]--; s.after[k] == 0 {
			p.Status = types.SpaceStatusInService
		}
	}
	set := &types.SpaceSettings{AppType: p.SpaceSettingsSummary.AppType, RemoteAccess: p.SpaceSettingsSummary.RemoteAccess}
	if set.AppType == types.AppTypeCodeEditor {
		set.CodeEditorAppSettings = &types.SpaceCodeEditorAppSettings{DefaultResourceSpec: s.spec[k],
			AppLifecycleManagement: &types.SpaceAppLifecycleManagement{IdleSettings: &types.SpaceIdleSettings{IdleTimeoutInMinutes: aws.Int32(60)}}}
	} else {
		set.JupyterLabAppSettings = &types.SpaceJupyterLabAppSettings{DefaultResourceSpec: s.spec[k],
			CodeRepositories: []types.CodeRepository{{RepositoryUrl: aws.String("https://example.com/x.git")}}}
	}
	return &sagemaker.DescribeSpaceOutput{Status: p.Status, SpaceSettings: set, FailureReason: aws.String("no room"),
		OwnershipSettings: &types.OwnershipSettings{OwnerUserProfileName: p.OwnershipSettingsSummary.OwnerUserProfileName}}, nil
}

func (s *studio) DescribeApp(_ context.Context, in *sagemaker.DescribeAppInput) (*sagemaker.DescribeAppOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("DescribeApp"); err != nil {
		return nil, err
	}
	a := s.apps[key{*in.DomainId, *in.SpaceName}]
	if a == nil {
		return nil, notThere()
	}
	if a.left > 0 {
		if a.left--; a.left == 0 {
			a.status = a.next
		}
	}
	return &sagemaker.DescribeAppOutput{Status: a.status, FailureReason: &a.reason, ResourceSpec: a.spec}, nil
}

func (s *studio) UpdateSpace(_ context.Context, in *sagemaker.UpdateSpaceInput) (*sagemaker.UpdateSpaceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{*in.DomainId, *in.SpaceName}
	name := "UpdateSpace("
	if in.SpaceSettings.RemoteAccess != "" {
		name += string(in.SpaceSettings.RemoteAccess)
	}
	var spec *types.ResourceSpec
	if set := in.SpaceSettings.JupyterLabAppSettings; set != nil {
		spec = set.DefaultResourceSpec
		if len(set.CodeRepositories) != 1 {
			name += "!repositories-lost!"
		}
	}
	if set := in.SpaceSettings.CodeEditorAppSettings; set != nil {
		spec = set.DefaultResourceSpec
		if set.AppLifecycleManagement == nil {
			name += "!idle-time-lost!"
		}
	}
	if spec != nil {
		name += "," + string(spec.InstanceType) + "," + aws.ToString(spec.SageMakerImageVersionAlias)
	}
	if err := s.call(name + ")"); err != nil {
		return nil, err
	}
	if err := s.fail["UpdateSpace"]; err != nil {
		return nil, err
	}
	if a := s.apps[k]; a != nil && a.status != types.AppStatusDeleted && a.status != types.AppStatusFailed {
		return nil, refuse("ValidationException", "Unable to update Space with InService App.")
	}
	p := s.spaces[k]
	p.Status, s.after[k] = types.SpaceStatusUpdating, s.looks
	if in.SpaceSettings.RemoteAccess != "" {
		p.SpaceSettingsSummary.RemoteAccess = in.SpaceSettings.RemoteAccess
	}
	if spec != nil {
		s.spec[k] = spec
	}
	return &sagemaker.UpdateSpaceOutput{}, nil
}

func (s *studio) CreateApp(_ context.Context, in *sagemaker.CreateAppInput) (*sagemaker.CreateAppOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call(fmt.Sprintf("CreateApp(%s,%s)", in.AppType, in.ResourceSpec.InstanceType)); err != nil {
		return nil, err
	}
	if err := s.fail["CreateApp"]; err != nil {
		return nil, err
	}
	k := key{*in.DomainId, *in.SpaceName}
	if a := s.apps[k]; a != nil && a.status != types.AppStatusDeleted {
		return nil, refuse("ResourceInUse", "It exists.")
	}
	if s.spaces[k].Status != types.SpaceStatusInService {
		return nil, refuse("ValidationException", "Space must be InService.")
	}
	s.apps[k] = &app{status: types.AppStatusPending, next: types.AppStatusInService, left: s.looks, spec: in.ResourceSpec}
	if reason := s.fail["start"]; reason != nil {
		s.apps[k].next, s.apps[k].reason = types.AppStatusFailed, reason.Error()
	}
	return &sagemaker.CreateAppOutput{}, nil
}

func (s *studio) DeleteApp(_ context.Context, in *sagemaker.DeleteAppInput) (*sagemaker.DeleteAppOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("DeleteApp"); err != nil {
		if s.fail["DeleteApp takes it"] != nil {
			delete(s.apps, key{*in.DomainId, *in.SpaceName})
		}
		return nil, err
	}
	a := s.apps[key{*in.DomainId, *in.SpaceName}]
	switch {
	case a == nil:
		return nil, notThere()
	case a.status == types.AppStatusPending || a.status == types.AppStatusDeleting:
		return nil, refuse("ResourceInUse", "Wait.")
	}
	a.status, a.next, a.left = types.AppStatusDeleting, types.AppStatusDeleted, s.looks
	return &sagemaker.DeleteAppOutput{}, nil
}

// memory keeps durations as the store does.
type memory struct{ took map[string]time.Duration }

func (m *memory) Took(space, what string) time.Duration { return m.took[space+" "+what] }

func (m *memory) Remember(_ context.Context, space, what string, took time.Duration) error {
	m.took[space+" "+what] = took
	return nil
}

// client works on the studio as who, without waiting.
func client(t *testing.T, s *studio) *Client {
	t.Helper()
	who, err := caller.Load(t.Context(), general("sagemaker:ListSpaces"), caller.Options{Region: "us-east-1", Load: []func(*config.LoadOptions) error{
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "x", "")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	return &Client{who: who, lists: s, profiles: s, looks: s, changes: s, now: time.Now,
		identity: func(context.Context) (string, error) { return "arn:aws:iam::111122223333:user/bob", nil },
		pause: func(ctx context.Context, _ time.Duration) error {
			if pauses++; pauses > 1000 {
				return errors.New("waited for ever")
			}
			return context.Cause(ctx)
		}}
}
