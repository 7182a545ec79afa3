package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/internal/printable"
)

const (
	socketTimeout = 2 * time.Second
	// settled is the age from which a socket that nobody answers was left
	// behind: one that is being made is not answered for a moment either.
	settled = 10 * time.Second
)

// Sockets looks for sockets that processes left behind: those of tunnels
// (*.sock) and of ssh masters (cm-*) in these folders.
func Sockets(folders []string, now func() time.Time) Check {
	return Check{ID: "sockets", Title: "Sockets", Look: func(ctx context.Context) ([]Finding, error) {
		dead, live, err := deadSockets(ctx, folders, now())
		switch {
		case err != nil:
			return nil, err
		case len(dead) > 0:
			return []Finding{{
				Severity: Warning, Sentence: number(len(dead), "socket") + " left behind by connections that ended.",
				Hint: "Remove it: " + strings.TrimSuffix(strings.TrimSuffix(some(dead), " is"), " are") + ".",
				Mend: func(ctx context.Context) (string, error) { return sweep(ctx, folders, now()) },
			}}, nil
		case live > 0:
			return fine("%s in use, none left behind.", number(live, "socket")), nil
		}
		return fine("None left behind."), nil
	}}
}

func sweep(ctx context.Context, folders []string, now time.Time) (string, error) {
	dead, _, err := deadSockets(ctx, folders, now) // once more: one may be in use by now
	if err != nil {
		return "", err
	}
	for _, path := range dead {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if len(dead) == 1 {
		return "It was removed.", nil
	}
	return "They were removed.", nil
}

func deadSockets(ctx context.Context, folders []string, now time.Time) (dead []string, live int, err error) {
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			ours := strings.HasSuffix(e.Name(), ".sock") || strings.HasPrefix(e.Name(), "cm-")
			if !ours || e.Type() != socketType {
				continue
			}
			path := filepath.Join(folder, e.Name())
			if isDead(ctx, path) {
				if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > settled {
					dead = append(dead, path)
				}
			} else {
				live++
			}
		}
	}
	return dead, live, ctx.Err()
}

func isDead(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, socketTimeout)
	defer cancel()
	conn, err := ipc.Dial(ctx, path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, ipc.ErrDead)
}

// lockPatience is how long a lock may be held while we wait: every holder
// writes a few small files.
const lockPatience = 2 * time.Second

// Lock looks whether a process sits on a lock file for good.
func Lock(path string) Check { return lockBy(path, lockPatience) }

func lockBy(path string, patience time.Duration) Check {
	return Check{ID: "lock", Title: "Lock", Look: func(ctx context.Context) ([]Finding, error) {
		if !present(path) {
			return fine("Nobody has locked the list of spaces."), nil
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
		got, err := lock.TryRLockContext(bounded, 20*time.Millisecond)
		switch {
		case got:
			return fine("Nobody has locked the list of spaces."), lock.Close()
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return one(Error, fmt.Sprintf("Another Spacehatch process has held %s for more than %s.", printable.Text(path, 300), patience),
				"End the Spacehatch process that hangs."), nil
		default:
			return nil, fmt.Errorf("try the lock %s: %w", path, err)
		}
	}}
}
