//go:build linux

package main

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
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/simulator/api"
)

// awsInDisguise has the AWS CLI reach the server by AWS's own names: Debian's
// knows no other address for a sign-in. It returns the CLI's environment.
func awsInDisguise(t *testing.T, server http.Handler, home string) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(name string, parent *x509.Certificate) []byte {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().Add(time.Hour), IsCA: parent == nil, BasicConstraintsValid: true, DNSNames: []string{name},
		}
		if parent == nil {
			parent, c.KeyUsage = c, x509.KeyUsageCertSign
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	root := certificate("tests", nil)
	ca, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(home, "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o600); err != nil {
		t.Fatal(err)
	}
	inner := httptest.NewUnstartedServer(server)
	inner.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{certificate(hello.ServerName, ca)}, PrivateKey: key}, nil
	}}
	inner.StartTLS()
	t.Cleanup(inner.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := net.SplitHostPort(r.Host); r.Method != http.MethodConnect || !strings.HasSuffix(host, ".amazonaws.com") {
			http.Error(w, "not AWS", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", inner.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(there, here)
			_ = there.Close()
		}()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}))
	t.Cleanup(proxy.Close)
	return []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + proxy.URL, "AWS_CA_BUNDLE=" + bundle, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "aws-config"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "none"), "AWS_MAX_ATTEMPTS=1",
	}
}

// awsCLI2 is the AWS CLI that can sign in, and how it is told to do so by a code:
// since 2.22 that is not its first choice.
func awsCLI2(t *testing.T) (program string, login []string) {
	t.Helper()
	login = []string{"sso", "login", "--no-browser"}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(folder, "aws")
		if out, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput(); err == nil && strings.HasPrefix(string(out), "aws-cli/2.") {
			minor, _, _ := strings.Cut(strings.TrimPrefix(string(out), "aws-cli/2."), ".")
			if n, err := strconv.Atoi(minor); err == nil && n >= 22 {
				login = append(login, "--use-device-code")
			}
			return path, login
		}
	}
	t.Fatal("This test needs version 2 of the AWS CLI; it is in Debian's package awscli.")
	return "", nil
}

// TestTheSignInIsThatOfTheAWSCLI: what one of the two has signed in to, the
// other finds, for profiles of both forms.
func TestTheSignInIsThatOfTheAWSCLI(t *testing.T) {
	t.Parallel()
	program, login := awsCLI2(t)
	server := api.New(api.Config{Region: "us-east-1", Account: "111122223333", DevicePage: "http://127.0.0.1/device",
		Domains: []api.Domain{{ID: "d-abc", Name: "studio", AuthMode: "IAM"}}})
	plain := httptest.NewServer(server)
	t.Cleanup(plain.Close)
	for _, profile := range []string{"session", "old"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			config := "[profile session]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\nregion = us-east-1\n" +
				"[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access\n" +
				"[profile old]\nsso_start_url = https://old.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = Dev\nregion = us-east-1\n"
			d := newDesk(t)
			if err := os.WriteFile(filepath.Join(d.home, "aws-config"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			theirs := awsInDisguise(t, server, d.home)
			d.env = append(d.env, "AWS_CONFIG_FILE="+filepath.Join(d.home, "aws-config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(d.home, "none"))
			for _, service := range []string{"SSO", "SSO_OIDC", "STS", "SAGEMAKER"} {
				d.env = append(d.env, "AWS_ENDPOINT_URL_"+service+"="+plain.URL)
			}

			confirmed(t, server, d.command("signin", "--profile", profile, "--no-browser"))
			cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "sts", "get-caller-identity", "--profile", profile, "--output", "text")
			cmd.Env = theirs
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "assumed-role/AWSReservedSSO_Dev_0123456789abcdef/alice") {
				t.Errorf("the AWS CLI after our sign-in: %v\n%s", err, out)
			}

			if err := os.RemoveAll(filepath.Join(d.home, ".aws")); err != nil {
				t.Fatal(err)
			}
			cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, slices.Concat(login, []string{"--profile", profile})...)
			cmd.Env = append(theirs, "PYTHONUNBUFFERED=1")
			confirmed(t, server, cmd)
			if got := d.run(t, "", "spaces", "--profile", profile); got.code != exitOK {
				t.Errorf("we after the AWS CLI's sign-in: %v", got)
			}
		})
	}
}

// confirmed runs a sign-in to its end; the person says yes to the code that it
// shows.
func confirmed(t *testing.T, server *api.Server, cmd *exec.Cmd) {
	t.Helper()
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	code := regexp.MustCompile(`^\s*([B-Z]{4}-[B-Z]{4})\s*$`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if m := code.FindStringSubmatch(lines.Text()); m != nil && !server.AnswerDevice(m[1], true) {
			t.Errorf("nothing waits for the code %s", m[1])
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, said.String())
	}
}
