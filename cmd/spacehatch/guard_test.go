package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel/activity"
)

// guarded is an ssh that sends what it is told to, behind a guard.
type guarded struct {
	t    *testing.T
	ssh  *io.PipeWriter
	read io.Reader
	end  func()
}

func (g *guarded) sends(n int) {
	g.t.Helper()
	go func() { _, _ = g.ssh.Write(make([]byte, n)) }()
	if _, err := io.ReadFull(g.read, make([]byte, n)); err != nil {
		g.t.Fatal(err)
	}
	synctest.Wait()
}

func watchedBy(t *testing.T, g *guard) *guarded {
	out, in := io.Pipe()
	read, end := g.watch(t.Context(), out)
	return &guarded{t, in, read, end}
}

func TestTheSpaceIsToldOfWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		g := &guard{every: time.Minute, log: slog.New(slog.DiscardHandler).Debug, tell: func(context.Context) error {
			told++
			return errors.New("not now") // and it is tried again all the same
		}}
		ssh := watchedBy(t, g)
		defer ssh.end()
		for _, step := range []struct {
			after time.Duration
			bytes int
			told  int
		}{
			{0, 5000, 0},               // the start itself is no work
			{59 * time.Second, 600, 0}, // still the first minute
			{time.Second, 600, 1},
			{time.Second, 5000, 1}, // once a minute
			{time.Hour, 80, 1},     // a sign of life
			{15 * time.Second, 80, 1},
			{15 * time.Second, 600, 2},
			{time.Minute, activity.Enough, 3},
		} {
			time.Sleep(step.after)
			ssh.sends(step.bytes)
			if told != step.told {
				t.Fatalf("after %v and %d bytes: told %d times, want %d", step.after, step.bytes, told, step.told)
			}
		}
	})
}

func TestTellingIsNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{every: time.Minute, log: slog.New(slog.DiscardHandler).Debug}
		var ssh *guarded
		var before time.Time
		g.tell = func(context.Context) error {
			before = g.meter.Last()
			time.Sleep(time.Second)
			ssh.sends(5000)
			return nil
		}
		ssh = watchedBy(t, g)
		defer ssh.end()
		time.Sleep(time.Minute)
		ssh.sends(600)
		time.Sleep(2 * time.Second)
		if got := g.meter.Last(); before.IsZero() || !got.Equal(before) {
			t.Errorf("somebody last worked at %v, and at %v before the space was told", got, before)
		}
	})
}

func TestTheEndOfSSHEndsTheTelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := false
		g := &guard{every: time.Minute, log: slog.New(slog.DiscardHandler).Debug, tell: func(ctx context.Context) error {
			begun = true
			<-ctx.Done()
			return ctx.Err()
		}}
		ssh := watchedBy(t, g)
		time.Sleep(time.Minute)
		ssh.sends(600)
		ssh.end() // would wait for ever
		if !begun {
			t.Error("nothing was told")
		}
	})
}

func TestWhoIsToldOfWork(t *testing.T) {
	for _, c := range []struct {
		kind  session.Kind
		awake bool
		want  bool
	}{
		{session.SageMaker, true, true},
		{session.SageMaker, false, false},
		{session.UnifiedStudio, true, true},
		{session.HyperPod, true, true},
		{"", true, false}, // a machine that is no space
	} {
		carrier := &carrier{
			program: &program{log: slog.New(slog.DiscardHandler)},
			parts:   &parts{places: &places{}, settings: settings.Resolved{Settings: settings.Settings{KeepAwake: c.awake}}},
			space:   session.Space{Kind: c.kind},
		}
		if got := carrier.newGuard().tell != nil; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
