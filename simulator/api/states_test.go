package api

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// perform calls an operation without the network, so that synctest's clock
// rules; the SDK's way is tested beside it.
func perform(t *testing.T, s *Server, name string, in map[string]any) (map[string]any, string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.operate["sagemaker:"+name].do(s, context.Background(), Identity{}, body)
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, e.Code
	} else if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(encode(out), &m); err != nil {
		t.Fatal(err)
	}
	return m, ""
}

// TestWayToAStoppedSpace is the order of calls by which a stopped, too small
// space without remote access is opened.
func TestWayToAStoppedSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		config.StartDelay, config.StopDelay, config.UpdateDelay, config.RegisterDelay = 3*time.Minute, time.Minute, time.Second, 5*time.Second
		s := New(config)
		space := map[string]any{"DomainId": domainA, "SpaceName": "stopped"}
		app := map[string]any{"DomainId": domainA, "SpaceName": "stopped", "AppType": "JupyterLab", "AppName": "default"}
		start := map[string]any{"ResourceIdentifier": arnA + "stopped"}
		want := func(name string, in map[string]any, code string) map[string]any {
			t.Helper()
			out, got := perform(t, s, name, in)
			if got != code {
				t.Fatalf("%s: got %q, want %q", name, got, code)
			}
			return out
		}
		status := func(name string, in map[string]any, state string) {
			t.Helper()
			if got := want(name, in, "")["Status"]; got != state {
				t.Fatalf("%s: %v, want %s", name, got, state)
			}
		}
		with := func(settings map[string]any) map[string]any {
			return map[string]any{"DomainId": domainA, "SpaceName": "stopped", "SpaceSettings": settings}
		}

		want("StartSession", start, "ResourceNotFound") // remote access is off
		want("DescribeApp", app, "ResourceNotFound")
		want("UpdateSpace", with(map[string]any{"RemoteAccess": "ENABLED", "AppType": "JupyterLab"}), "ValidationException")
		want("UpdateSpace", with(map[string]any{"RemoteAccess": "MAYBE"}), "ValidationException")
		want("UpdateSpace", with(map[string]any{"CodeEditorAppSettings": map[string]any{}}), "ValidationException")
		want("UpdateSpace", with(map[string]any{"RemoteAccess": "ENABLED"}), "")
		status("DescribeSpace", space, "Updating")
		want("UpdateSpace", with(map[string]any{"RemoteAccess": "ENABLED"}), "ResourceInUse")
		want("CreateApp", app, "ValidationException")
		time.Sleep(time.Second)
		status("DescribeSpace", space, "InService")
		want("StartSession", start, "ValidationException") // nothing runs
		want("CreateApp", app, "ValidationException")      // ml.t3.medium is too small
		want("UpdateSpace", with(map[string]any{"JupyterLabAppSettings": map[string]any{
			"DefaultResourceSpec": map[string]any{"InstanceType": "ml.t3.large"}}}), "")
		time.Sleep(time.Second)

		other := map[string]any{"DomainId": domainA, "SpaceName": "stopped", "AppType": "CodeEditor", "AppName": "default"}
		want("CreateApp", other, "ValidationException") // not the space's type
		want("CreateApp", app, "")
		status("DescribeApp", app, "Pending")
		want("CreateApp", app, "ResourceInUse")
		want("DeleteApp", app, "ResourceInUse")
		want("UpdateSpace", with(map[string]any{"RemoteAccess": "DISABLED"}), "ValidationException")
		want("StartSession", start, "InternalFailure")
		time.Sleep(3 * time.Minute)
		status("DescribeApp", app, "InService")
		want("StartSession", start, "InternalFailure") // not yet known to Session Manager
		time.Sleep(5 * time.Second)
		want("StartSession", start, "")

		want("DeleteApp", app, "")
		status("DescribeApp", app, "Deleting")
		want("StartSession", start, "ValidationException")
		want("CreateApp", app, "ResourceInUse")
		want("DeleteApp", app, "ResourceInUse")
		time.Sleep(time.Minute)
		status("DescribeApp", app, "Deleted")
		want("DeleteApp", app, "ValidationException")
		if got := config.Gateway.(*fakeGateway).stopped; len(got) != 1 || got[0] != arnA+"stopped" {
			t.Errorf("stopped %v", got)
		}
		listed := want("ListApps", map[string]any{"SpaceNameEquals": "stopped"}, "")["Apps"].([]any)
		if len(listed) != 1 || listed[0].(map[string]any)["Status"] != "Deleted" {
			t.Errorf("listed %v", listed)
		}
		want("CreateApp", app, "")
		status("DescribeApp", app, "Pending")
	})
}

func TestConstraintWords(t *testing.T) {
	s := New(testConfig())
	_, err := s.operate["sagemaker:DescribeApp"].do(s, t.Context(), Identity{}, []byte(`{"DomainId":"x","AppType":"Vim"}`))
	const want = "ValidationException: 3 validation errors detected: " +
		"Value 'x' at 'domainId' failed to satisfy constraint: Member must satisfy regular expression pattern: d-(-*[a-z0-9]){1,61}; " +
		"Value 'Vim' at 'appType' failed to satisfy constraint: Member must satisfy enum value set: [JupyterServer, KernelGateway, DetailedProfiler, TensorBoard, CodeEditor, JupyterLab, RStudioServerPro, RSessionGateway, Canvas]; " +
		"Value null at 'appName' failed to satisfy constraint: Member must not be null"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
