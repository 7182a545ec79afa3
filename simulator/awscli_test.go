package simulator

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/simulator/api"
)

// TestAWSCLI has AWS's own command line read an answer of each form (a Python
// takes its time to start; the SDK for Go reads them all, in package api). Calls
// that Debian's does not know yet, such as sagemaker:StartSession, are left to
// the SDK for JavaScript. It knows nothing of the simulator but its endpoint.
func TestAWSCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Fatal("This test needs the AWS CLI; it is in Debian's package awscli: ", err)
	}
	caller := assumedRole("Studio", "alice")
	server := httptest.NewServer(api.New(api.Config{Region: region, Account: account, Domains: domains(), Profiles: profiles(),
		Spaces: spaces(), Gateway: &paperGateway{}, Identities: []api.Identity{caller}}))
	t.Cleanup(server.Close)
	none := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "NO_PROXY=127.0.0.1", "AWS_CONFIG_FILE=" + none, "AWS_SHARED_CREDENTIALS_FILE=" + none,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ENDPOINT_URL_SAGEMAKER=" + server.URL, "AWS_ENDPOINT_URL_STS=" + server.URL,
		"AWS_ACCESS_KEY_ID=" + caller.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + caller.SecretAccessKey.Reveal(),
		"AWS_SESSION_TOKEN=" + caller.SessionToken.Reveal(),
	}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, append(args, "--output", "json", "--endpoint-url", server.URL)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	app := []string{"--domain-id", studioDomain, "--space-name", "notebooks", "--app-type", "CodeEditor", "--app-name", "default"}
	for _, tc := range []struct {
		args []string
		want string // in the answer, or AWS's error code
		ok   bool
	}{
		{[]string{"sts", "get-caller-identity"}, `assumed-role/Studio/alice`, true},
		{[]string{"sagemaker", "list-spaces", "--page-size", "2"}, "MyProject", true}, // the CLI asks for every page
		{append([]string{"sagemaker", "describe-app"}, app...), "/codeeditor/default", true},
		{[]string{"sagemaker", "describe-domain", "--domain-id", "d-none"}, "ResourceNotFound", false},
	} {
		out, err := run(tc.args...)
		if (err == nil) != tc.ok || !strings.Contains(out, tc.want) {
			t.Errorf("aws %s: %v\n%s", strings.Join(tc.args, " "), err, out)
		}
		if tc.ok && out != "" && !json.Valid([]byte(out)) {
			t.Errorf("aws %s: not JSON:\n%s", strings.Join(tc.args, " "), out)
		}
	}
}
