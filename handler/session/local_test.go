package session

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

var mySpace = studio("111122223333", "d-abc", "my-space")

// answer is one answer of AWS. An empty code is the session.
type answer struct {
	code, message string
	status        int
}

// fakeAWS answers StartSession as ordered, the last answer again and again,
// and every GetCallerIdentity with one identity.
type fakeAWS struct {
	mu       sync.Mutex
	answers  []answer
	date     time.Time
	identity string
	assume   answer
	bodies   []string
	scopes   []string
	others   []string
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Amzn-RequestId", "req-1")
	if !f.date.IsZero() {
		w.Header().Set("Date", f.date.Format(http.TimeFormat))
	}
	if r.Header.Get("X-Amz-Target") != "SageMaker.StartSession" {
		form, _ := url.ParseQuery(string(body))
		f.others = append(f.others, form.Get("Action"))
		if form.Get("Action") == "AssumeRole" {
			w.WriteHeader(f.assume.status)
			_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>req-2</RequestId></ErrorResponse>`, f.assume.code, f.assume.message)
			return
		}
		_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`, f.identity)
		return
	}
	f.bodies = append(f.bodies, string(body))
	if m := regexp.MustCompile(`Credential=([^,]*)`).FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		f.scopes = append(f.scopes, m[1])
	}
	next := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case next.code == "" && next.status == 0:
		next.status = http.StatusOK
		next.message = `{"SessionId":"s-1","StreamUrl":"wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1?cell-number=a+/b","TokenValue":"tok+/="}`
	case next.code != "":
		text, _ := json.Marshal(next.message)
		next.message = fmt.Sprintf(`{"__type":%q,"message":%s}`, "com.amazonaws#"+next.code, text)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.message)
}

// awsHome isolates the test from the AWS configuration of the computer it runs
// on and puts content into its config file.
func awsHome(t *testing.T, content string) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY",
		"AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER",
		"AWS_ENDPOINT_URL_STS", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

const keys = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = canary-secret\naws_session_token = canary-token\n"

// testLocal is a source whose pauses are noted and not waited for.
func testLocal(t *testing.T, f *fakeAWS, profile string) (*Local, *[]time.Duration) {
	t.Helper()
	if f != nil {
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL_SAGEMAKER", server.URL)
		t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	}
	l := NewLocal(LocalOptions{Profile: profile})
	l.now = func() time.Time { return noon }
	var waited []time.Duration
	l.wait = func(ctx context.Context, d time.Duration) error {
		waited = append(waited, d)
		return ctx.Err()
	}
	l.load = append(l.load, config.WithRetryer(func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}))
	return l, &waited
}

var wantSession = Session{Origin: FromAPI, ID: "s-1",
	StreamURL: secret.New("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s-1?cell-number=a+/b"),
	Token:     secret.New("tok+/="), Expires: noon.Add(time.Minute)}

func TestLocalStartsASessionInTheRegionOfTheARN(t *testing.T) {
	for name, profile := range map[string]string{"profile": "dev", "default": "", "environment": ""} {
		t.Run(name, func(t *testing.T) {
			awsHome(t, "[default]\nregion = eu-west-1\n"+keys+"[profile dev]\nregion = eu-west-1\n"+strings.ReplaceAll(keys, "AKIAEXAMPLE", "AKIADEV"))
			key := map[string]string{"profile": "AKIADEV", "default": "AKIAEXAMPLE", "environment": "AKIAENV"}[name]
			if name != "default" {
				t.Setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
			}
			f := &fakeAWS{answers: []answer{{}}}
			l, _ := testLocal(t, f, profile)
			space := mySpace
			space.Kind, space.Region = UnifiedStudio, "the-store-may-be-wrong"
			got, err := l.Session(t.Context(), space)
			if err != nil || !reflect.DeepEqual(got, wantSession) {
				t.Fatalf("Session = %+v, %v", got, err)
			}
			if want := `{"ResourceIdentifier":"` + mySpace.ARN + `"}`; !slices.Equal(f.bodies, []string{want}) {
				t.Errorf("asked %q", f.bodies)
			}
			if len(f.scopes) != 1 || !strings.HasPrefix(f.scopes[0], key+"/") || !strings.HasSuffix(f.scopes[0], "/us-east-1/sagemaker/aws4_request") {
				t.Errorf("signed with %q", f.scopes)
			}
		})
	}
}

