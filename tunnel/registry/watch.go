package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// firstTries are the waits between attempts to reach a socket whose file has
// just appeared: a process makes the file a moment before it listens.
var firstTries = [...]time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond}

// Watch calls f with every announced tunnel, sorted as by [List], first at
// once and then whenever one comes, changes its state or ends, until ctx is
// done; it returns nil then. A tunnel that ended is in exactly one call, with
// state [Closed]; one whose process died has a problem there. The figures are
// those of the last change: [List] asks for new ones.
//
// The folder dir need not exist. The system tells what happens in it: while
// nothing does, Watch uses no processor time. f is called by one goroutine at
// a time and Watch waits for it.
func Watch(ctx context.Context, dir string, f func([]Status)) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the runtime folder: %w", err)
	}
	defer func() { _ = events.Close() }()
	w := watch{
		dir: dir, events: events, tell: f,
		news: make(chan news), known: map[string]*known{},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer w.wait.Wait()
	defer cancel()
	return w.run(ctx)
}

// watch is what Watch keeps.
type watch struct {
	dir     string
	events  *fsnotify.Watcher
	watched string // dir, or the nearest folder above it that exists
	tell    func([]Status)
	news    chan news
	wait    sync.WaitGroup
	known   map[string]*known // by socket
}

// known is a socket that was seen.
type known struct {
	status *Status // nil until the tunnel answered
	told   bool    // its end was told
	gone   bool    // nobody follows it any more
}

// news is what one tunnel said last. Without a status it will say no more.
type news struct {
	socket string
	status *Status
}

func (w *watch) run(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	// Whatever is there already answers before the first call, if it answers
	// as soon as List expects.
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	for patient := true; patient && w.silent(); {
		select {
		case n := <-w.news:
			w.take(n)
		case <-patience.C:
			patient = false
		case <-ctx.Done():
			return nil
		}
	}
	w.report()
	for {
		select {
		case n := <-w.news:
			if w.take(n) {
				w.report()
			}
		case _, open := <-w.events.Events:
			if !open {
				return errors.New("watch the runtime folder: the watcher has ended")
			}
			if err := w.look(ctx); err != nil {
				return err
			}
		case err := <-w.events.Errors:
			// An overflow loses events; a look finds what they told.
			if err := errors.Join(w.look(ctx), ignoreOverflow(err)); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func ignoreOverflow(err error) error {
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		return nil
	}
	return err
}

// look watches the right folder and follows the sockets that are new in it.
func (w *watch) look(ctx context.Context) error {
	for {
		at, err := nearest(w.dir)
		if err != nil {
			return err
		}
		if at != w.watched || !slices.Contains(w.events.WatchList(), at) {
			if w.watched != "" {
				_ = w.events.Remove(w.watched) // it may be what has just gone
			}
			w.watched = ""
			if err := w.events.Add(at); errors.Is(err, fs.ErrNotExist) {
				continue // gone meanwhile
			} else if err != nil {
				return fmt.Errorf("watch %s: %w", at, err)
			}
			w.watched = at
			continue // what came before the watch
		}
		break
	}
	if w.watched != w.dir {
		return nil
	}
	found, err := sockets(w.dir, "t-")
	if err != nil {
		return err
	}
	for socket, k := range w.known {
		if k.gone && !slices.Contains(found, socket) {
			delete(w.known, socket)
		}
	}
	for _, socket := range found {
		if w.known[socket] == nil {
			w.known[socket] = &known{}
			w.wait.Go(func() { w.follow(ctx, socket) })
		}
	}
	return nil
}

// nearest returns dir, or the nearest folder above it that exists.
func nearest(dir string) (string, error) {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() {
			return dir, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("watch the runtime folder: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("watch the runtime folder: %w", fs.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
}

// follow tells what the tunnel behind socket says, until it ends.
func (w *watch) follow(ctx context.Context, socket string) {
	say := func(status *Status) bool {
		select {
		case w.news <- news{socket, status}:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var last *Status
	err := follow(ctx, socket, func(s Status) bool {
		last = &s
		return say(&s)
	})
	if err != nil && last != nil && ctx.Err() == nil {
		died := *last
		died.State = Closed
		died.Problem = failureOf(problem.New(problem.TunnelRefused,
			"The tunnel process ended without a word.", "Connect again.", err))
		say(&died)
		_, _ = ask(ctx, socket) // this sweeps what it left behind
	}
	say(nil)
}

// follow calls f with the status of the tunnel behind socket, as listen does;
// it may not listen on it yet. Where it stays dead it is swept.
func follow(ctx context.Context, socket string, f func(Status) bool) error {
	for _, pause := range firstTries {
		conn, err := ipc.Dial(ctx, socket)
		if err == nil {
			defer func() { _ = conn.Close() }()
			if err := ipc.Send(conn, request{Op: opFollow}); err != nil {
				return err
			}
			return listen(ctx, conn, f)
		}
		if !errors.Is(err, ipc.ErrDead) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	_, err := ask(ctx, socket) // dead by now: this sweeps it
	return err
}

// take keeps news and reports whether there is something to tell.
func (w *watch) take(n news) bool {
	k := w.known[n.socket]
	if n.status == nil {
		k.gone = true
		if _, err := os.Lstat(n.socket); errors.Is(err, fs.ErrNotExist) {
			delete(w.known, n.socket)
		}
		return false
	}
	k.status = n.status
	return true
}

// silent reports whether a tunnel has not answered yet.
func (w *watch) silent() bool {
	for _, k := range w.known {
		if k.status == nil && !k.gone {
			return true
		}
	}
	return false
}

// report tells how everything is now; what has ended is told no second time.
func (w *watch) report() {
	all := []Status{}
	for _, k := range w.known {
		if k.status != nil && !k.told {
			all = append(all, *k.status)
			k.told = k.status.State == Closed
		}
	}
	slices.SortFunc(all, byAliasAndStart)
	w.tell(all)
}
