package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/notify"
	"github.com/spacehatch/spacehatch/app/tray"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) trayCommand() *cobra.Command {
	var quit bool
	c := &cobra.Command{
		Use:   "tray",
		Short: "Show the connections in the panel",
		Long: "Shows an icon in the panel of the desktop, with a menu of your connections. It\n" +
			"starts by itself with the first connection, unless the setting tray is false.\n" +
			"Connections do not need it: quit it whenever you like.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if quit {
				return p.quitTray(cmd.Context())
			}
			return p.tray(cmd.Context())
		},
	}
	c.Flags().BoolVar(&quit, "quit", false, "end the tray that is running")
	return c
}

// The names of the one tray of a session, in the runtime folder.
const (
	trayLock   = "tray.lock"
	traySocket = "tray.sock"
)

// trayRequest is what another process may ask of the tray.
type trayRequest struct {
	Quit bool `json:"quit"`
}

// tray shows the tray until it is quit. Where one runs already there is
// nothing to do, and a person is told.
func (p *program) tray(ctx context.Context) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	runtime, err := paths.MakeRuntime()
	if err != nil {
		return err
	}
	lock := flock.New(filepath.Join(runtime, trayLock), flock.SetPermissions(0o600))
	if got, err := lock.TryLock(); err != nil {
		return fmt.Errorf("lock the tray: %w", err)
	} else if !got {
		_, err := fmt.Fprintln(p.out, "The tray is in the panel already; `spacehatch tray --quit` ends it.")
		return err
	}
	defer func() { _ = lock.Close() }()
	listener, err := ipc.Listen(filepath.Join(runtime, traySocket))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer func() { _ = listener.Close() }()
	defer cancel()
	wait.Go(func() { serveTray(ctx, listener, cancel) })
	wait.Go(func() { p.lookForReleases(ctx, q) })
	wait.Go(func() {
		if _, err := q.obeyInterception(ctx); err != nil {
			p.log.Warn("what an administrator wants of links could not be done", "error", err)
		}
	})

	// This process does next to nothing for days: small is worth more than
	// fast.
	debug.SetGCPercent(20)
	// The library under the tray writes to the standard logger; this process
	// is the tray and nothing else.
	slog.SetDefault(p.log)
	sender := notify.New("Spacehatch")
	defer sender.Close()
	t := tray.Tray{
		Source: traySource{q, p.windows != nil && p.windows(true) != "", p.settingsCommand().Flags().Lookup("window") != nil, p.log},
		Actor: tray.Programs{
			Spacehatch: q.executable, Detached: detached, Scratch: runtime,
			Studio: q.studioAddress, Releases: releasePage, Lookup: p.lookup,
		},
		Notifier: notices{sender},
		Log:      p.log,
		Rest:     letGo,
	}
	defer cancel() // before the sender is closed: a button may wait for the tray
	err = t.Run(ctx)
	if errors.Is(err, tray.ErrUnsupported) {
		return problem.New(problem.NotSupported, "There is no desktop here whose panel could show a tray.",
			"`spacehatch status` shows the connections in the terminal.", err)
	}
	return err
}

// serveTray answers other processes until the listener is closed.
func serveTray(ctx context.Context, l *ipc.Listener, quit func()) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		wait.Go(func() {
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			var r trayRequest
			if err := ipc.Receive(conn, &r); err == nil && r.Quit {
				quit()
				<-ctx.Done() // the end of the process is the answer
			}
		})
	}
}

// quitLimit is how long a tray may take to end.
const quitLimit = 10 * time.Second

// quitTray ends the tray where one runs and waits for its end.
func (p *program) quitTray(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quitLimit)
	defer cancel()
	q, err := p.places()
	if err != nil {
		return err
	}
	conn, err := ipc.Dial(ctx, filepath.Join(q.runtime, traySocket))
	if errors.Is(err, ipc.ErrDead) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := ipc.Send(conn, trayRequest{Quit: true}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = conn.Read(make([]byte, 1)) // it says nothing: this is its end
	lock := flock.New(filepath.Join(q.runtime, trayLock), flock.SetPermissions(0o600))
	defer func() { _ = lock.Close() }()
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("wait for the tray: %w", err)
	}
	return nil
}

// startTray starts the tray as a process of its own, unless one runs already,
// the settings say no, or there is no desktop to show it. A connection does
// not need it: what goes wrong is only logged.
func (p *program) startTray(ctx context.Context, q *parts) {
	if !tray.Supported || !q.settings.Tray || !hasDesktop(p.lookup) {
		return
	}
	if conn, err := ipc.Dial(ctx, filepath.Join(q.runtime, traySocket)); err == nil {
		_ = conn.Close()
		return
	}
	// Not exec.CommandContext: the tray outlives this process.
	cmd := exec.Command(q.executable, "tray")
	cmd.Dir = string(os.PathSeparator)
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		p.log.Warn("the tray was not started", "error", err)
		return
	}
	_ = cmd.Process.Release()
}

// notices shows what the tray has to tell. It implements tray.Notifier.
type notices struct{ sender *notify.Sender }

func (n notices) Notify(ctx context.Context, notice tray.Notice, chosen func(tray.Action)) error {
	m := notify.Message{
		Tag: notice.About, Title: notice.Title, Body: notice.Body, Urgent: notice.Urgent, For: notice.For,
	}
	for _, offer := range notice.Offers {
		m.Actions = append(m.Actions, notify.Action{Label: offer.Label, Chosen: func() { chosen(offer.Action) }})
	}
	return n.sender.Send(ctx, m)
}
