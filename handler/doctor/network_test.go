package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// certificate is a certificate authority of 2026 to 2036, in PEM form.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "spacehatch test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestEndpoints(t *testing.T) {
	for _, c := range []struct {
		region  string
		env     []string
		trusted []string
		want    string
	}{
		{"us-east-1", nil, nil, "sagemaker https://api.sagemaker.us-east-1.amazonaws.com, ssmmessages https://ssmmessages.us-east-1.amazonaws.com"},
		{"cn-north-1", nil, nil, "sagemaker https://api.sagemaker.cn-north-1.amazonaws.com.cn, ssmmessages https://ssmmessages.cn-north-1.amazonaws.com.cn"},
		{"us-gov-west-1", nil, nil, "sagemaker https://api.sagemaker.us-gov-west-1.amazonaws.com, ssmmessages https://ssmmessages.us-gov-west-1.amazonaws.com"},
		{"eu-west-1", []string{"AWS_ENDPOINT_URL=https://all"}, nil, "sagemaker https://all, ssmmessages https://ssmmessages.eu-west-1.amazonaws.com"},
		{"eu-west-1", []string{"AWS_ENDPOINT_URL=https://all", "AWS_ENDPOINT_URL_SAGEMAKER=http://127.0.0.1:1", "AWS_ENDPOINT_URL_SSMMESSAGES=https://m"}, nil,
			"sagemaker http://127.0.0.1:1, ssmmessages https://m"},
		{"eu-west-1", nil, []string{"vpce.corp:8443", "ws://127.0.0.1:9"},
			"sagemaker https://api.sagemaker.eu-west-1.amazonaws.com, ssmmessages https://ssmmessages.eu-west-1.amazonaws.com, trusted-1 https://vpce.corp:8443, trusted-2 http://127.0.0.1:9"},
	} {
		found, err := Endpoints(t.Context(), c.region, environment(c.env...), c.trusted)
		if err != nil {
			t.Errorf("%s: %v", c.region, err)
			continue
		}
		var all []string
		for _, e := range found {
			all = append(all, e.Name+" "+e.URL)
		}
		if got := strings.Join(all, ", "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.region, got, c.want)
		}
	}
	for _, region := range []string{"", "us-east", "us-east-1/..", "us-east-1.evil.com", "US-EAST-1", "us_east_1", "a.b-c-1", "us-east-123"} {
		if found, err := Endpoints(t.Context(), region, environment(), nil); err == nil || ValidRegion(region) {
			t.Errorf("%q: %v", region, found)
		}
	}
}

// quiet keeps a server from telling the test's log what the client refused.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestReachAndClock(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "")
	served := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	stamp := served.Format(http.TimeFormat)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", stamp)
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound) // must not be followed
	}))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting, strange := Client(roots), Client(x509.NewCertPool())
	at := Endpoint{"sagemaker", server.URL}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	expired := httptest.NewUnstartedServer(http.NotFoundHandler())
	expired.Config.ErrorLog = quiet()
	expired.StartTLS()
	defer expired.Close()
	late := Client(roots)
	if transport, ok := late.Transport.(*http.Transport); ok {
		transport.TLSClientConfig.Time = func() time.Time { return time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }
	}

	for _, c := range []struct {
		name     string
		at       string
		client   *http.Client
		severity Severity
		part     string
	}{
		{"good", server.URL, trusting, OK, "valid certificate"},
		{"unknown authority", server.URL, strange, Error, "does not trust"},
		{"out of time", server.URL, late, Error, "not valid at this computer's time"},
		{"nobody", "https://" + closed, trusting, Error, "could not be reached"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), trusting, Error, "did not answer with TLS"},
		{"plain", plain.URL, trusting, Info, "without encryption"},
		{"no such host", "https://no-such-host.invalid", trusting, Error, "no-such-host.invalid was not found"},
		{"no URL", "https://a b/", trusting, Error, "the endpoint"},
	} {
		f := only(t, Reach(Endpoint{"x", c.at}, c.client))
		if f.Severity != c.severity || !strings.Contains(f.Sentence, c.part) || f.ID != "network-x" {
			t.Errorf("%s: %+v", c.name, f)
		}
		whole(t, c.name, f)
	}

	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	found, err := Reach(Endpoint{"x", slow.URL}, trusting).Look(ctx)
	if err != nil || !strings.Contains(found[0].Sentence, "in time") {
		t.Errorf("no answer: %+v, %v", found, err)
	}

	for _, c := range []struct {
		off      time.Duration
		severity Severity
		part     string
	}{
		{0, OK, "agrees"}, {-119 * time.Second, OK, "agrees"},
		{2 * time.Minute, Warning, "2m0s ahead"}, {-4 * time.Minute, Warning, "4m0s behind"},
		{5 * time.Minute, Error, "ahead"}, {-48 * time.Hour, Error, "48h0m0s behind"},
	} {
		f := only(t, Clock(at, trusting, func() time.Time { return served.Add(c.off) }))
		if f.Severity != c.severity || !strings.Contains(f.Sentence, c.part) {
			t.Errorf("%s: %+v", c.off, f)
		}
		whole(t, c.off.String(), f)
	}
	stamp = "yesterday"
	if f := only(t, Clock(at, trusting, time.Now)); f.Severity != Info {
		t.Errorf("no date: %+v", f)
	}
	if f := only(t, Clock(at, strange, time.Now)); f.Severity != Info {
		t.Errorf("unreachable: %+v", f)
	}
}

func TestTheProxyIsBlamedForItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := &url.URL{Scheme: "http", Host: l.Addr().String()}
	_ = l.Close()
	client := Client(nil)
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		t.Fatal("not a transport")
	}
	transport.Proxy = http.ProxyURL(closed)
	if f := only(t, Reach(Endpoint{"x", "https://example.invalid"}, client)); !strings.Contains(f.Sentence, "The proxy that HTTPS_PROXY names") {
		t.Errorf("%+v", f)
	}
}

