package tunnel

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// authority is a certificate authority of our own, in a file.
type authority struct {
	file string
	pool *x509.CertPool
	leaf tls.Certificate // for 127.0.0.1 and localhost
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "spacehatch test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{file: filepath.Join(t.TempDir(), "ca.pem"), pool: x509.NewCertPool()}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
	if err := os.WriteFile(a.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a.pool.AppendCertsFromPEM(text)
	a.leaf = tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}
	return a
}

// listen serves connections on loopback with f until the test ends.
func listen(t *testing.T, config *tls.Config, f func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if config != nil {
				conn = tls.Server(conn, config)
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				f(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// secureGateway is a gateway behind TLS.
func secureGateway(t *testing.T, a authority) (g *testGateway, address string) {
	g = newTestGateway(t)
	address = listen(t, &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}, g.serve)
	t.Cleanup(g.end)
	return g, address
}

func secureOptions(address string) Options {
	return Options{
		StreamURL: secret.New("wss://" + address + "/v1/data-channel/s-1?X-Amz-Signature=" + canaryQuery),
		Token:     secret.New(canaryToken),
		Proxy:     noProxy,
	}
}

// exercise opens a tunnel with o and has bytes go both ways.
func exercise(t *testing.T, g *testGateway, o Options) {
	t.Helper()
	tunnel := g.open(o)
	if got := readString(t, tunnel, len(banner)); got != banner {
		t.Errorf("read %q", got)
	}
	text := strings.Repeat("0123456789abcdef", 20<<10)
	if _, err := io.WriteString(tunnel, text); err != nil {
		t.Fatal(err)
	}
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
	if g.got() != text {
		t.Errorf("the agent got %d bytes of %d", len(g.got()), len(text))
	}
}

func TestOwnAuthorityFromTheEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		for _, plain := range []bool{false, true} { // as the commands allow it
			t.Run(fmt.Sprintf("%s, ws allowed: %t", name, plain), func(t *testing.T) {
				a := newAuthority(t)
				g, address := secureGateway(t, a)
				t.Setenv(name, a.file)
				o := secureOptions(address)
				o.InsecurePlain = plain
				exercise(t, g, o)
			})
		}
	}
}

func TestForeignCertificatesAreRefused(t *testing.T) {
	a := newAuthority(t)
	_, address := secureGateway(t, a)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		address    string
		pool       *x509.CertPool
		text, hint string
	}{
		"unknown authority": {address, x509.NewCertPool(), "No trusted connection", "AWS_CA_BUNDLE"},
		"another name":      {"127.0.0.2:" + port, a.pool, "No trusted connection", "answers in its place"},
	} {
		t.Run(name, func(t *testing.T) {
			o := secureOptions(c.address)
			o.RootCAs = c.pool
			o.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, address)
			}
			_, err := Open(t.Context(), o)
			checkProblem(t, err, problem.Unreachable, c.text)
			if p := problem.From(err); !strings.Contains(p.Hint, c.hint) {
				t.Errorf("hint %q", p.Hint)
			}
		})
	}
}

func TestBrokenBundleIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		for _, path := range []string{empty, filepath.Join(t.TempDir(), "absent.pem")} {
			t.Run(name+"/"+filepath.Base(path), func(t *testing.T) {
				t.Setenv(name, path)
				_, err := Open(t.Context(), secureOptions("127.0.0.1:1"))
				checkProblem(t, err, problem.Unreachable, path)
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%v does not name %s", err, name)
				}
			})
		}
	}
}

// connectProxy is an HTTP proxy that knows CONNECT. It leads everywhere to
// target.
type connectProxy struct {
	target   string
	status   string // "200 OK"
	mu       sync.Mutex
	requests []*http.Request
}

func (p *connectProxy) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	r, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.requests = append(p.requests, r)
	p.mu.Unlock()
	if _, err := io.WriteString(conn, "HTTP/1.1 "+p.status+"\r\nX-Proxy: "+canaryQuery+"\r\n\r\n"); err != nil || !strings.HasPrefix(p.status, "200") {
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, to)
		_ = conn.Close()
	})
	_, _ = io.Copy(to, reader)
	_ = to.Close()
	back.Wait()
}

func TestThroughAProxy(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			a := newAuthority(t)
			g, address := secureGateway(t, a)
			p := &connectProxy{target: address, status: "200 OK"}
			var config *tls.Config
			if scheme == "https" {
				config = &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}
			}
			proxy := listen(t, config, p.serve)
			o := secureOptions("localhost:443")
			o.RootCAs = a.pool
			var asked []string
			o.Proxy = func(r *http.Request) (*url.URL, error) {
				asked = append(asked, r.URL.String())
				return url.Parse(scheme + "://user:p%20w@" + proxy)
			}
			exercise(t, g, o)
			r := p.requests[0]
			if r.Method != http.MethodConnect || r.Host != "localhost:443" || r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwIHc=" {
				t.Errorf("the proxy got %s %s %v", r.Method, r.Host, r.Header)
			}
			if len(asked) != 1 || asked[0] != "https://localhost:443" {
				t.Errorf("asked for the proxy of %q", asked)
			}
		})
	}
}

func TestProxyThatDoesNotHelp(t *testing.T) {
	for _, c := range []struct{ status, text string }{
		{"407 Proxy Authentication Required", "wants a user name"},
		{"403 Forbidden", "does not connect to"},
		{"200 OK\r\n\r\nmore", "broke off"},
		{"no status", "broke off"},
	} {
		t.Run(c.status[:3], func(t *testing.T) {
			p := &connectProxy{status: c.status, target: "127.0.0.1:1"}
			proxy := listen(t, nil, p.serve)
			o := secureOptions("gateway.test")
			o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://u:canary@" + proxy) }
			_, err := Open(t.Context(), o)
			checkProblem(t, err, problem.Unreachable, c.text)
		})
	}
	o := secureOptions("gateway.test")
	o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://u:canary@proxy.test") }
	o.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no such host") }
	_, err := Open(t.Context(), o)
	checkProblem(t, err, problem.Unreachable, "The proxy proxy.test:80 could not be reached")
}

// TestProxyFromTheEnvironment runs this test binary once more, since the
// environment's proxy is read only once in a process.
func TestProxyFromTheEnvironment(t *testing.T) {
	const child = "SPACEHATCH_TEST_CHILD"
	if os.Getenv(child) != "" {
		o := secureOptions("gateway.test")
		o.Proxy = nil
		_, err := Open(t.Context(), o)
		t.Log("child:", err)
		return
	}
	p := &connectProxy{status: "407 No"}
	proxy := listen(t, nil, p.serve)
	for _, c := range []struct{ noProxy, text string }{
		{"", "wants a user name"},
		{"other.test", "wants a user name"},
		{"gateway.test", "gateway.test:443"},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestProxyFromTheEnvironment$", "-test.v")
		command.Env = append(os.Environ(), child+"=1", "HTTPS_PROXY=http://"+proxy, "NO_PROXY="+c.noProxy)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.text) {
			t.Errorf("NO_PROXY=%q: %v\n%s", c.noProxy, err, out)
		}
	}
}
