package api

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

func TestCallsThatComeTooOftenAreThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		config.Rate = 5
		s := New(config)
		count := func() (passed int) {
			for range 20 {
				if s.throttled("sagemaker:ListSpaces") == nil {
					passed++
				}
			}
			return passed
		}
		if n := count(); n != 5 {
			t.Errorf("%d calls at once", n)
		}
		<-time.After(400 * time.Millisecond)
		if n := count(); n != 2 {
			t.Errorf("%d calls after 0.4 s", n)
		}
		if s.throttled("sagemaker:ListApps") != nil {
			t.Error("another operation is throttled with it")
		}
		<-time.After(time.Hour)
		if n := count(); n != 5 {
			t.Errorf("%d calls after an hour", n)
		}
	})
}

// AWS's own client understands both, and its retries get through.
func TestSlowAndThrottled(t *testing.T) {
	config := testConfig()
	config.Latency, config.Rate = time.Millisecond, 1
	s := serve(t, config)
	if _, err := s.client.ListSpaces(t.Context(), &sagemaker.ListSpacesInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.ListSpaces(t.Context(), &sagemaker.ListSpacesInput{}); code(err) != "ThrottlingException" {
		t.Errorf("the second: %v", err)
	}
	if n := s.server.Count("sagemaker:ListSpaces"); n != 2 {
		t.Errorf("%d calls in the log", n)
	}
}

func TestAnAppThatFailsAfterItWasCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		config.StartDelay, config.Spaces[2].InstanceType, config.Spaces[2].RemoteAccess = time.Minute, "ml.t3.large", true
		s := New(config)
		s.Fail(Fault{Operation: StartOfApp, Resource: "stopped", Code: "InsufficientCapacityError", Message: "no room", Times: 1})
		app := map[string]any{"DomainId": domainA, "SpaceName": "stopped", "AppType": "JupyterLab", "AppName": "default"}
		see := func(status, reason string) {
			t.Helper()
			out, code := perform(t, s, "DescribeApp", app)
			if got, _ := out["FailureReason"].(string); code != "" || out["Status"] != status || got != reason {
				t.Errorf("%v %s, want %s %q", out, code, status, reason)
			}
		}
		if _, code := perform(t, s, "CreateApp", app); code != "" {
			t.Fatal(code)
		}
		see(pending, "")
		<-time.After(time.Minute)
		see(failed, "no room")
		if _, code := perform(t, s, "StartSession", map[string]any{"ResourceIdentifier": arnA + "stopped"}); code != "ValidationException" {
			t.Errorf("a session in a failed app: %s", code)
		}
		// It may be made anew at once, and does not keep the space from being changed.
		if _, code := perform(t, s, "UpdateSpace", map[string]any{"DomainId": domainA, "SpaceName": "stopped", "SpaceSettings": map[string]any{"RemoteAccess": "ENABLED"}}); code != "" {
			t.Errorf("update: %s", code)
		}
		if _, code := perform(t, s, "CreateApp", app); code != "" {
			t.Errorf("create: %s", code)
		}
		<-time.After(time.Minute)
		see(inService, "")
	})
}
