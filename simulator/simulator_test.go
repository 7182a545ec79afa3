package simulator

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/space"
	"github.com/spacehatch/spacehatch/tunnel"
)

// startStudio starts a simulator that ends with the test.
func startStudio(t *testing.T, change ...func(*Config)) *Simulator {
	t.Helper()
	config := Config{SSHD: space.Embedded}
	for _, c := range change {
		c(&config)
	}
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client is AWS's SDK with nothing but the simulator's environment.
func client(s *Simulator) *sagemaker.Client {
	env := s.Info().Env
	return sagemaker.New(sagemaker.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_SAGEMAKER"]), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]),
	})
}

func askLink(t *testing.T, s *Simulator, query string) string {
	t.Helper()
	resp, body := get(t, http.MethodGet, s.Info().Page+"api/link?"+query)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("link %s: %s %s", query, resp.Status, body)
	}
	return body
}

// open opens a session's data channel with the CA of Info.
func open(t *testing.T, s *Simulator, stream, token secret.String) (*tunnel.Tunnel, error) {
	t.Helper()
	roots := x509.NewCertPool()
	if ca, err := os.ReadFile(s.Info().CAFile); err != nil && s.Info().CAFile != "" {
		t.Fatal(err)
	} else {
		roots.AppendCertsFromPEM(ca)
	}
	return tunnel.Open(t.Context(), tunnel.Options{StreamURL: stream, Token: token, RootCAs: roots, InsecurePlain: s.Info().CAFile == ""})
}

func dial(t *testing.T, s *Simulator, stream, token secret.String) *tunnel.Tunnel {
	t.Helper()
	tun, err := open(t, s, stream, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tun.Close() })
	return tun
}

