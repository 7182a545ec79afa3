package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// roundTrips are those that must pass before an SSH server's banner can come
// through a new data channel: TCP, TLS 1.3, the web socket, the token until the
// agent's request, and the answer until the banner.
const roundTrips = 5

// bannerStart is the start of every SSH server's first line.
const bannerStart = "SSH-2.0-"

// way is one way to a banner.
type way struct {
	client string
	// prepare makes what the client is to find, and returns how to be rid of
	// it; nil where it finds nothing.
	prepare func(context.Context) (undo func(), err error)
	command func(context.Context) (*exec.Cmd, error)
	samples []float64
}

// measureBanner measures from the start of a proxy process to the first byte
// of the SSH server's banner on its standard output. The clients take turns, so
// that a busy moment of the machine meets all of them.
func (s *stand) measureBanner(ctx context.Context, r *results, count int) error {
	// With a master that runs, the session of another link is kept for the
	// next proxy, and no waiting tunnel gets in its way.
	if _, err := s.open(ctx); err != nil {
		return err
	}
	ways := []way{
		{"spacehatch proxy, takes a waiting tunnel", s.warmTunnel, s.proxy, nil},
		{"spacehatch proxy, own tunnel, session given", s.keepSession, s.proxy, nil},
		{"spacehatch proxy, own tunnel, StartSession too", nil, s.proxy, nil},
		{"session-manager-plugin, session given", nil, s.pluginAlone, nil},
	}
	for range count {
		for i := range ways {
			w := &ways[i]
			took, err := s.bannerOnce(ctx, w)
			if err != nil {
				return fmt.Errorf("%s: %w", w.client, err)
			}
			w.samples = append(w.samples, milliseconds(took))
		}
	}
	var rows []row
	for _, w := range ways {
		r.add(what{name: "first byte of the banner", client: w.client, rtt: s.rtt, metric: "from the process's start", unit: "ms"}, w.samples)
		rows = append(rows, r.last())
	}
	if s.rtt > 0 {
		trips := milliseconds(roundTrips * s.rtt)
		ideal := row{Median: trips, P90: trips, N: count}
		for i := range rows {
			if i == 0 {
				continue // its round trips have passed before
			}
			w := what{name: rows[i].Name, client: rows[i].Client, rtt: s.rtt, metric: fmt.Sprintf("against %d round trips", roundTrips)}
			if i == 1 {
				w.most = 1.3
			}
			r.addRatio(w, rows[i], ideal)
		}
	}
	plugin := rows[len(rows)-1]
	for _, each := range rows[:len(rows)-1] {
		r.addRatio(what{name: each.Name, client: each.Client, rtt: s.rtt, metric: "against the plugin"}, each, plugin)
	}
	if s.rtt > 0 {
		// What the network saves, whatever the programs' own starts take.
		saved := (plugin.Median - rows[1].Median) / milliseconds(s.rtt)
		r.put(what{name: rows[1].Name, client: rows[1].Client, rtt: s.rtt, metric: "sooner than the plugin", unit: "round trips", least: 0.9},
			saved, (plugin.P90-rows[1].P90)/milliseconds(s.rtt), rows[1].N)
	}
	return s.disconnect(ctx)
}

func (s *stand) bannerOnce(ctx context.Context, w *way) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if w.prepare != nil {
		undo, err := w.prepare(ctx)
		if err != nil {
			return 0, err
		}
		defer undo()
	}
	cmd, err := w.command(ctx)
	if err != nil {
		return 0, err
	}
	return banner(cmd)
}

// banner runs a proxy until the banner comes, and lets it end in good order.
func banner(cmd *exec.Cmd) (time.Duration, error) {
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
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var heard []byte
	var took time.Duration
	for buf := make([]byte, 1024); err == nil && took == 0; {
		var n int
		n, err = out.Read(buf)
		now := time.Since(began)
		heard = append(heard, buf[:n]...)
		// The plugin says something before it.
		if bytes.Contains(heard, []byte(bannerStart)) {
			took = now
		}
	}
	if took == 0 {
		_ = in.Close()
		return 0, errors.Join(fmt.Errorf("no banner came: %w: %q, %s", err, heard, said), cmd.Wait())
	}
	// The server hangs up on whoever is no SSH client; so even a plugin's
	// session ends, which otherwise stays open.
	_, err = in.Write([]byte("bye\r\n"))
	for buf := make([]byte, 1024); err == nil; {
		_, err = out.Read(buf)
	}
	_ = in.Close()
	_ = cmd.Wait() // how it says that the server hung up is its own business
	return took, nil
}

func (s *stand) proxy(ctx context.Context) (*exec.Cmd, error) {
	return s.Command(ctx, s.spacehatch(), "proxy", alias), nil
}

func (s *stand) pluginAlone(ctx context.Context) (*exec.Cmd, error) {
	session, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	args := s.pluginArgs()
	cmd := s.Command(ctx, args[0], args[1:]...)
	cmd.Env = append(cmd.Env, sessionVariable+"="+session)
	return cmd, nil
}

// keepSession stores a session that no ssh has used yet.
func (s *stand) keepSession(ctx context.Context) (undo func(), err error) {
	link, err := s.link(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.output(s.Command(ctx, s.spacehatch(), "open", "--yes", "--editor", "none", link))
	return func() {}, err // the proxy has used it up
}

// warmTunnel starts a tunnel and waits until the banner has come to it.
func (s *stand) warmTunnel(ctx context.Context) (undo func(), err error) {
	cmd := s.Command(ctx, s.spacehatch(), "tunnel", alias)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	undo = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // where no proxy has ended it
		_ = cmd.Wait()
	}
	defer func() {
		if err != nil {
			undo()
		}
	}()
	return undo, s.awaitFirstByte(ctx, cmd.Process.Pid)
}
