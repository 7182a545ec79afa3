package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/space"
	"github.com/spacehatch/spacehatch/tunnel"
)

// TestMain lets the test binary be ssh's ProxyCommand: with the argument
// "proxy" and a file that holds a session it joins standard input and output
// with a tunnel.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "proxy" {
		if err := proxy(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func proxy(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var s struct{ URL, Token string }
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	t, err := tunnel.Open(context.Background(), tunnel.Options{StreamURL: secret.New(s.URL), Token: secret.New(s.Token), InsecurePlain: true})
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(t, os.Stdin)
		_ = t.Close()
	}()
	_, err = io.Copy(os.Stdout, t)
	return err
}

// studio is a gateway in front of one space.
type studio struct {
	*Gateway
	space *space.Space
}

func newStudio(t *testing.T, config Config, kind space.Server) *studio {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	sp, err := space.New(t.Context(), space.Config{Name: "my-space", Dir: filepath.Join(dir, "space"), Server: kind, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	config.Log = log
	if !config.Plain && config.CAFile == "" {
		config.CAFile = filepath.Join(dir, "ca.pem")
	}
	g, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.Close(), sp.Close()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(config.CAFile); config.CAFile != "" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the certificate authority is left behind: %v", err)
		}
	})
	return &studio{g, sp}
}

func (s *studio) session(t *testing.T, request Request) Session {
	t.Helper()
	session, err := s.CreateSession(s.space, request)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// roots trusts the gateway alone.
func (s *studio) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	if s.CAFile() == "" {
		return nil
	}
	authority, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("the certificate authority cannot be read")
	}
	return pool
}

// open opens a tunnel, which ends with the test.
func (s *studio) open(t *testing.T, session Session) *tunnel.Tunnel {
	t.Helper()
	open, err := tunnel.Open(t.Context(), tunnel.Options{
		StreamURL: session.StreamURL, Token: session.Token, InsecurePlain: true, RootCAs: s.roots(t),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = open.Close() })
	return open
}

// addressed gives a tunnel the rest of net.Conn, as the SSH client wants it.
type addressed struct {
	*tunnel.Tunnel
	net.Conn
}

func (a addressed) Read(p []byte) (int, error)  { return a.Tunnel.Read(p) }
func (a addressed) Write(p []byte) (int, error) { return a.Tunnel.Write(p) }
func (a addressed) Close() error                { return a.Tunnel.Close() }
func (addressed) RemoteAddr() net.Addr          { return &net.TCPAddr{} }
func (addressed) LocalAddr() net.Addr           { return &net.TCPAddr{} }

// ssh opens a tunnel and logs in through it.
func (s *studio) ssh(t *testing.T, session Session) *ssh.Client {
	t.Helper()
	return logIn(t, s, s.open(t, session))
}

func logIn(t *testing.T, s *studio, open *tunnel.Tunnel) *ssh.Client {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.space.Info().HostKey))
	if err != nil {
		t.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(addressed{Tunnel: open}, "space", &ssh.ClientConfig{User: space.User, HostKeyCallback: ssh.FixedHostKey(key)})
	if err != nil {
		t.Fatal(err)
	}
	return ssh.NewClient(c, channels, requests)
}

// echo sends data through cat in the space and compares.
func echo(t *testing.T, client *ssh.Client, data []byte) {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	session.Stdin = bytes.NewReader(data)
	out, err := session.Output("cat")
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(out) != sha256.Sum256(data) {
		t.Errorf("%d bytes came back changed, of %d", len(out), len(data))
	}
}

// testData is no pattern that a lost or doubled block would leave unchanged.
func testData(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*i>>7 ^ i*31)
	}
	return data
}

func TestTheWholeWay(t *testing.T) {
	for name, c := range map[string]struct {
		config  Config
		request Request
	}{
		"TLS":                {},
		"plain":              {config: Config{Plain: true}},
		"presigned":          {request: Request{Presigned: true}},
		"agent's pace":       {config: Config{Agent: space.Session{Pace: time.Millisecond}}},
		"large payloads":     {config: Config{Agent: space.Session{PayloadSize: 16 << 10}}},
		"round trips":        {config: Config{Faults: Faults{RTT: 20 * time.Millisecond}}},
		"narrow":             {config: Config{Faults: Faults{RTT: 4 * time.Millisecond, Bandwidth: 1 << 20}}},
		"lossy":              {config: Config{Faults: Faults{LoseEvery: 37}}},
		"doubled and mixed":  {config: Config{Faults: Faults{DuplicateEvery: 3, ReorderEvery: 5}}},
		"customer's message": {request: Request{CustomerMessage: "Be nice."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, c.config, space.Embedded)
			echo(t, s.ssh(t, s.session(t, c.request)), testData(200_000))
			if n := s.Count("my-space"); n != 1 {
				t.Errorf("%d connections are counted", n)
			}
		})
	}
}

func TestEndOfTheServerEndsTheTunnel(t *testing.T) {
	s := newStudio(t, Config{}, space.Embedded)
	open := s.open(t, s.session(t, Request{}))
	if err := logIn(t, s, open).Close(); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	<-open.Done()
	waitForEnd(t, s)
}

// waitForEnd waits until the gateway counts no connection.
func waitForEnd(t *testing.T, s *studio) {
	t.Helper()
	for s.Count("my-space") != 0 {
		if t.Context().Err() != nil {
			t.Fatal("the session does not end")
		}
	}
}

