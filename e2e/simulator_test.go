//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// studio is a running `spacehatch simulator`.
type studio struct {
	Page      string            `json:"page"`
	SageMaker string            `json:"sagemaker"`
	Gateway   string            `json:"gateway"`
	CAFile    string            `json:"ca_file"`
	Env       map[string]string `json:"env"`

	stderr *safeBuffer
}

// startStudio starts the simulator with the command that make returns, which
// runs `spacehatch simulator --json` as somebody, and ends it with the test.
func startStudio(t *testing.T, make func(ctx context.Context) *exec.Cmd) *studio {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := make(ctx)
	// Interrupt, so that it can take its folder with it.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = cleanUp / 2
	s := &studio{stderr: &safeBuffer{}}
	cmd.Stderr = s.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the simulator ended badly: %v\n%s", err, s.stderr)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the simulator said nothing: %v\n%s", err, s.stderr)
	}
	if err := json.Unmarshal(line, s); err != nil {
		t.Fatalf("the simulator said %s: %v", line, err)
	}
	if s.Page == "" || s.SageMaker == "" || s.Gateway == "" || len(s.Env) == 0 {
		t.Fatalf("the simulator's answer lacks something: %s", line)
	}
	return s
}

// environ is the environment in which everything talks to the simulator.
func (s *studio) environ() []string {
	var env []string
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// link returns a fresh link, as the page's button would open it.
func (s *studio) link(t *testing.T, query string) string {
	t.Helper()
	return strings.TrimSpace(s.get(t, "api/link?"+query))
}

func (s *studio) get(t *testing.T, path string) string {
	t.Helper()
	at, err := url.Parse(s.Page)
	if err != nil {
		t.Fatal(err)
	}
	if at, err = at.Parse("/" + path); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(limited(t), http.MethodGet, at.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s: %s", at, response.Status, body)
	}
	return string(body)
}

// safeBuffer collects output that is read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// simulator returns the command for startStudio as whoever runs the tests.
func simulator(flags ...string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, spacehatch(), append([]string{"simulator", "--json"}, flags...)...)
	}
}

// simulator returns the command for startStudio as the person.
func (p *person) simulator(flags ...string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		return p.command(ctx, spacehatch(), append([]string{"simulator", "--json"}, flags...)...)
	}
}
