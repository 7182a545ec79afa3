package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The problems of the store.
const (
	// StoreDamaged: a file of the store is not what Spacehatch wrote.
	StoreDamaged problem.Code = "store-damaged"
	// StoreUnsafe: somebody else can read or change a file of the store.
	StoreUnsafe problem.Code = "store-unsafe"
	// StoreFailed: the store cannot be read, written or locked.
	StoreFailed problem.Code = "store-failed"
)

const (
	// lockTimeout bounds the wait for another process. Each holds the lock for
	// a few small files; ten seconds mean that one hangs.
	lockTimeout = 10 * time.Second
	// lockPoll is how often the lock is tried: file locks have no queue.
	lockPoll = 5 * time.Millisecond
)

// Store keeps what outlives one process: the known spaces under their aliases,
// the sessions that nobody has used yet, and the consents a person gave.
// Secrets are in the sessions' files only. Any number of processes and
// goroutines may use the same folders; a lock file keeps their writes apart.
type Store struct {
	state   string
	runtime string
	now     func() time.Time
}

// OpenStore returns the store with spaces and consents below stateDir and
// unused sessions below runtimeDir. It touches neither; both are created, for
// the owner alone, when something is written first.
func OpenStore(stateDir, runtimeDir string) *Store {
	return &Store{state: stateDir, runtime: runtimeDir, now: time.Now}
}

func (s *Store) lockPath() string { return filepath.Join(s.state, "store.lock") }

// change runs fn while no other process reads or writes the store.
func (s *Store) change(ctx context.Context, fn func() error) error {
	if err := makeFolder(s.state); err != nil {
		return err
	}
	return s.underLock(ctx, (*flock.Flock).TryLockContext, fn)
}

// view runs fn while no other process writes the store: Windows replaces no
// file that somebody has open. Where there is no lock file nobody has ever
// written, and none is created.
func (s *Store) view(ctx context.Context, fn func() error) error {
	if _, err := os.Lstat(s.lockPath()); errors.Is(err, fs.ErrNotExist) {
		return fn()
	}
	return s.underLock(ctx, (*flock.Flock).TryRLockContext, fn)
}

func (s *Store) underLock(ctx context.Context, lock func(*flock.Flock, context.Context, time.Duration) (bool, error), fn func() error) (err error) {
	bounded, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	file := flock.New(s.lockPath(), flock.SetPermissions(0o600))
	if _, err := lock(file, bounded, lockPoll); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the store: %w", context.Cause(ctx))
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return problem.New(StoreFailed,
				fmt.Sprintf("Another Spacehatch process has held %s for %s.", printable.Quoted(s.lockPath()), lockTimeout),
				"End the Spacehatch process that hangs, then try again.", err)
		}
		return storeFailed("lock", s.lockPath(), err)
	}
	defer func() {
		if unlock := file.Unlock(); unlock != nil && err == nil {
			err = storeFailed("unlock", s.lockPath(), unlock)
		}
	}()
	return fn()
}

func storeFailed(verb, path string, err error) *problem.Problem {
	return problem.New(StoreFailed,
		fmt.Sprintf("Spacehatch could not %s %s.", verb, printable.Quoted(path)),
		"Check that the folder exists, belongs to you, and that the disk is not full.", err)
}