func TestInternalFailureIsRetriedThreeTimes(t *testing.T) {
	awsHome(t, "[default]\n"+keys)
	failure := answer{"InternalFailure", "The request processing has failed because of an unknown error.", 500}
	f := &fakeAWS{answers: []answer{failure, failure, failure, {}}}
	l, waited := testLocal(t, f, "")
	if got, err := l.Session(t.Context(), mySpace); err != nil || !reflect.DeepEqual(got, wantSession) {
		t.Errorf("Session = %+v, %v", got, err)
	}
	if want := []time.Duration{1500 * time.Millisecond, 2250 * time.Millisecond, 3375 * time.Millisecond}; !slices.Equal(*waited, want) {
		t.Errorf("waited %v", *waited)
	}
	if len(f.bodies) != 4 {
		t.Errorf("%d requests", len(f.bodies))
	}
}

func TestLocalHasNothing(t *testing.T) {
	awsHome(t, "[profile empty]\nregion = us-east-1\n")
	l, _ := testLocal(t, &fakeAWS{answers: []answer{{}}}, "")
	if _, err := l.Session(t.Context(), Space{Kind: HyperPod}); !errors.Is(err, ErrNone) {
		t.Errorf("HyperPod: %v", err)
	}
	_, err := l.Session(t.Context(), mySpace)
	if !errors.Is(err, ErrNone) {
		t.Errorf("no credentials: %v", err)
	}
	golden(t, "problems/local-no-credentials", told(t, err))
	l.profile = "empty"
	_, err = l.Session(t.Context(), mySpace)
	if !errors.Is(err, ErrNone) {
		t.Errorf("no credentials: %v", err)
	}
	golden(t, "problems/local-no-credentials-in-profile", told(t, err))
}