func TestAClosedPortIsTold(t *testing.T) {
	s := newStudio(t, Config{}, space.Embedded)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open := s.open(t, s.session(t, Request{Port: port}))
	_, err = io.ReadAll(open)
	if err == nil || !strings.Contains(err.Error(), "Unable to connect to specified port") {
		t.Errorf("the tunnel ended with %v", err)
	}
}

func TestASessionOutlivesItsSocket(t *testing.T) {
	for name, cut := range map[string]func(*studio){
		"reset":      func(s *studio) { s.Drop("") },
		"close 1000": func(s *studio) { s.CloseSockets("") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, Config{}, space.Embedded)
			client := s.ssh(t, s.session(t, Request{}))
			echo(t, client, testData(1000))
			cut(s)
			echo(t, client, testData(1000))
			if c := s.Counters(); c.Reconnects != 1 || c.Opened != 1 {
				t.Errorf("counters %+v", c)
			}
		})
	}
}

func TestTerminateTellsTheClientWhy(t *testing.T) {
	s := newStudio(t, Config{}, space.Embedded)
	session := s.session(t, Request{})
	open := s.open(t, session)
	if err := s.TerminateSession(session.ID, "The administrator ended it."); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(open); err == nil || !strings.Contains(err.Error(), "The administrator ended it.") {
		t.Errorf("the tunnel ended with %v", err)
	}
	if err := s.TerminateSession(session.ID, ""); !errors.Is(err, ErrNoSession) {
		t.Errorf("ended twice: %v", err)
	}
	if _, err := s.ResumeSession(session.ID); !errors.Is(err, ErrNoSession) {
		t.Errorf("resumed after the end: %v", err)
	}
}

func TestTenConnections(t *testing.T) {
	s := newStudio(t, Config{Plain: true, ConnectionLimit: 2}, space.Embedded)
	s.open(t, s.session(t, Request{}))
	third := s.session(t, Request{}) // not opened: not counted
	s.open(t, third)
	if _, err := s.CreateSession(s.space, Request{}); !errors.Is(err, ErrTooManyConnections) {
		t.Errorf("one too many: %v", err)
	}
	if err := s.TerminateSession(third.ID, ""); err != nil {
		t.Fatal(err)
	}
	s.session(t, Request{})
	s.TerminateSpace("my-space", "The space was stopped.")
	if n := s.Count("my-space"); n != 0 {
		t.Errorf("%d connections after the end of the space", n)
	}
}

// TestOpenSSH drives the machine's own ssh through the tunnel.
func TestOpenSSH(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal("This test needs OpenSSH's client; install it (Debian: openssh-client).")
	}
	s := newStudio(t, Config{Faults: Faults{RTT: 5 * time.Millisecond}}, space.Auto)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	session := s.session(t, Request{Presigned: true})
	text, err := json.Marshal(map[string]string{"URL": session.StreamURL.Reveal(), "Token": session.Token.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "session")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", s.CAFile())
	data := testData(300_000)
	if out := runSSH(t, s, program, fmt.Sprintf("'%s' proxy '%s'", self, file), data, "cat; echo $USER"); !bytes.Equal(out, append(data, space.User+"\n"...)) {
		t.Errorf("%d bytes came back, of %d", len(out), len(data))
	}
}

// TestSessionManagerPlugin drives AWS's own client, where it has been built.
func TestSessionManagerPlugin(t *testing.T) {
	plugin, err := filepath.Abs(filepath.Join("..", "..", "build", "session-manager-plugin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(plugin); err != nil {
		t.Skipf("build/session-manager-plugin has not been built: %v", err)
	}
	for name, request := range map[string]Request{"signed or not": {}, "presigned": {Presigned: true}} {
		t.Run(name, func(t *testing.T) {
			// At no latency at all the plugin loses its first bytes to the
			// agent's start race in one of forty connections.
			s := newStudio(t, Config{Faults: Faults{RTT: 5 * time.Millisecond}}, space.Auto)
			session := s.session(t, request)
			answer, err := json.Marshal(map[string]string{
				"SessionId": session.ID, "StreamUrl": session.StreamURL.Reveal(), "TokenValue": session.Token.Reveal(),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("SSL_CERT_FILE", s.CAFile())
			t.Setenv("HOME", t.TempDir())
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIASIMULATOR0000000")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "simulator")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_SSM_START_SESSION_RESPONSE", string(answer))
			command := fmt.Sprintf(`'%s' AWS_SSM_START_SESSION_RESPONSE us-east-1 StartSession "" '{"Target":"x"}' https://127.0.0.1:9`, plugin)
			program, err := exec.LookPath("ssh")
			if err != nil {
				t.Fatal(err)
			}
			if out := runSSH(t, s, program, command, nil, "echo through the plugin"); string(out) != "through the plugin\n" {
				t.Errorf("got %q", out)
			}
		})
	}
}

// runSSH runs a command in the space by OpenSSH's client.
func runSSH(t *testing.T, s *studio, program, proxyCommand string, stdin []byte, command string) []byte {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte("space "+s.space.Info().HostKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+known, "-o", "ProxyCommand="+proxyCommand, "-o", "IdentityFile=none", "--", space.User+"@space", command)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	return out
}
