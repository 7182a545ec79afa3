package desktop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/internal/ipc"
)

// ErrOpen says that the window that was asked for is open already.
var ErrOpen = errors.New("the window is open already")

// frontTime is how long a window that is open may take to hear that it is
// asked for again.
const frontTime = 2 * time.Second

// front asks the process behind a window to bring it to the front; the same
// message back says that it will.
type front struct {
	Front bool `json:"front"`
}

// claimed is the right to show a window. It is a socket in the folder: who
// wants the same window finds it there.
type claimed struct {
	lock     *flock.Flock
	listener *ipc.Listener
	raised   chan struct{} // the window is asked for again
	released sync.Once
	serving  sync.WaitGroup
}

// claim makes this process the one that shows a window, or returns [ErrOpen]
// after it has told the one that does to bring it to the front.
func claim(ctx context.Context, o PanelOptions) (*claimed, error) {
	name := "window-" + o.Name
	if o.About != "" { // hashed: a socket's path has a length limit
		sum := sha256.Sum256([]byte(o.About))
		name += "-" + hex.EncodeToString(sum[:8])
	}
	socket := filepath.Join(o.Folder, name+".sock")
	// The lock is held only while it is decided who shows the window, so that
	// two that begin together do not both open one.
	c := &claimed{
		lock:   flock.New(filepath.Join(o.Folder, "windows.lock"), flock.SetPermissions(0o600)),
		raised: make(chan struct{}, 1),
	}
	if err := c.lock.Lock(); err != nil {
		return nil, fmt.Errorf("lock the windows: %w", err)
	}
	defer func() { _ = c.lock.Close() }()
	err := askForFront(ctx, socket)
	if err == nil {
		return nil, ErrOpen
	}
	if !errors.Is(err, ipc.ErrDead) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if c.listener, err = ipc.Listen(socket); err != nil {
		return nil, err
	}
	c.serving.Go(c.serve)
	return c, nil
}

func askForFront(ctx context.Context, socket string) error {
	conn, err := ipc.Dial(ctx, socket)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(frontTime))
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := ipc.Send(conn, front{true}); err != nil {
		return err
	}
	return ipc.Receive(conn, &front{})
}

func (c *claimed) serve() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(frontTime))
		var asked front
		if ipc.Receive(conn, &asked) == nil && asked.Front {
			select {
			case c.raised <- struct{}{}:
			default: // it was asked for already
			}
			_ = ipc.Send(conn, front{true})
		}
		_ = conn.Close()
	}
}

// release gives the right up. It may be called again.
func (c *claimed) release() {
	c.released.Do(func() {
		// Under the lock nobody is told that this window comes to the front.
		if c.lock.Lock() == nil {
			defer func() { _ = c.lock.Close() }()
		}
		_ = c.listener.Close()
		c.serving.Wait()
	})
}
