package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// transferred is what goes through an ssh and by whom.
type transferred struct {
	name  string
	up    bool
	rtts  []time.Duration
	sizes map[string]float64 // MiB, what takes a second or two
}

// transfers are measured with the pace of AWS's agent, which only bounds
// downloads.
func transfers() []transferred {
	down := map[string]float64{ownTunnel: 1.5, bothAsUsed: 1.5, awsPlugin: 1.5}
	return []transferred{
		{"upload through ssh", true, []time.Duration{0}, map[string]float64{
			directSSH: 128, bareRelay: 96, ownTunnel: 48, bothAsUsed: 48, sshLarge: 64, sshAdaptive: 64, awsPlugin: 1.5}},
		{"upload through ssh", true, []time.Duration{50 * time.Millisecond}, map[string]float64{
			directSSH: 64, bareRelay: 64, ownTunnel: 20, bothAsUsed: 20, sshLarge: 64, sshAdaptive: 48, awsPlugin: 1.5}},
		{"download through ssh", false, bothNetworks, down},
	}
}

// measureTransfer measures how fast random bytes, which no compression makes
// fewer, go through an ssh of their own, by each client in turn.
func (s *stand) measureTransfer(ctx context.Context, r *results, count int) error {
	if _, err := s.open(ctx); err != nil { // the master lets sessions be kept
		return err
	}
	data := make([]byte, mib)
	_, _ = rand.Read(data) // it never fails
	for _, t := range transfers() {
		if !slices.Contains(t.rtts, s.rtt) {
			continue
		}
		samples := map[string][]float64{}
		for range count {
			for _, c := range s.sshClients() {
				size, ok := t.sizes[c.name]
				if !ok {
					continue
				}
				rate, err := s.transfer(ctx, c, t.up, data, int(size*mib))
				if err != nil {
					return fmt.Errorf("%s, %s: %w", t.name, c.name, err)
				}
				samples[c.name] = append(samples[c.name], rate)
			}
		}
		s.addTransfer(r, t, samples)
	}
	return s.disconnect(ctx)
}

func (s *stand) addTransfer(r *results, t transferred, samples map[string][]float64) {
	rows := map[string]row{}
	for _, c := range s.sshClients() {
		if len(samples[c.name]) == 0 {
			continue
		}
		r.add(what{name: t.name, client: c.name, rtt: s.rtt, metric: "random bytes", unit: "MiB/s", more: true}, samples[c.name])
		rows[c.name] = r.last()
	}
	for _, name := range []string{ownTunnel, bothAsUsed} {
		w := what{name: t.name, client: name, rtt: s.rtt, metric: "against the plugin", least: 1}
		switch {
		case t.up && s.rtt == 0:
			w.least = 35
		case t.up:
			w.least = 5.5
		}
		r.addRatio(w, rows[name], rows[awsPlugin])
	}
	if t.up && s.rtt > 0 {
		for _, name := range []string{sshLarge, sshAdaptive} {
			w := what{name: t.name, client: name, rtt: s.rtt, metric: "against direct ssh"}
			if name == sshLarge {
				w.least = 0.9
			}
			r.addRatio(w, rows[name], rows[directSSH])
		}
	}
}

// transfer measures one transfer of that many bytes, in MiB/s.
func (s *stand) transfer(ctx context.Context, c sshClient, up bool, data []byte, count int) (float64, error) {
	var fails []error
	// AWS's plugin loses the first bytes of one connection in some forty,
	// which asks for a new try.
	for range 3 {
		took, err := s.transferOnce(ctx, c, up, data, count)
		if err == nil {
			return float64(count) / took.Seconds() / mib, nil
		}
		fails = append(fails, err)
	}
	return 0, errors.Join(fails...)
}

func (s *stand) transferOnce(ctx context.Context, c sshClient, up bool, data []byte, count int) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	undo, err := c.prepare(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	if up {
		cmd, err := s.ssh(ctx, c, "echo go; cat >/dev/null; echo done")
		if err != nil {
			return 0, err
		}
		return inSSH(cmd, func(in io.WriteCloser, out io.Reader) error {
			for left := count; left > 0; {
				n, err := in.Write(data[:min(left, len(data))])
				left -= n
				if err != nil {
					return err
				}
			}
			if err := in.Close(); err != nil {
				return err
			}
			_, err := io.ReadFull(out, make([]byte, len("done\n")))
			return err
		})
	}
	cmd, err := s.ssh(ctx, c, fmt.Sprintf("echo go; head -n 1 >/dev/null; head -c %d /dev/urandom", count))
	if err != nil {
		return 0, err
	}
	return inSSH(cmd, func(in io.WriteCloser, out io.Reader) error {
		if _, err := io.WriteString(in, "now\n"); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, out, int64(count))
		return err
	})
}

// inSSH starts an ssh, waits until its remote command says go, and measures
// what do does with the command's ends.
func inSSH(cmd *exec.Cmd, do func(in io.WriteCloser, out io.Reader) error) (took time.Duration, err error) {
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
	began := time.Now()
	err = do(in, out)
	return time.Since(began), err
}

// addMemory adds a row for each program and kind of memory.
func addMemory(r *results, name string, samples map[string][]float64) {
	for _, key := range slices.Sorted(maps.Keys(samples)) {
		client, kind, _ := strings.Cut(key, "|")
		w := what{name: name, client: client, metric: kind, unit: "MiB"}
		if kind == vmRSS.name && client != awsPlugin {
			w.most = idleMemory
		}
		r.add(w, samples[key])
	}
}
