//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const fromDebian = "it is in Debian's package awscli"

// AWS's command line starts sessions with Spacehatch in its plugin's place, and
// with its own: one changed path is all there is to it, and the simulator is
// the same to both.
func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	s := startStudio(t, simulator("--agent-pace", "0"))
	for _, plugin := range []string{"spacehatch", pluginName} {
		t.Run(plugin, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t, s, plugin)
			t.Run("ssh and scp", c.testSSH)
			t.Run("forwarded port", c.testForwardedPort)
		})
	}
	t.Run("what it cannot do", func(t *testing.T) {
		t.Parallel()
		newCommandLine(t, s, "spacehatch").testRefusals(t)
	})
}

const pluginName = "session-manager-plugin"

// commandLine is the AWS CLI with one of the plugins.
type commandLine struct {
	studio *studio
	aws    string
	home   string
	env    []string
}

// newCommandLine puts a link to the program in front of the PATH.
func newCommandLine(t *testing.T, s *studio, plugin string) *commandLine {
	t.Helper()
	c := &commandLine{studio: s, aws: tool(t, "aws", fromDebian), home: t.TempDir()}
	bin := filepath.Join(c.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(built, plugin), filepath.Join(bin, pluginName)); err != nil {
		t.Fatal(err)
	}
	c.env = append(os.Environ(), s.Environ()...)
	c.env = append(c.env, "HOME="+c.home, "PATH="+bin+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+filepath.Join(c.home, "state"),
		"XDG_CONFIG_HOME="+filepath.Join(c.home, "config"))
	return c
}

// startSession is the command line of `aws ssm start-session`. Older releases
// read no endpoint from the environment.
func (c *commandLine) startSession(args ...string) []string {
	return append([]string{c.aws, "--endpoint-url", c.studio.SageMaker, "ssm", "start-session"}, args...)
}

func (c *commandLine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = c.env
	cmd.WaitDelay = cleanUp / 2
	return cmd
}

// options are those of ssh and scp.
func (c *commandLine) options() []string {
	proxy := c.startSession("--target", "%h", "--document-name", "AWS-StartSSHSession", "--parameters", "portNumber=%p")
	return []string{
		"-F", "/dev/null", "-i", c.studio.InstanceKey, "-o", "ProxyCommand=" + strings.Join(proxy, " "),
		"-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "UserKnownHostsFile=" + filepath.Join(c.home, "known_hosts"),
	}
}

// retried repeats what AWS's plugin gets wrong once in a while: it may send ssh's
// first bytes before the agent listens.
func retried(t *testing.T, do func() (string, error)) string {
	t.Helper()
	for try := 1; ; try++ {
		out, err := do()
		if err == nil {
			return out
		}
		if try == 3 {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("try %d failed: %v\n%s", try, err, out)
	}
}

func (c *commandLine) testSSH(t *testing.T) {
	ctx := limited(t)
	host := "ec2-user@" + c.studio.Instances[0]
	run := func(args ...string) string {
		return retried(t, func() (string, error) {
			out, err := c.command(ctx, args...).CombinedOutput()
			return string(out), err
		})
	}
	blob := make([]byte, 1<<20)
	_, _ = rand.Read(blob)
	file := filepath.Join(c.home, "blob")
	if err := os.WriteFile(file, blob, 0o600); err != nil {
		t.Fatal(err)
	}
	// The plugins have the instance together, so the name is the blob's own.
	sum := fmt.Sprintf("%x", sha256.Sum256(blob))
	run(append(append([]string{"scp", "-q"}, c.options()...), file, host+":blob-"+sum)...)
	out := run(append(append([]string{"ssh"}, c.options()...), host, "sha256sum < blob-"+sum+"; id -un")...)
	if want := sum + "  -\nec2-user\n"; out != want {
		t.Errorf("the instance has %q, want %q", out, want)
	}
}

// opened is the line that scripts wait for.
var opened = regexp.MustCompile(`^Port (\d+) opened for sessionId \S+\.$`)

func (c *commandLine) testForwardedPort(t *testing.T) {
	ctx := limited(t)
	// A server that answers with what it got.
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(far.Close)
	_, port, err := net.SplitHostPort(far.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.command(ctx, c.startSession("--target", c.studio.Instances[1], "--document-name", "AWS-StartPortForwardingSessionToRemoteHost",
		"--parameters", "host=localhost,portNumber="+port+",localPortNumber=0")...)
	// A terminal's ^C reaches the CLI, which ignores it, and the plugin.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	local := ""
	for lines.Scan() && lines.Text() != "Waiting for connections..." {
		if m := opened.FindStringSubmatch(lines.Text()); m != nil {
			local = m[1]
		}
	}
	if local == "" {
		_ = cmd.Wait()
		t.Fatalf("no port was opened: %s", stderr.String())
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			sent := make([]byte, 256<<10)
			_, _ = rand.Read(sent)
			response, err := client.Post("http://127.0.0.1:"+local+"/", "application/octet-stream", bytes.NewReader(sent))
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, or others: %v", len(got), len(sent), err)
			}
		})
	}
	all.Wait()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	rest, _ := io.ReadAll(stdout)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the session ended with %v\n%s%s", err, rest, stderr.String())
	}
	if _, err := net.Dial("tcp", "127.0.0.1:"+local); err == nil {
		t.Error("the port is open after the end")
	}
}

// testRefusals are ends without a session: one sentence, and a failure that
// scripts see.
func (c *commandLine) testRefusals(t *testing.T) {
	for _, refused := range []struct {
		args []string
		want string
	}{
		{[]string{"--target", c.studio.Instances[0]}, "spacehatch: This is a session with a terminal (Standard_Stream)"},
		{[]string{"--target", "i-0fedcba9876543210", "--document-name", "AWS-StartSSHSession"}, "TargetNotConnected"},
	} {
		code, said := exitCode(t, c.command(limited(t), c.startSession(refused.args...)...))
		if code == 0 || !strings.Contains(said, refused.want) {
			t.Errorf("%v: exit code %d\n%s", refused.args, code, said)
		}
	}
}