func TestWhatAWSRefuses(t *testing.T) {
	const who = "arn:aws:sts::111122223333:assumed-role/Dev/alice@example.com"
	denied := "User: " + who + " is not authorized to perform: sagemaker:StartSession on resource: " + mySpace.ARN
	signature := "The request signature we calculated does not match. The Canonical String should have been 'x-amz-security-token:canary-token'"
	for name, c := range map[string]struct {
		answer
		requests int
		identity string
		date     time.Time
	}{
		"denied":               {answer{"AccessDeniedException", denied + " because no identity-based policy allows the sagemaker:StartSession action", 400}, 1, "", noon},
		"denied-explicitly":    {answer{"AccessDeniedException", denied + " with an explicit deny in a service control policy", 400}, 1, "", noon},
		"denied-without-words": {answer{"AccessDeniedException", "", 400}, 1, who, noon},
		"denied-nameless":      {answer{"AccessDeniedException", "No \x1b[31m.", 400}, 1, "", noon},
		"denied-other-account": {answer{"AccessDeniedException", strings.ReplaceAll(denied, "::111122223333", "::444455556666"), 400}, 1, "", noon},
		"expired":              {answer{"ExpiredTokenException", "The security token included in the request is expired", 400}, 1, "", noon},
		"limit":                {answer{"ResourceLimitExceeded", "Maximum number of sessions reached.", 400}, 1, "", noon},
		"not-found":            {answer{"ResourceNotFound", "Space does not exist.", 400}, 1, "", noon},
		"throttled":            {answer{"ThrottlingException", "Rate exceeded", 400}, 3, "", noon},
		"invalid":              {answer{"ValidationException", "The image version 2.6 does not take remote connections.", 400}, 1, "", noon},
		"internal":             {answer{"InternalFailure", "", 500}, 4, "", noon},
		"unavailable":          {answer{"ServiceUnavailable", "Later.", 503}, 3, "", noon},
		"unknown-key":          {answer{"UnrecognizedClientException", "The security token included in the request is invalid.", 400}, 1, "", noon},
		"signature":            {answer{"InvalidSignatureException", signature, 400}, 1, "", noon},
		"clock-behind":         {answer{"InvalidSignatureException", signature, 400}, 1, "", noon.Add(14 * time.Minute)},
		"clock-ahead":          {answer{"RequestTimeTooSkewed", "skewed", 403}, 3, "", noon.Add(-2 * time.Hour)},
		"clock-unknown":        {answer{"RequestTimeTooSkewed", "skewed", 403}, 3, "", noon},
		"other":                {answer{"ResourceInUse", "Busy.", 400}, 1, "", noon},
		"captive-portal":       {answer{"", "<html>sign in to the hotel</html>", 511}, 1, "", noon},
		"not-an-answer":        {answer{"", "<html>welcome</html>", 200}, 1, "", noon},
		"half-a-session":       {answer{"", `{"SessionId":"s-1"}`, 200}, 1, "", noon},
	} {
		t.Run(name, func(t *testing.T) {
			awsHome(t, "[profile dev]\n"+keys)
			f := &fakeAWS{answers: []answer{c.answer}, identity: c.identity, date: c.date}
			l, _ := testLocal(t, f, "dev")
			_, err := l.Session(t.Context(), mySpace)
			text := told(t, err)
			golden(t, "problems/local-"+name, text)
			if strings.Contains(text, "canary") || strings.Contains(fmt.Sprintf("%+v", problem.From(err)), "canary") {
				t.Errorf("a secret shows: %s", text)
			}
			if errors.Is(err, ErrNone) {
				t.Error("a failure is ErrNone")
			}
			if len(f.bodies) != c.requests {
				t.Errorf("%d requests, want %d", len(f.bodies), c.requests)
			}
		})
	}
}

func TestTheIdentityIsAskedForOnlyWhenNeeded(t *testing.T) {
	awsHome(t, "[default]\n"+keys)
	f := &fakeAWS{answers: []answer{{"ValidationException", "x", 400}, {"AccessDeniedException", "", 400}}, identity: "arn:aws:iam::111122223333:user/bob"}
	l, _ := testLocal(t, f, "")
	for _, want := range [][]string{nil, {"GetCallerIdentity"}} {
		if _, err := l.Session(t.Context(), mySpace); err == nil {
			t.Fatal("no error")
		}
		if !slices.Equal(f.others, want) {
			t.Errorf("asked for %v, want %v", f.others, want)
		}
	}
}

