package api

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

func TestPoliciesDecideAsIAMDoes(t *testing.T) {
	const (
		arn   = "arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my-space"
		allow = `{"Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"}`
		alice = "arn:aws:sagemaker:us-east-1:111122223333:user-profile/d-abc/alice"
	)
	keys := map[string]string{"aws:region": "us-east-1", "sagemaker:remoteaccess": "ENABLED", "sagemaker:domainid": "d-abc",
		"sagemaker:resourcetag/sagemaker:user-profile-arn": alice}
	for _, c := range []struct{ policy, action, resource, code, message string }{
		{allow + `]}`, "sagemaker:UpdateSpace", arn, "", ""},
		{allow + `]}`, "sts:Other", arn, "AccessDeniedException", "because no identity-based policy allows"},
		{`{"Statement":[]}`, "sagemaker:UpdateSpace", arn, "AccessDeniedException", "because no identity-based policy allows"},
		{`{"Statement":[{"Effect":"Allow","Action":["sagemaker:List*","sagemaker:updatespace"],"Resource":["arn:aws:*:space/d-abc/my-????e"]}]}`, "sagemaker:UpdateSpace", arn, "", ""},
		{`{"Statement":[{"Effect":"Allow","Action":"sagemaker:UpdateSpace","Resource":"arn:aws:*:space/d-other/*"}]}`, "sagemaker:UpdateSpace", arn, "AccessDeniedException", "no identity"},
		{allow + `,{"Effect":"Deny","Action":"sagemaker:UpdateSpace","Resource":"*","Condition":{"StringEquals":{"sagemaker:RemoteAccess":["ENABLED"]}}}]}`, "sagemaker:UpdateSpace", arn, "AccessDeniedException", "with an explicit deny"},
		{allow + `,{"Effect":"Deny","Action":"sagemaker:UpdateSpace","Resource":"*","Condition":{"StringEquals":{"sagemaker:RemoteAccess":"DISABLED"}}}]}`, "sagemaker:UpdateSpace", arn, "", ""},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"ML"}}}]}`, "sagemaker:UpdateSpace", arn, "AccessDeniedException", "no identity"},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/Team":"ML"}}}]}`, "sagemaker:UpdateSpace", arn, "", ""},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:sagemaker:${aws:Region}:*:space/${sagemaker:DomainId}/*","Condition":{"ArnLike":{"sagemaker:ResourceTag/sagemaker:user-profile-arn":"arn:*:user-profile/${sagemaker:DomainId}/a*"}}}]}`, "sagemaker:StartSession", arn, "", ""},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:sagemaker:*:space/${sagemaker:UserProfileName}/*"}]}`, "sagemaker:StartSession", arn, "AccessDeniedException", "no identity"},
		{`{"Statement":[{"Effect":"Allow","Action":"sagemaker:ListSpaces","Resource":"arn:aws:sagemaker:*"}]}`, "sagemaker:ListSpaces", "", "AccessDeniedException", "on resource: * because"},
	} {
		s := New(testConfig())
		if err := s.SetPolicy("Studio", []byte(c.policy)); err != nil {
			t.Fatal(err)
		}
		err := s.authorize(Call{Operation: c.action, Resource: c.resource, Caller: "arn:aws:sts::111122223333:assumed-role/Studio/alice"}, keys)
		if (err == nil) != (c.code == "") || err != nil && (err.Code != c.code || !strings.Contains(err.Message, c.message)) {
			t.Errorf("%s\n%s: %v", c.policy, c.action, err)
		}
		if err := s.authorize(Call{Operation: c.action, Caller: "arn:aws:sts::111122223333:assumed-role/Other/alice"}, keys); err != nil {
			t.Errorf("another role is limited: %v", err)
		}
	}
	s := New(testConfig())
	for _, bad := range []string{`{`, `{"Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}`, `{"Statement":[{"Effect":"Allow","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"a":"1"}}}]}`} {
		if err := s.SetPolicy("Studio", []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// A policy limits calls over the network too, and can be taken away again.
func TestAPolicyLimitsCalls(t *testing.T) {
	s := serve(t, testConfig())
	update := &sagemaker.UpdateSpaceInput{DomainId: aws.String(domainA), SpaceName: aws.String("stopped"),
		SpaceSettings: &types.SpaceSettings{RemoteAccess: types.FeatureStatusEnabled}}
	if err := s.server.SetPolicy("Studio", []byte(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"sagemaker:UpdateSpace","Resource":"*","Condition":{"StringEquals":{"sagemaker:RemoteAccess":"ENABLED"}}}]}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.UpdateSpace(t.Context(), update); code(err) != "AccessDeniedException" {
		t.Errorf("enabled: %v", err)
	}
	off := *update
	off.SpaceSettings = &types.SpaceSettings{RemoteAccess: types.FeatureStatusDisabled}
	if _, err := s.client.UpdateSpace(t.Context(), &off); err != nil {
		t.Errorf("disabled: %v", err)
	}
	if err := s.server.SetPolicy("Studio", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.UpdateSpace(t.Context(), update); err != nil {
		t.Errorf("without a policy: %v", err)
	}
}

// Studio's own calls are made by its role for the owner of the space.
func TestStudiosRoleIsLimitedToItsUser(t *testing.T) {
	s := New(testConfig())
	const role = "arn:aws:sts::111122223333:assumed-role/StudioExecutionRole/SageMaker"
	policy := `{"Statement":[{"Effect":"Allow","Action":"sagemaker:StartSession","Resource":"*","Condition":{"ArnLike":
		{"sagemaker:ResourceTag/sagemaker:user-profile-arn":"arn:aws:sagemaker:*:*:user-profile/${sagemaker:DomainId}/WHO"}}}]}`
	for who, want := range map[string]string{"${sagemaker:UserProfileName}": "", "bob": "AccessDeniedException"} {
		if err := s.SetPolicy("StudioExecutionRole", []byte(strings.Replace(policy, "WHO", who, 1))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.StartSession(t.Context(), role, arnA+"my-space", false); (err == nil) != (want == "") {
			t.Errorf("%s: %v", who, err)
		}
	}
}
