package simulator

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spacehatch/spacehatch/simulator/space"
)

// machines holds the space behind each place, and the machine behind each
// target of Systems Manager. One is started when its first session is: a
// demonstration opens one or two of them.
type machines struct {
	dir    string
	server space.Server
	key    ed25519.PrivateKey // opens the machines of Systems Manager
	log    *slog.Logger

	mu     sync.Mutex
	closed bool
	all    map[string]*machine // by the place's ARN, or the target's id
}

// machine starts once. Starting takes a while, and must not keep the others
// waiting.
type machine struct {
	number int // of its folder
	mu     sync.Mutex
	space  *space.Space // nil until it was needed
}

func newMachines(dir string, server space.Server, key ed25519.PrivateKey, log *slog.Logger) *machines {
	return &machines{dir: dir, server: server, key: key, log: log, all: map[string]*machine{}}
}

// lock returns the place's machine, locked.
func (m *machines) lock(arn string) (*machine, error) {
	m.mu.Lock()
	one, ok := m.all[arn]
	if !ok {
		one = &machine{number: len(m.all) + 1}
		m.all[arn] = one
	}
	m.mu.Unlock()
	one.mu.Lock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed { // close has been here, or will come after us
		one.mu.Unlock()
		return nil, errors.New("the simulator is ending")
	}
	return one, nil
}

// isTarget tells a target's id from a place's ARN.
func isTarget(id string) bool { return !strings.HasPrefix(id, "arn:") }

// get returns the space of a place or a target, started.
func (m *machines) get(ctx context.Context, arn string) (*space.Space, error) {
	one, err := m.lock(arn)
	if err != nil {
		return nil, err
	}
	defer one.mu.Unlock()
	if one.space != nil {
		return one.space, nil
	}
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	// The number keeps two spaces of one name, or of names that differ in
	// capitals only, apart on every file system.
	dir := filepath.Join(m.dir, fmt.Sprintf("%d-%s", one.number, name))
	// The gateway tells spaces apart by their name, so that is the ARN.
	config := space.Config{Name: arn, Dir: dir, Server: m.server, Log: m.log}
	if isTarget(arn) {
		config.User, config.Key = instanceUser, m.key
	}
	started, err := space.New(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("start the space %s: %w", name, err)
	}
	one.space = started
	return started, nil
}

// restart ends everything that runs in a place's space, and gives it a new
// host key as a real one has after its app was deleted and made again. The home
// folder stays.
func (m *machines) restart(ctx context.Context, arn string) error {
	one, err := m.lock(arn)
	if err != nil {
		return err
	}
	defer one.mu.Unlock()
	if one.space == nil {
		return nil
	}
	if err := one.space.Restart(ctx); err != nil {
		// The next session gets another one, with an empty home.
		broken := one.space
		one.space = nil
		return errors.Join(err, broken.Close())
	}
	return nil
}

// close ends every space and removes their folders.
func (m *machines) close() error {
	m.mu.Lock()
	m.closed = true
	all := slices.Collect(maps.Values(m.all))
	m.mu.Unlock()
	var failed error
	for _, one := range all {
		one.mu.Lock()
		if one.space != nil {
			failed = errors.Join(failed, one.space.Close())
			one.space = nil
		}
		one.mu.Unlock()
	}
	return failed
}
