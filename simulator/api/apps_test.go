package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// TestAppsByTheSDK reads every answer with AWS's own types; the states over
// time are in TestWayToAStoppedSpace.
func TestAppsByTheSDK(t *testing.T) {
	s := serve(t, testConfig())
	ctx := t.Context()
	var apps []string
	for p := sagemaker.NewListAppsPaginator(s.client, &sagemaker.ListAppsInput{MaxResults: aws.Int32(3)}); p.HasMorePages(); {
		for _, a := range must[*sagemaker.ListAppsOutput](t)(p.NextPage(ctx)).Apps {
			apps = append(apps, *a.SpaceName+" "+string(a.AppType)+" "+string(a.ResourceSpec.InstanceType)+" "+string(a.Status))
		}
	}
	want := []string{"my-space JupyterLab ml.t3.large InService", "My-Space CodeEditor ml.m5.large InService",
		"closed CodeEditor ml.t3.large InService", "my-space CodeEditor ml.t3.large InService"}
	if !slices.Equal(apps, want) {
		t.Errorf("apps\n%q, want\n%q", apps, want)
	}
	one := must[*sagemaker.ListAppsOutput](t)(s.client.ListApps(ctx, &sagemaker.ListAppsInput{
		DomainIdEquals: aws.String(domainA), SpaceNameEquals: aws.String("my-space")}))
	if len(one.Apps) != 1 || *one.Apps[0].DomainId != domainA {
		t.Errorf("case-sensitive filter: %+v", one.Apps)
	}
	_, err := s.client.ListApps(ctx, &sagemaker.ListAppsInput{SpaceNameEquals: aws.String("a"), UserProfileNameEquals: aws.String("b")})
	wantCode(t, "both filters", err, "ValidationException")
	none := must[*sagemaker.ListAppsOutput](t)(s.client.ListApps(ctx, &sagemaker.ListAppsInput{UserProfileNameEquals: aws.String("alice")}))
	if len(none.Apps) != 0 {
		t.Errorf("apps of a user profile: %+v", none.Apps)
	}

	id := sagemaker.DescribeAppInput{DomainId: aws.String(domainA), SpaceName: aws.String("closed"),
		AppType: types.AppTypeCodeEditor, AppName: aws.String("default")}
	app := must[*sagemaker.DescribeAppOutput](t)(s.client.DescribeApp(ctx, &id))
	if app.Status != types.AppStatusInService || time.Since(*app.CreationTime) < time.Minute ||
		*app.AppArn != "arn:aws:sagemaker:us-east-1:111122223333:app/"+domainA+"/closed/codeeditor/default" {
		t.Errorf("app: %+v", app)
	}
	_, err = s.client.UpdateSpace(ctx, &sagemaker.UpdateSpaceInput{DomainId: id.DomainId, SpaceName: id.SpaceName,
		SpaceSettings: &types.SpaceSettings{RemoteAccess: types.FeatureStatusEnabled}})
	wantCode(t, "update of a running space", err, "ValidationException")
	must[*sagemaker.DeleteAppOutput](t)(s.client.DeleteApp(ctx, &sagemaker.DeleteAppInput{DomainId: id.DomainId, SpaceName: id.SpaceName,
		AppType: id.AppType, AppName: id.AppName}))
	updated := must[*sagemaker.UpdateSpaceOutput](t)(s.client.UpdateSpace(ctx, &sagemaker.UpdateSpaceInput{
		DomainId: id.DomainId, SpaceName: id.SpaceName, SpaceDisplayName: aws.String("Open"),
		SpaceSettings: &types.SpaceSettings{RemoteAccess: types.FeatureStatusEnabled,
			SpaceStorageSettings:  &types.SpaceStorageSettings{EbsStorageSettings: &types.EbsStorageSettings{EbsVolumeSizeInGb: aws.Int32(20)}},
			CodeEditorAppSettings: &types.SpaceCodeEditorAppSettings{DefaultResourceSpec: &types.ResourceSpec{InstanceType: types.AppInstanceTypeMlM5Xlarge}}}}))
	if *updated.SpaceArn != arnA+"closed" {
		t.Errorf("updated %s", *updated.SpaceArn)
	}
	made := must[*sagemaker.CreateAppOutput](t)(s.client.CreateApp(ctx, &sagemaker.CreateAppInput{DomainId: id.DomainId, SpaceName: id.SpaceName,
		AppType: id.AppType, AppName: id.AppName}))
	if *made.AppArn != *app.AppArn {
		t.Errorf("made %s", *made.AppArn)
	}
	must[*sagemaker.StartSessionOutput](t)(s.client.StartSession(ctx, &sagemaker.StartSessionInput{ResourceIdentifier: aws.String(arnA + "closed")}))

	space := must[*sagemaker.DescribeSpaceOutput](t)(s.client.DescribeSpace(ctx, &sagemaker.DescribeSpaceInput{DomainId: id.DomainId, SpaceName: id.SpaceName}))
	if space.SpaceSettings.CodeEditorAppSettings.DefaultResourceSpec.InstanceType != types.AppInstanceTypeMlM5Xlarge ||
		space.SpaceSettings.RemoteAccess != types.FeatureStatusEnabled || *space.SpaceDisplayName != "Open" ||
		*space.SpaceSettings.SpaceStorageSettings.EbsStorageSettings.EbsVolumeSizeInGb != 20 ||
		*space.SpaceArn != arnA+"closed" || !space.LastModifiedTime.After(*space.CreationTime) || space.SpaceSettings.JupyterLabAppSettings != nil {
		t.Errorf("space after all: %+v", space.SpaceSettings)
	}
	listed := must[*sagemaker.ListSpacesOutput](t)(s.client.ListSpaces(ctx, &sagemaker.ListSpacesInput{
		SortBy: types.SpaceSortKeyLastModifiedTime, SortOrder: types.SortOrderDescending, MaxResults: aws.Int32(1)}))
	if *listed.Spaces[0].SpaceName != "closed" {
		t.Errorf("last modified: %s", *listed.Spaces[0].SpaceName)
	}
}

// TestSSM calls what AWS's session-manager-plugin calls to keep and to end a
// session.
func TestSSM(t *testing.T) {
	s := serve(t, testConfig())
	call := func(name, body string) (int, errorBody) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", jsonType)
		r.Header.Set("X-Amz-Target", "AmazonSSM."+name)
		hash := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "ASIAGOOD", SecretAccessKey: "good", SessionToken: "session+/="},
			r, hex.EncodeToString(hash[:]), "ssm", testRegion, time.Now()); err != nil {
			t.Fatal(err)
		}
		status, _, e := send(t, r)
		return status, e
	}
	for _, name := range []string{"ResumeSession", "TerminateSession"} {
		if status, e := call(name, `{"SessionId":"known"}`); status != 200 {
			t.Errorf("%s: %d %v", name, status, e)
		}
		if _, e := call(name, `{"SessionId":"gone"}`); e.Type != "DoesNotExistException" || !strings.Contains(e.Message, "gone") {
			t.Errorf("%s of a gone session: %v", name, e)
		}
		if _, e := call(name, `{}`); e.Type != "ValidationException" {
			t.Errorf("%s of nothing: %v", name, e)
		}
	}
}
