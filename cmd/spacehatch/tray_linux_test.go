package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// trayProgram is a program in surroundings of its own, without a desktop.
func trayProgram(t *testing.T) (*program, *parts) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sht") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, filepath.Join(dir, name))
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(dir, "none"))
	p := &program{
		lookup: os.LookupEnv, log: slog.New(slog.DiscardHandler),
		sshFolder:  func() (string, error) { return filepath.Join(dir, "ssh"), nil },
		readPolicy: func() (settings.Policy, error) { return settings.Policy{}, nil },
	}
	q, err := p.parts()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(q.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	return p, q
}

func TestThereIsOneTray(t *testing.T) {
	p, q := trayProgram(t)
	lock := flock.New(filepath.Join(q.runtime, trayLock))
	if got, err := lock.TryLock(); err != nil || !got {
		t.Fatal(got, err)
	}
	var said strings.Builder
	p.out = &said
	if err := p.tray(t.Context()); err != nil || !strings.Contains(said.String(), "already") {
		t.Errorf("a second tray: %v, said %q", err, said.String())
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	found := problem.From(p.tray(t.Context()))
	if found == nil || found.Code != problem.NotSupported || found.Hint == "" {
		t.Errorf("a tray without a desktop: %v", found)
	}
	if _, err := os.Stat(filepath.Join(q.runtime, traySocket)); err == nil {
		t.Error("the socket is left behind")
	}
}

func TestQuitTheTray(t *testing.T) {
	p, q := trayProgram(t)
	c := p.trayCommand()
	c.SetArgs([]string{"--quit"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Errorf("without a tray: %v", err)
	}
	lock := flock.New(filepath.Join(q.runtime, trayLock))
	if got, err := lock.TryLock(); err != nil || !got {
		t.Fatal(got, err)
	}
	l, err := ipc.Listen(filepath.Join(q.runtime, traySocket))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { serveTray(ctx, l, cancel); close(served) }()
	// Who says nothing, or nothing of sense, ends nothing.
	mute, err := ipc.Dial(ctx, filepath.Join(q.runtime, traySocket))
	if err != nil {
		t.Fatal(err)
	}
	if err := ipc.Send(mute, "dance"); err != nil {
		t.Fatal(err)
	}
	_, _ = mute.Read(make([]byte, 1))
	if ctx.Err() != nil {
		t.Error("a stranger word ends the tray")
	}
	quit := make(chan error)
	go func() { quit <- p.quitTray(t.Context()) }()
	<-ctx.Done()
	select {
	case err := <-quit:
		t.Errorf("it does not wait for the tray's end: %v", err)
	default:
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-served
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
	if err := <-quit; err != nil {
		t.Error(err)
	}
}

func TestStartTheTray(t *testing.T) {
	desktop := map[string]string{"DISPLAY": ":0", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}
	for name, c := range map[string]struct {
		env     map[string]string
		no      bool // tray = false
		running bool
		want    bool
	}{
		"desktop":         {env: desktop, want: true},
		"Wayland":         {env: map[string]string{"WAYLAND_DISPLAY": "wayland-0", "DBUS_SESSION_BUS_ADDRESS": "x"}, want: true},
		"settings say no": {env: desktop, no: true},
		"runs already":    {env: desktop, running: true},
		"no display":      {env: map[string]string{"DBUS_SESSION_BUS_ADDRESS": "x"}},
		"empty display":   {env: map[string]string{"DISPLAY": "", "DBUS_SESSION_BUS_ADDRESS": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, q := trayProgram(t)
			p.lookup = func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
			q.settings.Tray = !c.no
			said := filepath.Join(t.TempDir(), "said")
			if err := syscall.Mkfifo(said, 0o600); err != nil {
				t.Fatal(err)
			}
			q.executable = filepath.Join(t.TempDir(), "spacehatch")
			script := "#!/bin/sh\necho \"$*\" > '" + said + "'\n"
			if c.want {
				if err := os.WriteFile(q.executable, []byte(script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var log strings.Builder
			p.log = slog.New(slog.NewTextHandler(&log, nil))
			if c.running {
				l, err := ipc.Listen(filepath.Join(q.runtime, traySocket))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
			p.startTray(t.Context(), q)
			if !c.want { // an attempt would fail, and say so
				if log.Len() > 0 {
					t.Errorf("started: %s", log.String())
				}
				return
			}
			if got, err := os.ReadFile(said); err != nil || string(got) != "tray\n" {
				t.Errorf("started: %q, %v", got, err)
			}
		})
	}
}

func TestWhatTheTrayIsTold(t *testing.T) {
	p, q := trayProgram(t)
	space := session.Space{
		Kind: session.SageMaker, ARN: "arn:aws:sagemaker:us-east-1:123456789012:space/d-abc/Research",
		Partition: "aws", Region: "us-east-1", Account: "123456789012", Domain: "d-abc", Name: "Research",
	}
	space, err := q.store.Remember(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	pins := filepath.Join(q.ssh, "spacehatch")
	if err := os.MkdirAll(pins, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	shots, ended := make(chan tray.Snapshot), make(chan error)
	go func() {
		ended <- traySource{q, true, true, p.log}.Follow(ctx, func(s tray.Snapshot) {
			select {
			case shots <- s:
			case <-ctx.Done():
			}
		})
	}()
	first := <-shots
	if fmt.Sprint(first.Spaces) != "[{research.hatch Research d-abc us-east-1}]" || len(first.Tunnels) != 0 || !first.Windows {
		t.Errorf("first: %+v", first)
	}
	until := func(what string, want func(tray.Snapshot) bool) {
		t.Helper()
		for shot := range shots {
			if want(shot) {
				return
			}
		}
		t.Error(what)
	}
	key := "AAAAC3NzaC1lZDI1NTE5AAAAIJd8s7Cqk8p0zN1qX4yM1d3m4m0W0Qm0v8r3yq0Zc3f1"
	if err := os.WriteFile(filepath.Join(pins, "known_hosts"), []byte(space.Alias+" ssh-ed25519 "+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until("the key", func(s tray.Snapshot) bool { return len(s.Keys[space.Alias]) == 1 })
	e := registry.NewEntry(space.Alias, space.ARN, "", true)
	if err := e.Announce(q.runtime); err != nil {
		t.Fatal(err)
	}
	until("the tunnel", func(s tray.Snapshot) bool { return len(s.Tunnels) == 1 && s.Tunnels[0].Phase == tray.Connecting })
	other := space
	other.ARN, other.Name = "arn:aws:sagemaker:us-east-1:123456789012:space/d-abc/gpu", "gpu"
	if _, err := q.store.Remember(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	until("the new space, used last, and the tunnel still", func(s tray.Snapshot) bool {
		return len(s.Spaces) == 2 && s.Spaces[0].Name == "gpu" && len(s.Tunnels) == 1
	})
	if figures, err := (traySource{q, true, true, p.log}).Figures(ctx); err != nil || len(figures) != 1 {
		t.Errorf("figures: %+v, %v", figures, err)
	}
	e.End(problem.New(problem.TunnelRefused, "It broke.", "Again.", nil))
	until("the end", func(s tray.Snapshot) bool {
		return len(s.Tunnels) == 1 && s.Tunnels[0].Ended && s.Tunnels[0].Failure == "It broke."
	})
	if err := q.store.Forget(t.Context(), "gpu"); err != nil {
		t.Fatal(err)
	}
	until("an end told once", func(s tray.Snapshot) bool { return len(s.Spaces) == 1 && len(s.Tunnels) == 0 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestCancelledIsNotLost(t *testing.T) {
	ended := registry.Ended("a.hatch", problem.New(problem.Cancelled, "Nobody came.", "", nil))
	if got := trayTunnels([]registry.Status{ended, {State: "unresponsive"}}); len(got) != 1 || !got[0].Ended || got[0].Failure != "" {
		t.Errorf("%+v", got)
	}
}

func TestStudioAddress(t *testing.T) {
	_, q := trayProgram(t)
	const console = "https://console.aws.amazon.com/sagemaker/home"
	if got, err := q.studioAddress(); err != nil || got != console {
		t.Errorf("without a space: %s, %v", got, err)
	}
	for _, step := range []struct{ kind, partition, domain, want string }{
		{"smus", "aws", "d-1", console},
		{"sagemaker", "aws", "d-1/evil?x=", console},
		{"sagemaker", "aws-cn", "d-2", console},
		{"sagemaker", "aws", "d-3", "https://studio-d-3.studio.eu-west-1.sagemaker.aws/"},
		{"sagemaker", "aws", "d-4", "https://studio-d-4.studio.eu-west-1.sagemaker.aws/"},
	} {
		_, err := q.store.Remember(t.Context(), session.Space{
			Kind: session.Kind(step.kind), ARN: "arn:" + step.domain + step.kind, Partition: step.partition,
			Region: "eu-west-1", Domain: step.domain, Name: "x",
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.studioAddress(); err != nil || got != step.want {
			t.Errorf("%+v: got %s, %v", step, got, err)
		}
	}
}
