package main

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/tunnel/activity"
)

// sayActive is run by a shell on the space. A space that is to stop when nobody
// works there reads this file: one time in UTC, with a fraction of the second.
// It is made anew beside and moved, so that no reader finds half of it and no
// link that somebody has put there is followed.
const sayActive = `f=/tmp/.sagemaker-last-active-timestamp; date -u +%Y-%m-%dT%H:%M:%S.000Z >"$f.$$" && mv -f "$f.$$" "$f"`

// guard sees what an ssh sends, and tells the space when somebody works: at
// most once in a while, and nothing while nobody does. It needs no timer.
type guard struct {
	meter activity.Meter
	// tell says to the space that somebody works there; nil does not.
	tell  func(context.Context) error
	every time.Duration
	log   func(msg string, args ...any)

	next  time.Time // nothing is told before; belongs to the reader
	mu    sync.Mutex
	under bool // something is being told
}

// newGuard returns the guard of this tunnel.
func (c *carrier) newGuard() *guard {
	g := &guard{every: c.guardEvery, log: c.log.With("alias", c.space.Alias).Debug}
	kinds := []session.Kind{session.SageMaker, session.UnifiedStudio, session.HyperPod}
	if slices.Contains(kinds, c.space.Kind) && c.settings.KeepAwake {
		masters := c.masters()
		// The alias may be another one by then: see release.
		g.tell = func(ctx context.Context) error { return masters.Run(ctx, c.entry.Status().Alias, sayActive) }
	}
	return g
}

// watch returns ssh with the guard in front of it, and what ends what the guard
// has begun. Without a guard it is ssh itself.
func (g *guard) watch(ctx context.Context, ssh io.Reader) (guarded io.Reader, end func()) {
	if g == nil {
		return ssh, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var told sync.WaitGroup
	g.next = time.Now().Add(g.every)
	read := func(p []byte) (int, error) {
		n, err := ssh.Read(p)
		if n > 0 {
			if now := time.Now(); g.meter.Saw(now, n) && g.tell != nil && g.due(now) {
				told.Go(func() { g.say(ctx) })
			}
		}
		return n, err
	}
	return readerFunc(read), func() {
		cancel()
		told.Wait()
	}
}

// due reports whether it is time to tell, and if so makes the next time later.
func (g *guard) due(now time.Time) bool {
	if now.Before(g.next) {
		return false
	}
	g.next = now.Add(g.every)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.under {
		return false
	}
	g.under = true
	return true
}

// say tells the space. Without a master, or where the space takes no commands,
// nothing is told, and nothing is worse than it would be without us.
func (g *guard) say(ctx context.Context) {
	defer g.meter.Mute()()
	err := g.tell(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.under = false
	if err != nil && ctx.Err() == nil {
		g.log("the space was not told that somebody works there", "error", err)
		return
	}
	g.log("the space was told that somebody works there")
}

// readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
