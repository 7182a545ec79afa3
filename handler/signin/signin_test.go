package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/simulator/api"
)

var portal = caller.SSO{Profile: "dev", Session: "corp", StartURL: "https://corp.awsapps.com/start", Region: "us-east-1"}

// desk is a home with a profile, and a flow that waits for nothing.
func desk(t *testing.T, endpoint string) (home string, flow Flow, pauses *[]time.Duration) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "none"), "AWS_ENDPOINT_URL_SSO_OIDC": endpoint, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	config := "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n" +
		"[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n"
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	pauses = new([]time.Duration)
	flow = Flow{wait: func(ctx context.Context, d time.Duration) error {
		*pauses = append(*pauses, d)
		return ctx.Err()
	}}
	return home, flow, pauses
}

// screen is a person who does something when the code comes.
type screen func(ctx context.Context, code Code) error

func (s screen) Show(ctx context.Context, code Code) error { return s(ctx, code) }

// looks is a person who only looks.
var looks = screen(func(ctx context.Context, _ Code) error { <-ctx.Done(); return nil })

func TestASignInAgainstTheSimulator(t *testing.T) {
	server := api.New(api.Config{Region: "us-east-1", Account: "111122223333", DevicePage: "https://device.example/"})
	web := httptest.NewServer(server)
	defer web.Close()
	home, flow, pauses := desk(t, web.URL)
	server.Fail(api.Fault{Operation: "sso-oidc:CreateToken", Code: "SlowDownException", Times: 1})
	server.Fail(api.Fault{Operation: "sso-oidc:CreateToken", Code: "InternalServerException", Times: 1})
	server.Fail(api.Fault{Operation: "sso-oidc:CreateToken", Code: "AuthorizationPendingException", Times: 1})
	err := flow.Run(t.Context(), portal, screen(func(ctx context.Context, code Code) error {
		if code.Address != "https://device.example/?user_code="+code.Code || code.Profile != "dev" || time.Until(code.Expires) < 9*time.Minute {
			t.Errorf("%+v", code)
		}
		if !server.AnswerDevice(code.Code, true) {
			t.Error("nothing waits for the code")
		}
		<-ctx.Done()
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	// One second at first, five more where AWS finds that too short, doubled
	// where nothing was heard.
	if got := fmt.Sprint(*pauses); got != "[1s 6s 12s 12s]" {
		t.Errorf("pauses %s", got)
	}
	path, err := File(portal)
	if err != nil || !strings.HasPrefix(path, filepath.Join(home, ".aws", "sso", "cache")) {
		t.Fatal(path, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]string
	if err := json.Unmarshal(data, &kept); err != nil {
		t.Fatal(err)
	}
	for name, layout := range map[string]string{"expiresAt": time.RFC3339, "registrationExpiresAt": time.RFC3339} {
		if at, err := time.Parse(layout, kept[name]); err != nil || time.Until(at) < 7*time.Hour || !strings.HasSuffix(kept[name], "Z") {
			t.Errorf("%s: %q", name, kept[name])
		}
	}
	for _, name := range []string{"accessToken", "refreshToken", "clientId", "clientSecret"} {
		if kept[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	if kept["startUrl"] != portal.StartURL || kept["region"] != "us-east-1" || len(kept) != 8 {
		t.Errorf("%v", kept)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Whatever ends a sign-in, no file is left.
func TestWhatEndsASignIn(t *testing.T) {
	deny := func(s *api.Server) screen {
		return func(ctx context.Context, code Code) error {
			s.AnswerDevice(code.Code, false)
			<-ctx.Done()
			return nil
		}
	}
	gave := problem.New(problem.Cancelled, "Cancelled.", "", nil)
	for name, c := range map[string]struct {
		fault  api.Fault
		screen func(*api.Server) screen
		page   string
		ttl    time.Duration
		want   problem.Code
	}{
		"denied":           {screen: deny, want: Denied},
		"expired":          {fault: api.Fault{Operation: "sso-oidc:CreateToken", Code: "ExpiredTokenException", Times: 1}, want: TooLate},
		"too late":         {ttl: time.Second, want: TooLate},
		"gone":             {fault: api.Fault{Operation: "sso-oidc:CreateToken", Code: "InvalidGrantException", Times: 1}, want: problem.Rejected},
		"no portal":        {fault: api.Fault{Operation: "sso-oidc:StartDeviceAuthorization", Code: "InvalidRequestException", Times: 1}, want: problem.Rejected},
		"not this way":     {fault: api.Fault{Operation: "sso-oidc:StartDeviceAuthorization", Code: "AccessDeniedException", Times: 1}, want: problem.Rejected},
		"throttled":        {fault: api.Fault{Operation: "sso-oidc:RegisterClient", Code: "ThrottlingException", Times: 1}, want: problem.Throttled},
		"a page of no use": {page: "javascript:alert(1)", want: problem.Unreachable},
		"a page elsewhere": {page: "http://device.example/", want: problem.Unreachable},
		"given up":         {screen: func(*api.Server) screen { return func(context.Context, Code) error { return gave } }, want: problem.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			page := c.page
			if page == "" {
				page = "https://device.example/"
			}
			server := api.New(api.Config{Region: "us-east-1", Account: "111122223333", DevicePage: page, DeviceTTL: c.ttl})
			web := httptest.NewServer(server)
			defer web.Close()
			home, flow, _ := desk(t, web.URL)
			if c.fault.Code != "" {
				server.Fail(c.fault)
			}
			at := time.Now()
			flow.now = func() time.Time { at = at.Add(500 * time.Millisecond); return at }
			who := looks
			if c.screen != nil {
				who = c.screen(server)
			}
			err := flow.Run(t.Context(), portal, who)
			if p := problem.From(err); p == nil || p.Code != c.want || p.Code != problem.Cancelled && p.Hint == "" {
				t.Errorf("%v, want %s", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(home, ".aws")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something is left: %v", err)
			}
		})
	}
}

func TestACancelledSignIn(t *testing.T) {
	server := api.New(api.Config{Region: "us-east-1", Account: "111122223333", DevicePage: "https://device.example/"})
	web := httptest.NewServer(server)
	defer web.Close()
	_, flow, _ := desk(t, web.URL)
	flow.wait = wait
	ctx, cancel := context.WithCancel(t.Context())
	err := flow.Run(ctx, portal, screen(func(ctx context.Context, _ Code) error {
		cancel()
		<-ctx.Done()
		return nil
	}))
	if !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Error(err)
	}
}

// AWS answers without what is needed, as a proxy's page may do.
func TestAnswersWithoutUse(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"nothing":        {},
		"no code":        {"/device_authorization": `{"deviceCode":"d","verificationUri":"https://x/","expiresIn":600}`},
		"a hostile code": {"/device_authorization": `{"deviceCode":"d","userCode":"A\u001b[2J","verificationUri":"https://x/"}`},
		"no token":       {"/device_authorization": `{"deviceCode":"d","userCode":"A","verificationUri":"https://x/"}`, "/token": `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				body := answers[r.URL.Path]
				if body == "" {
					body = "{}"
				}
				_, _ = w.Write([]byte(body))
			}))
			defer web.Close()
			_, flow, _ := desk(t, web.URL)
			if err := flow.Run(t.Context(), portal, looks); !errors.Is(err, &problem.Problem{Code: problem.Unreachable}) {
				t.Errorf("%v", err)
			}
		})
	}
}
