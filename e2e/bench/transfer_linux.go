package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// bulkSize is what goes each way, in bytes: random ones, which no compression
// makes fewer.
const bulkSize = 3 << 20

// sshCommand makes an ssh that runs the remote command.
type sshCommand func(ctx context.Context, remote string) (*exec.Cmd, error)

// measureTransfer measures how fast bytes go through an ssh of their own, by
// our proxy and by AWS's plugin in turn, with the pace of AWS's agent.
func (s *stand) measureTransfer(ctx context.Context, r *results, count int) error {
	data := make([]byte, bulkSize)
	_, _ = rand.Read(data) // it never fails
	clients := []struct {
		name string
		ssh  sshCommand
	}{{"spacehatch", s.sshByProxy}, {"session-manager-plugin", s.sshByPlugin}}
	up, down := make([][]float64, len(clients)), make([][]float64, len(clients))
	held := map[string][]float64{}
	for range count {
		for i, client := range clients {
			for _, direction := range []struct {
				send, receive []byte
				remote        string
				samples       *[]float64
			}{
				{data, nil, fmt.Sprintf("echo go; head -c %d >/dev/null; echo done", bulkSize), &up[i]},
				{nil, data, fmt.Sprintf("echo go; head -n 1 >/dev/null; head -c %d /dev/urandom", bulkSize), &down[i]},
			} {
				var idle func() error
				if i == 0 {
					idle = func() error { return s.ownTunnelMemory(ctx, held) }
				}
				rate, err := transfer(ctx, client.ssh, direction.remote, direction.send, len(direction.receive), idle)
				if err != nil {
					return fmt.Errorf("%s: %w", client.name, err)
				}
				*direction.samples = append(*direction.samples, rate)
			}
		}
	}
	addMemory(r, "resident, idle in a connection", held)
	for _, direction := range []struct {
		name    string
		samples [][]float64
	}{{"upload through ssh", up}, {"download through ssh", down}} {
		var rows []row
		for i, client := range clients {
			r.add(what{name: direction.name, client: client.name, rtt: s.rtt, metric: "3 MiB, random", unit: "MiB/s", more: true}, direction.samples[i])
			rows = append(rows, r.last())
		}
		r.addRatio(what{name: direction.name, client: clients[0].name, rtt: s.rtt, metric: "against the plugin"}, rows[0], rows[1])
	}
	return nil
}

// transfer runs the remote command until it says go, and then measures how long
// sending data, or receiving that many bytes, takes; in MiB/s. idle is called
// before, and may be nil.
func transfer(ctx context.Context, ssh sshCommand, remote string, data []byte, receive int, idle func() error) (float64, error) {
	var fails []error
	// AWS's plugin loses the first bytes of one connection in some forty,
	// which asks for a new try.
	for range 3 {
		cmd, err := ssh(ctx, remote)
		if err != nil {
			return 0, err
		}
		took, err := transferOnce(cmd, data, receive, idle)
		if err == nil {
			return bulkSize / took.Seconds() / (1 << 20), nil
		}
		fails = append(fails, err)
	}
	return 0, errors.Join(fails...)
}

func transferOnce(cmd *exec.Cmd, data []byte, receive int, idle func() error) (took time.Duration, err error) {
	said := &stage.Buffer{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = in.Close()
		if waitErr := cmd.Wait(); err == nil && waitErr != nil || err != nil {
			err = errors.Join(err, waitErr, errors.New(said.String()))
		}
	}()
	if _, err := io.ReadFull(out, make([]byte, len("go\n"))); err != nil {
		return 0, err
	}
	if idle != nil {
		if err := idle(); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	if data == nil {
		if _, err := io.WriteString(in, "now\n"); err != nil {
			return 0, err
		}
	} else {
		if _, err := in.Write(data); err != nil {
			return 0, err
		}
		receive = len("done\n")
	}
	_, err = io.CopyN(io.Discard, out, int64(receive))
	return time.Since(began), err
}

// sshByProxy is an ssh with a tunnel of its own, and a session by the
// credentials on this machine.
func (s *stand) sshByProxy(ctx context.Context, remote string) (*exec.Cmd, error) {
	return s.Command(ctx, "ssh", "-T", "-o", "ControlPath=none", "-o", "Compression=no", alias, remote), nil
}

func (s *stand) sshByPlugin(ctx context.Context, remote string) (*exec.Cmd, error) {
	session, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, arg := range s.pluginArgs() {
		words = append(words, "'"+arg+"'")
	}
	cmd := s.Command(ctx, "ssh", "-F", "/dev/null", "-T", "-o", "ProxyCommand="+strings.Join(words, " "),
		"-o", "Compression=no", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile="+filepath.Join(s.Work, "tmp", "known_hosts"), "sagemaker-user@space", remote)
	cmd.Env = append(cmd.Env, sessionVariable+"="+session)
	return cmd, nil
}

// ownTunnelMemory adds what a proxy holds that has a tunnel of its own.
func (s *stand) ownTunnelMemory(ctx context.Context, held map[string][]float64) error {
	found, err := s.memory(ctx, map[string]string{"spacehatch proxy, own tunnel, by credentials": " proxy "})
	for key, mib := range found {
		held[key] = append(held[key], mib)
	}
	return err
}

// addMemory adds a row for each program and kind of memory.
func addMemory(r *results, name string, samples map[string][]float64) {
	for _, key := range slices.Sorted(maps.Keys(samples)) {
		client, kind, _ := strings.Cut(key, "|")
		w := what{name: name, client: client, metric: kind, unit: "MiB"}
		if kind == "VmRSS" {
			w.most = 20
		}
		r.add(w, samples[key])
	}
}
