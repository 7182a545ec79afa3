package session

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// targets is the gateway of one session behind the simulator's API.
type targets struct {
	counter
	asked   api.Document
	ended   bool
	noToken bool
}

func (g *targets) StartTargetSession(_ context.Context, _, prefix string, document api.Document) (api.Session, error) {
	g.asked = document
	return g.session(prefix + "1"), nil
}

func (g *targets) session(id string) api.Session {
	s := api.Session{ID: id, StreamURL: secret.New("wss://127.0.0.1/v1/data-channel/" + id + "?role=publish_subscribe&cell-number=a%2Fb"), Token: secret.New("t")}
	if g.noToken {
		s.Token = secret.String{}
	}
	return s
}

func (g *targets) ResumeSession(id string) (api.Session, bool) { return g.session(id), !g.ended }

func (g *targets) TerminateSession(string) bool {
	before := g.ended
	g.ended = true
	return !before
}

const testInstance = "i-0123456789abcdef0"

// testManager is Session Manager in front of the simulator's API.
func testManager(t *testing.T) (*Manager, *api.Server, *targets) {
	t.Helper()
	g := &targets{}
	server := api.New(api.Config{
		Region: "us-east-1", Account: "111122223333",
		Identities: []api.Identity{{AccessKeyID: "AKIAGOOD", SecretAccessKey: secret.New("right"), ARN: "arn:aws:iam::111122223333:user/alice"}},
		Targets:    []api.Target{{ID: testInstance, Online: true}, {ID: "i-0fedcba9876543210"}},
		Gateway:    g,
	})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	awsHome(t, "[profile dev]\nregion = us-east-1\naws_access_key_id = AKIAGOOD\naws_secret_access_key = right\n")
	t.Setenv("AWS_ENDPOINT_URL_STS", web.URL)
	return NewManager(ManagerOptions{Endpoint: web.URL}), server, g
}

func testMachine(id string) Space {
	s := NewInstance(id, "aws", "us-east-1")
	s.Profile = "dev"
	return s
}

func TestSessionWithAnInstance(t *testing.T) {
	m, server, g := testManager(t)
	s, err := m.Session(t.Context(), testMachine(testInstance))
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "alice-1" || s.Origin != FromAPI || s.Token.Reveal() != "t" || !strings.HasSuffix(s.StreamURL.Reveal(), "cell-number=a%2Fb") || s.Expires.IsZero() {
		t.Errorf("%+v", s)
	}
	if g.asked != (api.Document{SessionType: "Port", Port: "22"}) {
		t.Errorf("the document says %+v", g.asked)
	}
	if s, err = m.Resume(t.Context(), testMachine(testInstance), Session{ID: "alice-1"}); err != nil || s.ID != "alice-1" || s.Token.Empty() {
		t.Errorf("%+v, %v", s, err)
	}
	for range 2 { // a session that is over need not be ended
		if err := m.Terminate(t.Context(), testMachine(testInstance), "alice-1"); err != nil {
			t.Error(err)
		}
	}
	if n := server.Count("ssm:TerminateSession"); n != 2 {
		t.Errorf("%d calls of TerminateSession", n)
	}
	_, err = m.Resume(t.Context(), testMachine(testInstance), Session{ID: "alice-1"})
	if p := problem.From(err); p.Code != problem.TunnelRefused || p.Sentence != `The session with the instance "i-0123456789abcdef0" is over.` {
		t.Errorf("resumed after the end: %v", err)
	}
}

// AWS says by an empty token that a session has timed out.
func TestResumeOfASessionThatTimedOut(t *testing.T) {
	m, _, g := testManager(t)
	g.noToken = true
	if _, err := m.Resume(t.Context(), testMachine(testInstance), Session{ID: "alice-1"}); problem.From(err).Code != problem.TunnelRefused {
		t.Errorf("%v", err)
	}
}

func TestSpacesAreNotTheManagers(t *testing.T) {
	if _, err := NewManager(ManagerOptions{}).Session(t.Context(), Space{Kind: SageMaker, Name: "my-space"}); !errors.Is(err, ErrNone) {
		t.Errorf("a space: %v", err)
	}
	if _, err := NewLocal(LocalOptions{}).Session(t.Context(), testMachine(testInstance)); !errors.Is(err, ErrNone) {
		t.Errorf("an instance: %v", err)
	}
}

