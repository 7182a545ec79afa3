package main

import (
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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// far is what a session leads to and how its agent behaves.
type far struct {
	target  string        // "ssh" or "bytes"
	pace    time.Duration // 0 is an agent that does not sleep
	payload int           // of the agent's messages, in bytes
	profile string        // tunnel_profile, for our own client; empty is the default
}

// agentPace is how long AWS's agent sleeps after each read.
const agentPace = time.Millisecond

// line is a byte stream through one client, without ssh.
type line struct {
	in  io.WriteCloser
	out io.Reader
	// pids are the client's processes.
	pids []int
	end  func() error
	said *stage.Buffer // on standard error
}

// lineClient is a way to have a line.
type lineClient struct {
	name string
	open func(ctx context.Context, to far) (*line, error)
}

// The clients, as the table names them.
const (
	ownTunnel     = "spacehatch proxy, own tunnel"
	byCredentials = "spacehatch proxy, own tunnel, by credentials"
	bothAsUsed    = "spacehatch tunnel + proxy"
	awsPlugin     = "session-manager-plugin"
	bareRelay     = "bare WebSocket relay"
	directSSH     = "direct ssh"
)

func (s *stand) lineClients() map[string]lineClient {
	clients := map[string]lineClient{}
	for name, open := range map[string]func(context.Context, far) (*line, error){
		ownTunnel: s.lineByProxy, byCredentials: s.lineByCredentials, bothAsUsed: s.lineByTunnel, awsPlugin: s.lineByPlugin, bareRelay: s.lineByRelay,
	} {
		clients[name] = lineClient{name, open}
	}
	return clients
}

// openLines opens a line to the server of bytes by each client, behind an agent
// as AWS's. The lines that are open must be ended, also after an error.
func (s *stand) openLines(ctx context.Context, names ...string) (lines []*line, err error) {
	clients := s.lineClients()
	for _, name := range names {
		l, err := clients[name].open(ctx, far{target: "bytes", pace: agentPace, payload: smallPayload})
		if err != nil {
			return lines, fmt.Errorf("%s: %w", name, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// endAll ends lines, the last one first.
func endAll(lines []*line) (err error) {
	for _, l := range slices.Backward(lines) {
		err = errors.Join(err, l.end())
	}
	return err
}

// farSession is a session that leads to what far says, as StartSession answers.
func (s *stand) farSession(ctx context.Context, to far) (answer []byte, err error) {
	at := s.far.Sessions + "?" + url.Values{
		"target": {to.target}, "pace": {to.pace.String()}, "payload": {strconv.Itoa(to.payload)},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("no session: %s: %s", response.Status, answer)
	}
	return answer, nil
}

// keepFarSession stores a session that no ssh has used yet. A master must run,
// or it would be used at once.
func (s *stand) keepFarSession(ctx context.Context, to far) error {
	answer, err := s.farSession(ctx, to)
	if err != nil {
		return err
	}
	var session struct{ SessionId, StreamUrl, TokenValue string } //nolint:staticcheck,revive // AWS's names
	if err := json.Unmarshal(answer, &session); err != nil {
		return err
	}
	link, err := s.studio.Link(ctx, "space=my-space&scheme=vscode&encoding=once")
	if err != nil {
		return err
	}
	before, query, _ := strings.Cut(link, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the link is no URL")
	}
	values.Set("session", session.SessionId)
	values.Set("ws_url", session.StreamUrl)
	values.Set("token", session.TokenValue)
	cmd := s.Command(ctx, s.spacehatch(), "open", "--yes", "--editor", "none", "-")
	cmd.Stdin = strings.NewReader(before + "?" + values.Encode())
	_, err = s.output(cmd)
	return err
}

// profileVariable chooses the tunnel's profile.
const profileVariable = "SPACEHATCH_TUNNEL_PROFILE"

func (s *stand) withProfile(cmd *exec.Cmd, profile string) *exec.Cmd {
	if profile != "" {
		cmd.Env = append(cmd.Env, profileVariable+"="+profile)
	}
	return cmd
}

// lineByProxy is a `spacehatch proxy` that carries the tunnel itself.
func (s *stand) lineByProxy(ctx context.Context, to far) (*line, error) {
	if err := s.keepFarSession(ctx, to); err != nil {
		return nil, err
	}
	return startLine(s.withProfile(s.Command(ctx, s.spacehatch(), "proxy", alias), to.profile), greeted)
}

// lineByCredentials is the same with a session that the proxy asks AWS for. It
// leads to the SSH server, whatever far says.
func (s *stand) lineByCredentials(ctx context.Context, _ far) (*line, error) {
	return startLine(s.Command(ctx, s.spacehatch(), "proxy", alias), func(heard []byte) bool {
		return bytes.Contains(heard, []byte(bannerStart)) && bytes.HasSuffix(heard, []byte("\n"))
	})
}

// lineByTunnel is a `spacehatch proxy` that has taken a waiting tunnel, as after
// a click.
func (s *stand) lineByTunnel(ctx context.Context, to far) (*line, error) {
	tunnel, err := s.waitingTunnel(ctx, to)
	if err != nil {
		return nil, err
	}
	l, err := startLine(s.Command(ctx, s.spacehatch(), "proxy", alias), greeted)
	if err != nil {
		return nil, errors.Join(err, tunnel.end())
	}
	end := l.end
	l.end = func() error { return errors.Join(end(), tunnel.end()) }
	l.pids = append(l.pids, tunnel.pids...)
	return l, nil
}

// waitingTunnel is a `spacehatch tunnel` that has heard the far end's first
// word; it is a line without ends.
func (s *stand) waitingTunnel(ctx context.Context, to far) (*line, error) {
	if err := s.keepFarSession(ctx, to); err != nil {
		return nil, err
	}
	cmd := s.withProfile(s.Command(ctx, s.spacehatch(), "tunnel", alias), to.profile)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	l := &line{pids: []int{cmd.Process.Pid}, end: func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // where no proxy has ended it
		_ = cmd.Wait()                          // how it ends is not what is measured
		return nil
	}}
	if err := s.awaitFirstByte(ctx, cmd.Process.Pid); err != nil {
		return nil, errors.Join(err, l.end())
	}
	return l, nil
}

// awaitFirstByte waits until a tunnel process has heard from the far end.
func (s *stand) awaitFirstByte(ctx context.Context, pid int) error {
	return stage.Until(ctx, func() (bool, error) {
		text, err := s.output(s.Command(ctx, s.spacehatch(), "status", "--json"))
		if err != nil {
			return false, err
		}
		var open []struct {
			PID     int   `json:"pid"`
			BytesIn int64 `json:"bytes_in"`
		}
		if err := json.Unmarshal([]byte(text), &open); err != nil {
			return false, err
		}
		for _, each := range open {
			if each.PID == pid {
				return each.BytesIn > 0, nil
			}
		}
		return false, nil
	})
}

func (s *stand) lineByPlugin(ctx context.Context, to far) (*line, error) {
	answer, err := s.farSession(ctx, to)
	if err != nil {
		return nil, err
	}
	args := s.pluginArgs()
	cmd := s.Command(ctx, args[0], args[1:]...)
	cmd.Env = append(cmd.Env, sessionVariable+"="+string(answer))
	return startLine(cmd, greeted)
}

func (s *stand) lineByRelay(ctx context.Context, to far) (*line, error) {
	args := s.relayArgs(to.target)
	return startLine(s.Command(ctx, args[0], args[1:]...), greeted)
}

func (s *stand) relayArgs(target string) []string {
	return []string{s.farend(), "relay", s.far.Relay + target, s.far.RelayCA}
}

// The start of the far end's greeting, and its length.
const (
	greeting       = "SSH-2.0-bytes\r\n"
	greetingLength = len(greeting) + 16
)

// lineLimit bounds the wait for the far end's first word.
const lineLimit = 20 * time.Second

// greeted reports whether the server of bytes has said what it says at first.
// AWS's plugin says something before it.
func greeted(heard []byte) bool {
	at := bytes.Index(heard, []byte(greeting))
	return at >= 0 && len(heard) == at+greetingLength
}

// startLine starts a client and waits for the far end's greeting, after which
// nothing is left to read.
func startLine(cmd *exec.Cmd, greeted func(heard []byte) bool) (*line, error) {
	said := &stage.Buffer{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	l := &line{in: in, out: out, said: said, pids: []int{cmd.Process.Pid}, end: func() error {
		_ = in.Close()
		late := time.AfterFunc(lineLimit, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // how it ends is not what is measured
		return nil
	}}
	late := time.AfterFunc(lineLimit, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var heard []byte
	for buf := make([]byte, 256); ; {
		if greeted(heard) {
			return l, nil
		}
		n, err := out.Read(buf)
		heard = append(heard, buf[:n]...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("no greeting came: %w: %q, %s", err, heard, said), l.end())
		}
	}
}

// command tells the server of bytes what to do.
func command(what rune, count int) []byte { return fmt.Appendf(nil, "%c %014d", what, count) }

// upload sends that many bytes of data, over and over, and waits until the far
// end has them.
func (l *line) upload(data []byte, count int) error {
	if _, err := l.in.Write(command('u', count)); err != nil {
		return err
	}
	for left := count; left > 0; {
		n, err := l.in.Write(data[:min(left, len(data))])
		left -= n
		if err != nil {
			return err
		}
	}
	_, err := io.ReadFull(l.out, make([]byte, 1))
	return err
}

// download has the far end send that many bytes.
func (l *line) download(count int) error {
	if _, err := l.in.Write(command('d', count)); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(l.out, int64(count)), make([]byte, 64<<10))
	if err == nil && n < int64(count) {
		return fmt.Errorf("%d of %d bytes came", n, count)
	}
	return err
}

// cpu is the processor time that processes have used so far.
func cpu(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			return 0, errors.Join(fmt.Errorf("process %d is gone", pid), err)
		}
		for _, task := range tasks {
			data, err := os.ReadFile(task)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // the thread has ended
			}
			if err != nil {
				return 0, err
			}
			first, _, _ := strings.Cut(string(data), " ")
			ns, err := strconv.ParseInt(first, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ns)
		}
	}
	return sum, nil
}

// resident is what processes hold, in MiB, each by itself.
func resident(pids []int, kind memoryKind) ([]float64, error) {
	var all []float64
	for _, pid := range pids {
		kib, err := procValue(pid, kind.file, kind.key)
		if err != nil {
			return nil, err
		}
		all = append(all, kib/1024)
	}
	return all, nil
}