func TestCredentialsThatCannotBeHad(t *testing.T) {
	const (
		sso    = "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n"
		token  = "canary-token"
		legacy = "[profile old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
		role   = "[profile ops]\nrole_arn = arn:aws:iam::111122223333:role/Ops\nsource_profile = base\n[profile base]\n" + keys
	)
	for name, c := range map[string]struct {
		config, profile string
		tokens          string
		assume          answer
	}{
		"sso-never":         {config: sso, profile: "dev"},
		"sso-expired":       {config: sso, profile: "dev", tokens: `{"accessToken":"` + token + `","expiresAt":"2020-01-01T00:00:00Z"}`},
		"sso-legacy":        {config: legacy, profile: "old", tokens: `{"accessToken":"` + token + `","expiresAt":"2020-01-01T00:00:00Z"}`},
		"sso-source":        {config: sso + "[profile my ops]\nrole_arn = arn:aws:iam::111122223333:role/Ops\nsource_profile = dev\n", profile: "my ops"},
		"login":             {config: "[profile web]\nlogin_session = arn:aws:iam::111122223333:user/alice\n", profile: "web"},
		"role-denied":       {config: role, profile: "ops", assume: answer{"AccessDenied", "User: arn:aws:iam::444455556666:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/Ops", 403}},
		"role-expired":      {config: role, profile: "ops", assume: answer{"ExpiredToken", "The security token included in the request is expired", 403}},
		"mfa":               {config: strings.Replace(role, "source_profile", "mfa_serial = arn:aws:iam::111122223333:mfa/bob\nsource_profile", 1), profile: "ops"},
		"process":           {config: "[profile tool]\ncredential_process = echo canary-secret\n", profile: "tool"},
		"profile-missing":   {config: sso, profile: "nowhere"},
		"config-unreadable": {config: "[profile dev]\nca_bundle = /nowhere/ca.pem\n" + keys, profile: "dev"},
	} {
		t.Run(name, func(t *testing.T) {
			home := awsHome(t, c.config)
			if c.tokens != "" {
				writeTokens(t, home, c.tokens)
			}
			f := &fakeAWS{answers: []answer{{}}, assume: c.assume}
			l, _ := testLocal(t, f, c.profile)
			_, err := l.Session(t.Context(), mySpace)
			text := strings.ReplaceAll(withoutSystem(told(t, err)), filepath.ToSlash(home), "~")
			golden(t, "problems/credentials-"+name, text)
			if strings.Contains(text, "canary") {
				t.Errorf("a secret shows: %s", text)
			}
			if errors.Is(err, ErrNone) {
				t.Error("a failure is ErrNone")
			}
			if len(f.bodies) != 0 {
				t.Errorf("asked AWS %q", f.bodies)
			}
		})
	}
}

// writeTokens puts an IAM Identity Center token where AWS's CLI keeps it: in a
// file named after the SHA-1 of the sso-session's name or of the start URL.
func writeTokens(t *testing.T, home, content string) {
	t.Helper()
	for _, key := range []string{"corp", "https://corp.awsapps.com/start"} {
		path, err := ssocreds.StandardCachedTokenFilepath(key)
		if err != nil || !strings.HasPrefix(path, home) {
			t.Fatalf("%s is not below %s: %v", path, home, err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutSystem cuts ports and what the operating system says out of a text.
func withoutSystem(text string) string {
	return regexp.MustCompile(`127\.0\.0\.1:\d+|dial tcp.*|open .*|certificate signed by.*`).ReplaceAllString(text, "…")
}

func TestACertificateAuthorityOfOnesOwn(t *testing.T) {
	home := awsHome(t, "[default]\n"+keys)
	server := httptest.NewUnstartedServer(&fakeAWS{answers: []answer{{}}})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SAGEMAKER", server.URL)
	l, _ := testLocal(t, nil, "")
	_, err := l.Session(t.Context(), mySpace)
	golden(t, "problems/local-untrusted", withoutSystem(told(t, err)))

	bundle := filepath.Join(home, "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if got, err := l.Session(t.Context(), mySpace); err != nil || !reflect.DeepEqual(got, wantSession) {
		t.Errorf("with the bundle: %+v, %v", got, err)
	}
}

func TestANetworkInTheWay(t *testing.T) {
	awsHome(t, "[default]\n"+keys)
	server := httptest.NewServer(nil)
	gone := server.URL
	server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SAGEMAKER", gone)
	l, _ := testLocal(t, nil, "")
	_, err := l.Session(t.Context(), mySpace)
	golden(t, "problems/network-refused", withoutSystem(told(t, err)))
}

func TestTheCallersEndIsNoProblem(t *testing.T) {
	awsHome(t, "[default]\n"+keys)
	f := &fakeAWS{answers: []answer{{"InternalFailure", "", 500}}}
	l, _ := testLocal(t, f, "")
	ctx, cancel := context.WithCancel(t.Context())
	l.wait = func(ctx context.Context, d time.Duration) error {
		cancel()
		return wait(ctx, d)
	}
	_, err := l.Session(ctx, mySpace)
	var p *problem.Problem
	if !errors.Is(err, context.Canceled) || errors.As(err, &p) {
		t.Errorf("Session = %v", err)
	}
}
