package caller

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// instanceMetadata is an EC2 instance's, with a role or without.
func instanceMetadata(t *testing.T, role bool) {
	t.Helper()
	const path = "/latest/meta-data/iam/security-credentials/"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = fmt.Fprint(w, "token")
		case role && r.URL.Path == path:
			_, _ = fmt.Fprint(w, "Machine")
		case role && r.URL.Path == path+"Machine":
			_, _ = fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"AKIA%s","SecretAccessKey":"s","Token":"","Expiration":%q}`,
				here, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", web.URL)
}

func TestAnInstanceRole(t *testing.T) {
	r := request(StartSession)
	load := func() *Caller {
		t.Helper()
		c, err := Load(t.Context(), r, Options{Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	awsFiles(t, "", "")
	instanceMetadata(t, true)
	c := load()
	if err := c.Retrieve(t.Context(), r); err != nil || c.String() != "this machine's instance role" {
		t.Errorf("%s: %v", c, err)
	}
	if account, err := c.Account(t.Context()); err != nil || account != here {
		t.Errorf("the account is %q, %v", account, err)
	}
	instanceMetadata(t, false)
	if err := load().Retrieve(t.Context(), r); !errors.Is(err, ErrNone) || problem.From(err).Code != problem.NoCredentials {
		t.Errorf("without a role: %v", err)
	}
	// Who does not want to be asked is not.
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if err := load().Retrieve(t.Context(), r); !errors.Is(err, ErrNone) {
		t.Errorf("switched off: %v", err)
	}
}

// A program that does not end is given up, and its problem names it and its file.
func TestAProgramThatDoesNotEnd(t *testing.T) {
	awsFiles(t, "[profile p]\ncredential_process = exec 2>/dev/null; sleep 2\n", "")
	r := request(StartSession)
	c, err := Load(t.Context(), r, Options{Profile: "p", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	c.limit = time.Millisecond
	p := problem.From(c.Retrieve(t.Context(), r))
	if p == nil || p.Sentence != `The credential_process of the AWS profile "p" did not end within 1ms.` || !strings.Contains(p.Hint, "config\"") {
		t.Errorf("%+v", p)
	}
}