// login speaks SSH through the tunnel.
func login(t *testing.T, tun *tunnel.Tunnel) (*ssh.Client, ssh.PublicKey) {
	t.Helper()
	var key ssh.PublicKey
	near, far := net.Pipe() // the SSH library wants a net.Conn
	go func() { _, _ = io.Copy(far, tun); _ = far.Close() }()
	go func() { _, _ = io.Copy(tun, far); _ = tun.Close() }()
	conn, channels, requests, err := ssh.NewClientConn(near, "space", &ssh.ClientConfig{User: space.User,
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error { key = k; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	c := ssh.NewClient(conn, channels, requests)
	t.Cleanup(func() { _ = c.Close(); _ = near.Close() })
	return c, key
}

func run(t *testing.T, c *ssh.Client, command string) string {
	t.Helper()
	one, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = one.Close() }()
	out, err := one.CombinedOutput(command)
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestEveryLinkConnects takes each form of link from the page through the
// handler's reader and policy to a command in the space.
func TestEveryLinkConnects(t *testing.T) {
	s := startStudio(t)
	known, err := settings.Load(filepath.Join(t.TempDir(), "none"), func(name string) (string, bool) {
		value, ok := s.Info().Env[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	policy := handler.Policy{TrustedHosts: known.TrustedHosts}
	for _, place := range []struct {
		query string
		kind  session.Kind
	}{{"space=my-space&scheme=spacehatch", session.SageMaker}, {"kind=smus&scheme=cursor", session.UnifiedStudio}, {"kind=workspace", session.HyperPod}} {
		for _, encoding := range []string{"", "raw", "once", "twice"} {
			for _, presigned := range []string{"0", "1"} {
				if presigned == "1" && place.kind == session.HyperPod {
					continue
				}
				query := place.query + "&encoding=" + encoding + "&presigned=" + presigned
				l, err := handler.Parse(askLink(t, s, query))
				if err != nil {
					t.Fatalf("%s: %v", query, err)
				}
				if err := policy.Check(l); err != nil {
					t.Fatalf("%s: %v", query, err)
				}
				if l.Space.Kind != place.kind || strings.Contains(l.Session.StreamURL.Reveal(), "X-Amz-Signature") != (presigned == "1") {
					t.Errorf("%s: %v", query, l)
				}
				tun := dial(t, s, l.Session.StreamURL, l.Session.Token)
				c, _ := login(t, tun)
				if out := run(t, c, "echo through"); out != "through" {
					t.Errorf("%s: %q", query, out)
				}
				_ = c.Close()
				_ = tun.Close()
				<-tun.Done()
			}
		}
	}
}

func TestNothingIsDialledByAsking(t *testing.T) {
	s := startStudio(t)
	get(t, http.MethodGet, s.Info().Page)
	get(t, http.MethodGet, s.Info().Page+"api/spaces")
	askLink(t, s, "space=my-space")
	if _, err := client(s).ListSpaces(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if c := s.Gateway().Counters(); c.Dials != 0 || c.Sessions != 1 {
		t.Errorf("%+v", c)
	}
	if s.Links() != 1 || s.API().Count("sagemaker:StartSession") != 1 || s.API().Count("sagemaker:ListSpaces") != 1 {
		t.Errorf("%d links, calls %+v", s.Links(), s.API().Calls())
	}
}

// TestApp stops and starts a space under an open connection.
func TestApp(t *testing.T) {
	s := startStudio(t)
	aws := client(s)
	id := func() (*string, *string, *string) {
		domain, name, app := studioDomain, "notebooks", "default"
		return &domain, &name, &app
	}
	domain, name, app := id()
	arn := api.ARN(region, account, "space/"+studioDomain+"/notebooks")
	connect := func() (*ssh.Client, ssh.PublicKey) {
		t.Helper()
		out, err := aws.StartSession(t.Context(), &sagemaker.StartSessionInput{ResourceIdentifier: &arn})
		if err != nil {
			t.Fatal(err)
		}
		return login(t, dial(t, s, secret.New(*out.StreamUrl), secret.New(*out.TokenValue)))
	}
	c, key := connect()
	run(t, c, "echo kept > file")
	home, err := s.Home(t.Context(), "notebooks")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(home, "file")); err != nil || string(data) != "kept\n" {
		t.Errorf("the home folder: %q, %v", data, err)
	}
	unused, err := aws.StartSession(t.Context(), &sagemaker.StartSessionInput{ResourceIdentifier: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aws.DeleteApp(t.Context(), &sagemaker.DeleteAppInput{DomainId: domain, SpaceName: name, AppType: types.AppTypeCodeEditor, AppName: app}); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // the connection ends with the app
	if n := s.Gateway().Count(arn); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	_, err = aws.StartSession(t.Context(), &sagemaker.StartSessionInput{ResourceIdentifier: &arn})
	if err == nil || !strings.Contains(err.Error(), "no InService App") {
		t.Errorf("session with a stopped space: %v", err)
	}
	if _, err := aws.CreateApp(t.Context(), &sagemaker.CreateAppInput{DomainId: domain, SpaceName: name, AppType: types.AppTypeCodeEditor, AppName: app}); err != nil {
		t.Fatal(err)
	}
	if tun, err := open(t, s, secret.New(*unused.StreamUrl), secret.New(*unused.TokenValue)); err == nil {
		_ = tun.Close()
		t.Error("a session of the space's former life leads into its new one")
	}
	c, fresh := connect()
	if string(fresh.Marshal()) == string(key.Marshal()) {
		t.Error("the restarted space has the old host key")
	}
	if out := run(t, c, "cat file"); out != "kept" {
		t.Errorf("after the restart: %q", out)
	}
}

func TestTenConnections(t *testing.T) {
	s := startStudio(t)
	arn := api.ARN(region, account, "space/"+studioDomain+"/my-space")
	aws := client(s)
	start := func() (*sagemaker.StartSessionOutput, error) {
		return aws.StartSession(t.Context(), &sagemaker.StartSessionInput{ResourceIdentifier: &arn})
	}
	var last *tunnel.Tunnel
	for range 10 {
		out, err := start()
		if err != nil {
			t.Fatal(err)
		}
		last = dial(t, s, secret.New(*out.StreamUrl), secret.New(*out.TokenValue))
	}
	_, err := start()
	if _, ok := errors.AsType[*types.ResourceLimitExceeded](err); !ok {
		t.Fatalf("eleventh: %v", err)
	}
	if resp, body := get(t, http.MethodGet, s.Info().Page+"api/link?space=my-space"); resp.StatusCode == 200 || !strings.Contains(body, "ResourceLimitExceeded") {
		t.Errorf("eleventh by link: %s %s", resp.Status, body)
	}
	_ = last.Close()
	<-last.Done()
	if _, err := start(); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

func TestInfo(t *testing.T) {
	s := startStudio(t)
	data, err := json.Marshal(s.Info())
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"page", "sagemaker", "gateway", "ca_file", "sshd", "sshd_reason", "control", "control_token_file"} {
		if text, _ := all[name].(string); text == "" {
			t.Errorf("%s is empty", name)
		}
	}
	env := s.Info().Env
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if _, err := os.Stat(env[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	gatewayHost := strings.TrimPrefix(s.Info().Gateway, "wss://")
	pageHost := strings.TrimSuffix(strings.TrimPrefix(s.Info().Page, "http://"), "/")
	if env["SPACEHATCH_TRUSTED_HOSTS"] != gatewayHost+",ws://"+pageHost || env["AWS_ENDPOINT_URL_SAGEMAKER"] != "http://"+pageHost ||
		env["AWS_EC2_METADATA_DISABLED"] != "true" || env["AWS_DEFAULT_REGION"] != env["AWS_REGION"] {
		t.Errorf("%v", env)
	}
}

func TestPlain(t *testing.T) {
	s := startStudio(t, func(c *Config) { c.Plain = true })
	if s.Info().CAFile != "" || !strings.HasPrefix(s.Info().Gateway, "ws://") || s.Info().Env["SSL_CERT_FILE"] != "" ||
		!strings.HasPrefix(s.Info().Env["SPACEHATCH_TRUSTED_HOSTS"], s.Info().Gateway+",") {
		t.Errorf("%+v", s.Info())
	}
	l, err := handler.Parse(askLink(t, s, "space=my-space"))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := login(t, dial(t, s, l.Session.StreamURL, l.Session.Token))
	run(t, c, "true")
}

func TestControl(t *testing.T) {
	s := startStudio(t)
	token, err := os.ReadFile(s.Info().ControlToken)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.Info().ControlToken); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the token's file: %v, %v", info.Mode(), err)
	}
	ask := func(method, path, body, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.Info().Page+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(data)
	}
	owner := string(token)
	if status, _ := ask("GET", "control/calls", "", "guess"); status != 403 {
		t.Errorf("a stranger's call: %d", status)
	}
	if status, body := ask("GET", "control/calls", "", owner); status != 200 || body != "[]\n" {
		t.Errorf("empty log: %d %s", status, body)
	}
	if status, _ := ask("POST", "control/faults", `{"operation":"sagemaker:StartSession","code":"ThrottlingException","times":1}`, owner); status != 204 {
		t.Errorf("fault: %d", status)
	}
	if status, _ := ask("POST", "control/faults", `{"nonsense":1}`, owner); status != 400 {
		t.Errorf("nonsense: %d", status)
	}
	if _, body := get(t, http.MethodGet, s.Info().Page+"api/link?space=my-space"); !strings.Contains(body, "Rate exceeded") {
		t.Errorf("the fault was not heeded: %s", body)
	}
	if _, body := ask("GET", "control/calls", "", owner); !strings.Contains(body, `"code":"ThrottlingException"`) {
		t.Errorf("log: %s", body)
	}
	ask("POST", "control/faults", `{"code":"InternalFailure","times":-1}`, owner)
	if status, _ := ask("DELETE", "control/faults", "", owner); status != 204 {
		t.Errorf("clear: %d", status)
	}
	askLink(t, s, "space=my-space")
	if _, body := ask("GET", "control/counts", "", owner); !strings.HasPrefix(body, `{"links":1,"gateway":{"dials":0,`) {
		t.Errorf("counts: %s", body)
	}
}

func TestOnlyTheLoopback(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true, "127.9.9.9:0": true,
		"0.0.0.0:0": false, ":8080": false, "[::]:0": false, "192.168.0.1:0": false, "example.com:0": false, "127.0.0.1": false,
	} {
		_, err := loopback(address)
		if (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
		if !good && !errors.Is(err, &problem.Problem{Code: NotLoopback}) {
			t.Errorf("%s: not a problem for a person: %v", address, err)
		}
	}
	if _, err := Start(t.Context(), Config{Listen: "0.0.0.0:0"}); !errors.Is(err, &problem.Problem{Code: NotLoopback}) {
		t.Errorf("Start: %v", err)
	}
}

func TestCloseTakesEverythingAway(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Config{SSHD: space.Embedded})
	if err != nil {
		t.Fatal(err)
	}
	l, err := handler.Parse(askLink(t, s, "space=my-space"))
	if err != nil {
		t.Fatal(err)
	}
	tun := dial(t, s, l.Session.StreamURL, l.Session.Token)
	c, _ := login(t, tun)
	run(t, c, "mkdir -p a/b && touch a/b/c && chmod 500 a/b a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cancel() // and the other way once more
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	left, err := os.ReadDir(temp)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, address := range []string{s.Info().Page, "http" + strings.TrimPrefix(s.Info().Gateway, "ws")} {
		address = strings.TrimSuffix(address[strings.Index(address, "//")+2:], "/")
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Errorf("%s still answers", address)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "mine")
	s, err := Start(ctx, Config{SSHD: space.Embedded, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.Done()
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

func TestFolderThatIsThere(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs")
	if err := os.WriteFile(theirs, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Config{SSHD: space.Embedded, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Info().CAFile; got != filepath.Join(dir, "ca.pem") {
		t.Errorf("CA in %s", got)
	}
	before, err := os.ReadFile(s.Info().CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Start(t.Context(), Config{SSHD: space.Embedded, Dir: dir}); err == nil {
		_ = second.Close()
		t.Error("two simulators in one folder")
	}
	if after, err := os.ReadFile(s.Info().CAFile); err != nil || string(after) != string(before) {
		t.Errorf("the second start took the first one's CA: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "theirs" {
		t.Errorf("left %v, %v", left, err)
	}
}
