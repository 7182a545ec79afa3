// Package turn lets the processes of a user take turns where two at once would
// lose something of each other's.
//
// It must not know what is done in a turn.
package turn

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// retry is how often a lock is tried: file locks have no queue.
const retry = 20 * time.Millisecond

// Take waits until nobody else has the turn that the path stands for, in this
// process or another one, and returns what ends it. The path names a file that
// is there for the length of a turn, in a folder of our own that exists; on
// Windows it stays. A process that ends gives its turn back, however it ends.
// The error is the context's, or says what is wrong with the file.
func Take(ctx context.Context, path string) (over func(), err error) {
	for {
		lock := flock.New(path, flock.SetPermissions(0o600))
		if _, err := lock.TryLockContext(ctx, retry); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		// Whoever had the turn before has taken the file along, perhaps this one:
		// then others lock the one that came after it.
		mine, err := lock.Stat()
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(mine, there) {
			return func() {
				_ = os.Remove(path) // before others get the lock
				_ = lock.Close()
			}, nil
		}
		_ = lock.Close() // another file is tried next
	}
}
