package stage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// endLimit is how long a simulator may take to end.
const endLimit = 10 * time.Second

// Studio is a running `spacehatch simulator`.
type Studio struct {
	Page      string `json:"page"`
	SageMaker string `json:"sagemaker"`
	Gateway   string `json:"gateway"`
	CAFile    string `json:"ca_file"`
	// Instances are an EC2 instance and a hybrid one, InstanceKey opens them.
	Instances   []string          `json:"instances"`
	InstanceKey string            `json:"instance_key_file"`
	Env         map[string]string `json:"env"`

	cmd *exec.Cmd
	end context.CancelFunc
	log *Buffer
}

// StartStudio starts the simulator with the command that make returns, which
// runs `spacehatch simulator --json` as somebody. It runs until Close, also
// after the end of ctx.
func StartStudio(ctx context.Context, make func(context.Context) *exec.Cmd) (studio *Studio, err error) {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	s := &Studio{cmd: make(ctx), end: end, log: &Buffer{}}
	// Interrupt, so that it can take its folder with it.
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = endLimit
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the simulator said nothing: %w\n%s", err, s.log)
	}
	if err := json.Unmarshal(line, s); err != nil {
		return nil, fmt.Errorf("the simulator said %s: %w", line, err)
	}
	if s.Page == "" || s.SageMaker == "" || s.Gateway == "" || len(s.Env) == 0 {
		return nil, fmt.Errorf("the simulator's answer lacks something: %s", line)
	}
	return s, nil
}

// Close ends the simulator and waits for that.
func (s *Studio) Close() error {
	s.end()
	if err := s.cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the simulator ended badly: %w\n%s", err, s.log)
	}
	return nil
}

// Log is what the simulator has said on standard error.
func (s *Studio) Log() string { return s.log.String() }

// Environ is the environment in which everything talks to the simulator.
func (s *Studio) Environ() []string {
	var env []string
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// Link returns a fresh link, as the page's button would open it.
func (s *Studio) Link(ctx context.Context, query string) (string, error) {
	text, err := s.get(ctx, "api/link?"+query)
	return strings.TrimSpace(text), err
}

func (s *Studio) get(ctx context.Context, path string) (string, error) {
	at, err := url.Parse(s.Page)
	if err != nil {
		return "", err
	}
	if at, err = at.Parse("/" + path); err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s: %s", at, response.Status, body)
	}
	return string(body), nil
}

// Buffer collects output that is read while it is written.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