// awsHome makes an AWS configuration of its own for the test.
func awsHome(t *testing.T, content string, variables ...string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range append([]string{
		"HOME=" + dir, "USERPROFILE=" + dir, "AWS_CONFIG_FILE=" + path, "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(dir, "none"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PROFILE=", "AWS_DEFAULT_PROFILE=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=",
		"AWS_SESSION_TOKEN=", "AWS_CA_BUNDLE=", "AWS_WEB_IDENTITY_TOKEN_FILE=", "AWS_CONTAINER_CREDENTIALS_FULL_URI=",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=", "AWS_ENDPOINT_URL=", "AWS_ENDPOINT_URL_STS=", "AWS_REGION=", "AWS_MAX_ATTEMPTS=1",
	}, variables...) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

func TestCredentialsWithoutANetwork(t *testing.T) {
	keys := "aws_access_key_id = AKIAHIDDEN\naws_secret_access_key = HIDDEN\n"
	for _, c := range []struct {
		name, config string
		env          []string
		severity     Severity
		part         string
	}{
		{"none", "", nil, Info, "Links from Studio need none"},
		{"environment", "", []string{"AWS_ACCESS_KEY_ID=AKIAHIDDEN", "AWS_SECRET_ACCESS_KEY=HIDDEN"}, OK, "in the environment variables"},
		{"profile", "[profile team]\n" + keys, []string{"AWS_PROFILE=team"}, OK, `the AWS profile "team".`},
		{"sso", "[profile team]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n",
			[]string{"AWS_PROFILE=team"}, OK, "IAM Identity Center"},
		{"process", "[default]\ncredential_process = /bin/HIDDEN\n", nil, OK, "credential_process"},
		{"container", "", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/HIDDEN"}, OK, "container"},
		{"web identity", "", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/HIDDEN", "AWS_ROLE_ARN=arn:aws:iam::111122223333:role/HIDDEN"}, OK, "web identity"},
		{"no such profile", "", []string{"AWS_PROFILE=nobody"}, Warning, `no AWS profile named "nobody"`},
		{"broken", "[default]\nHIDDEN", nil, Info, ""},
		{"role of nobody", "[default]\nrole_arn = HIDDEN\nsource_profile = gone\n", nil, Warning, `no AWS profile named "gone"`},
		{"broken role", "[default]\nrole_arn = HIDDEN\ncredential_source = HIDDEN\n", nil, Warning, "cannot be used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			awsHome(t, c.config, c.env...)
			f := only(t, Credentials("us-east-1", false, nil))
			if f.Severity != c.severity || !strings.Contains(f.Sentence, c.part) || strings.Contains(f.Sentence+f.Hint, "HIDDEN") {
				t.Errorf("%+v", f)
			}
			whole(t, c.name, f)
		})
	}
}

func TestCredentialsAgainstTheSimulator(t *testing.T) {
	identity := func(key string, expires time.Time) api.Identity {
		return api.Identity{AccessKeyID: key, SecretAccessKey: secret.New("right"), ARN: "arn:aws:iam::111122223333:user/alice", Expires: expires}
	}
	server := httptest.NewServer(api.New(api.Config{
		Region: "us-east-1", Account: "111122223333",
		Identities: []api.Identity{identity("AKIAGOOD", time.Time{}), identity("AKIAOLD", time.Now().Add(-time.Hour))},
	}))
	defer server.Close()
	for _, c := range []struct {
		name, key, secret string
		accounts          []string
		severity          Severity
		part              string
	}{
		{"good", "AKIAGOOD", "right", nil, OK, "arn:aws:iam::111122223333:user/alice in the account 111122223333."},
		{"good, known", "AKIAGOOD", "right", []string{"444455556666", "111122223333"}, OK, "111122223333."},
		{"another account", "AKIAGOOD", "right", []string{"444455556666"}, Warning, "None of the spaces"},
		{"expired", "AKIAOLD", "right", nil, Warning, "has expired"},
		{"wrong", "AKIAGOOD", "HIDDEN", nil, Warning, "does not belong to the access key"},
		{"unknown", "AKIANOBODY", "HIDDEN", nil, Warning, "does not know the access key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			awsHome(t, "", "AWS_ACCESS_KEY_ID="+c.key, "AWS_SECRET_ACCESS_KEY="+c.secret, "AWS_ENDPOINT_URL_STS="+server.URL)
			f := only(t, Credentials("us-east-1", true, c.accounts))
			if f.Severity != c.severity || !strings.Contains(f.Sentence, c.part) || strings.Contains(f.Sentence+f.Hint, "HIDDEN") {
				t.Errorf("%+v", f)
			}
			whole(t, c.name, f)
		})
	}
	t.Run("none", func(t *testing.T) {
		awsHome(t, "")
		if f := only(t, Credentials("us-east-1", true, nil)); f.Severity != Info {
			t.Errorf("%+v", f)
		}
	})
	t.Run("never signed in", func(t *testing.T) {
		awsHome(t, "[default]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n")
		if f := only(t, Credentials("us-east-1", true, nil)); f.Severity != Warning || !strings.Contains(f.Hint, "spacehatch signin --profile default") {
			t.Errorf("%+v", f)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		awsHome(t, "", "AWS_ACCESS_KEY_ID=AKIAGOOD", "AWS_SECRET_ACCESS_KEY=HIDDEN", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:1")
		if f := only(t, Credentials("us-east-1", true, nil)); f.Severity != Warning || !strings.Contains(f.Sentence, "could not be reached") {
			t.Errorf("%+v", f)
		}
	})
}
