package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// A person's keys come with pauses. These are shorter, and no two the same, so
// that no timer of anybody's falls in with them.
const (
	leastPause = 4 * time.Millisecond
	mostPause  = 12 * time.Millisecond
)

// idleKeys is how many keys each client gets in a turn on a line where nothing
// else flows, and busyKeys beside an upload.
const (
	idleKeys  = 100
	busyKeys  = 40
	keysTurns = 5
)

// measureIdleKeys measures how long a byte takes to the far end and back, on
// lines that are all open at once and take turns key by key.
func (s *stand) measureIdleKeys(ctx context.Context, o options, r *results) (err error) {
	if _, err := s.open(ctx); err != nil {
		return err
	}
	names := []string{bareRelay, ownTunnel, bothAsUsed, awsPlugin}
	lines, err := s.openLines(ctx, names...)
	defer func() { err = errors.Join(err, endAll(lines), s.disconnect(ctx)) }()
	if err != nil {
		return err
	}
	waiting := slices.Clone(s.idle)
	for _, l := range lines {
		if _, err := l.in.Write(command('e', 1<<30)); err != nil {
			return err
		}
		waiting = append(waiting, l.pids...)
	}
	if !o.first {
		end, err := goFirst(waiting)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	medians, tails := make([][]float64, len(names)), make([][]float64, len(names))
	for range max(keysTurns, o.bulk) {
		turn := make([][]float64, len(names))
		for range idleKeys {
			for i, l := range lines {
				took, err := key(ctx, l.in, l.out)
				if err != nil {
					return fmt.Errorf("%s: %w", names[i], err)
				}
				turn[i] = append(turn[i], milliseconds(took))
			}
		}
		for i, samples := range turn {
			slices.Sort(samples)
			medians[i] = append(medians[i], rank(samples, 0.5))
			tails[i] = append(tails[i], rank(samples, 0.99))
		}
	}
	for i, name := range names {
		w := what{name: "a key there and back, idle", client: name, rtt: s.rtt, unit: "ms", metric: "median of a turn"}
		r.add(w, medians[i])
		w.metric = fmt.Sprintf("p99 of a turn of %d", idleKeys)
		r.add(w, tails[i])
	}
	for i, name := range names[1:] {
		w := what{name: "a key there and back, idle", client: name, rtt: s.rtt, unit: "ms", metric: "p99 above the bare relay's"}
		if name != awsPlugin {
			w.most = 1
		}
		var above []float64
		for turn := range tails[0] {
			above = append(above, tails[i+1][turn]-tails[0][turn])
		}
		r.add(w, above)
	}
	return nil
}

// key sends one byte and waits for its echo.
func key(ctx context.Context, in io.Writer, out io.Reader) (time.Duration, error) {
	if err := pause(ctx, leastPause+mathrand.N(mostPause-leastPause)); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := in.Write([]byte("x")); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(out, make([]byte, 1))
	return time.Since(began), err
}

// measureBusyKeys measures keys on an ssh connection that also carries an
// upload as fast as it goes. ssh itself keeps 128 KiB of the upload before them,
// whatever its ProxyCommand does.
func (s *stand) measureBusyKeys(ctx context.Context, r *results, count int) error {
	if _, err := s.open(ctx); err != nil {
		return err
	}
	clients, err := named(s.sshClients(), directSSH, bothAsUsed, sshLarge, awsPlugin)
	if err != nil {
		return err
	}
	medians, tails := map[string][]float64{}, map[string][]float64{}
	for range count {
		for _, c := range clients {
			samples, err := s.busyKeys(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			slices.Sort(samples)
			medians[c.name] = append(medians[c.name], rank(samples, 0.5))
			tails[c.name] = append(tails[c.name], rank(samples, 0.99))
		}
	}
	most := 60.0
	if s.rtt > 0 {
		most = 80
	}
	for _, c := range clients {
		w := what{name: "a key there and back, upload beside it", client: c.name, rtt: s.rtt, unit: "ms", metric: "median of a turn"}
		r.add(w, medians[c.name])
		w.metric = fmt.Sprintf("p99 of a turn of %d", busyKeys)
		if c.name == bothAsUsed {
			w.most = most
		}
		r.add(w, tails[c.name])
	}
	return s.disconnect(ctx)
}

// busyKeys opens a connection that two ssh share, types through one of them and
// uploads through the other.
func (s *stand) busyKeys(ctx context.Context, c sshClient) (samples []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*stepLimit)
	defer cancel()
	undo, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	socket := filepath.Join(s.Work, "tmp", "keys")
	master, err := s.ssh(ctx, c, "echo go; cat", "-M", "-S", socket)
	if err != nil {
		return nil, err
	}
	_, err = inSSH(master, func(in io.WriteCloser, out io.Reader) error {
		upload := s.Command(ctx, "ssh", "-F", "/dev/null", "-S", socket, "-T", "space", "cat >/dev/null")
		err := beside(upload, func() error {
			for range busyKeys {
				took, err := key(ctx, in, out)
				if err != nil {
					return err
				}
				samples = append(samples, milliseconds(took))
			}
			return nil
		})
		return errors.Join(err, in.Close())
	})
	return samples, err
}

// settled is how long an upload flows before anything is measured beside it.
const settled = time.Second

// beside does something while a command is fed random bytes, as many as it
// takes.
func beside(upload *exec.Cmd, do func() error) error {
	said := &stage.Buffer{}
	upload.Stderr = said
	in, err := upload.StdinPipe()
	if err != nil {
		return err
	}
	if err := upload.Start(); err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() {
		data := make([]byte, 64<<10)
		_, _ = rand.Read(data) // it never fails
		var err error
		for err == nil {
			_, err = in.Write(data)
		}
		fed <- err
	}()
	select {
	case err = <-fed:
		err = fmt.Errorf("the upload ended: %w", err)
	case <-time.After(settled):
		err = do()
	}
	_ = upload.Process.Kill()
	_ = upload.Wait() // it was killed
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}