func TestWhatSessionManagerRefuses(t *testing.T) {
	m, server, _ := testManager(t)
	for _, c := range []struct {
		name     string
		id       string
		fault    api.Fault
		code     problem.Code
		sentence string
		hint     string
		paste    string
	}{
		{name: "not connected", id: "i-0fedcba9876543210", code: TargetNotConnected,
			sentence: `Session Manager does not reach the instance "i-0fedcba9876543210" in us-east-1.`, hint: "AmazonSSMManagedInstanceCore"},
		{name: "nobody knows it", id: "mi-0123456789abcdef0", code: TargetNotConnected, sentence: `the machine "mi-0123456789abcdef0"`, hint: "--region"},
		{name: "denied", id: testInstance, fault: api.Fault{Code: "AccessDeniedException"}, code: problem.AccessDenied,
			sentence: "needs the permission ssm:StartSession on arn:aws:ec2:us-east-1:111122223333:instance/" + testInstance, hint: `the user "alice"`,
			paste: `"arn:aws:ssm:us-east-1::document/AWS-StartSSHSession"`},
		{name: "denied the document", id: testInstance, code: problem.AccessDenied, fault: api.Fault{Code: "AccessDeniedException",
			Message: "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ssm:StartSession on resource: arn:aws:ssm:us-east-1::document/AWS-StartSSHSession because no identity-based policy allows the ssm:StartSession action"},
			sentence: "document/AWS-StartSSHSession", paste: `"arn:aws:ec2:us-east-1:*:instance/` + testInstance + `"`},
		{name: "tier", id: testInstance, fault: api.Fault{Code: "BadRequest", Message: "Enable advanced-instances tier to use Session Manager with your on-premises instances"},
			code: ManagerOff, sentence: "not switched on for machines outside of EC2", hint: "administrator"},
		{name: "invalid", id: testInstance, fault: api.Fault{Code: "ValidationException", Message: "Bad \x1b[31mtarget."}, code: problem.Rejected, sentence: "AWS rejected the request: Bad ?[31mtarget."},
		{name: "document", id: testInstance, fault: api.Fault{Code: "InvalidDocument"}, code: problem.Rejected, sentence: "AWS-StartSSHSession cannot be used in us-east-1"},
		{name: "expired", id: testInstance, fault: api.Fault{Code: "ExpiredTokenException"}, code: problem.CredentialsExpired, sentence: `the AWS profile "dev" has expired`},
		{name: "their fault", id: testInstance, fault: api.Fault{Code: "InternalServerError"}, code: problem.Unreachable, sentence: "a fault of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.fault.Code != "" {
				c.fault.Operation, c.fault.Times = "ssm:StartSession", -1
				server.Fail(c.fault)
				defer server.ClearFaults()
			}
			_, err := m.Session(t.Context(), testMachine(c.id))
			p := problem.From(err)
			if p == nil || p.Code != c.code || !strings.Contains(p.Sentence, c.sentence) || !strings.Contains(p.Hint, c.hint) || !strings.Contains(p.Paste, c.paste) {
				t.Errorf("%+v", p)
			}
			if strings.Contains(p.Hint+p.Sentence, "Studio") {
				t.Errorf("an instance is not in Studio: %+v", p)
			}
		})
	}
}

func TestNoCredentialsForAnInstance(t *testing.T) {
	m, _, _ := testManager(t)
	machine := testMachine(testInstance)
	machine.Profile = ""
	_, err := m.Session(t.Context(), machine)
	if p := problem.From(err); p.Code != problem.NoCredentials || strings.Contains(p.Hint, "Studio") || !errors.Is(err, caller.ErrNone) {
		t.Errorf("%v", err)
	}
}

// The signature of an upgrade is one that AWS's own check takes.
func TestUpgradeSignature(t *testing.T) {
	m, server, _ := testManager(t)
	checked := make(chan error, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { checked <- server.VerifyUpgrade(r) }))
	defer gateway.Close()
	for _, query := range []string{"?role=publish_subscribe&cell-number=AAEA%2B%2Fx%3D", ""} {
		address := strings.TrimPrefix(gateway.URL, "http") + "/v1/data-channel/alice-1" + query
		header, err := m.Sign(t.Context(), testMachine(testInstance), secret.New("ws"+address))
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if err := <-checked; err != nil {
			t.Errorf("%q: %v", query, err)
		}
	}
	if _, err := m.Sign(t.Context(), testMachine(testInstance), secret.New("gopher://x")); err == nil {
		t.Error("signed what is no stream URL")
	}
}

func TestRegionOfAProfile(t *testing.T) {
	m, _, _ := testManager(t)
	if region, err := m.Region(t.Context(), "dev"); err != nil || region != "us-east-1" {
		t.Errorf("%q, %v", region, err)
	}
	if _, err := m.Region(t.Context(), ""); problem.From(err).Code != problem.Rejected {
		t.Errorf("%v", err)
	}
}

func TestInstanceIDs(t *testing.T) {
	for name, want := range map[string]string{
		"i-0123456789abcdef0": "i-0123456789abcdef0", "I-0123456789ABCDEF0.HATCH": "i-0123456789abcdef0", "i-01234567": "i-01234567",
		"mi-0123456789abcdef0.hatch": "mi-0123456789abcdef0",
		"mi-01234567":                "", "i-0123456789abcdeg0": "", "i-": "", "my-space": "", "i-0123456789abcdef01": "", "xi-0123456789abcdef0": "", "i-0123456789abcdef0\n": "",
	} {
		id, ok := InstanceID(name)
		if ok != (want != "") || ok && id != want {
			t.Errorf("%q: %q, %v", name, id, ok)
		}
	}
}

func TestUserNames(t *testing.T) {
	for name, want := range map[string]bool{
		"ec2-user": true, "root": true, "ubuntu": true, `CORP\alice`: true, "alice@corp.example": true, "_x": true,
		"": false, "-oProxyCommand=x": false, "a b": false, "a\nb": false, `a"b`: false, "a%h": false, strings.Repeat("a", 65): false,
	} {
		if got := ValidUser(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
