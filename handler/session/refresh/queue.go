package refresh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// turnPoll is how often a process looks whether it is its turn: file locks
	// have no queue.
	turnPoll = 100 * time.Millisecond
	// tabLimit is how many tabs in a row may bring nothing before no further one
	// is opened unasked, for as long as restAfter.
	tabLimit  = 3
	restAfter = time.Hour
	maxNote   = 16 << 10
)

// note is what the processes that ask for a space tell each other. It holds no
// secret.
type note struct {
	// Asked is when a tab was opened last, Unanswered how many in a row have
	// brought nothing, that one included.
	Asked      time.Time `json:"asked"`
	Unanswered int       `json:"unanswered"`
	// What the last one ended with, where a person was told.
	Code     problem.Code `json:"code,omitempty"`
	Sentence string       `json:"sentence,omitempty"`
	Hint     string       `json:"hint,omitempty"`
}

func (n note) failed() bool { return n.Code != "" }

func (n note) problem() error { return problem.New(n.Code, n.Sentence, n.Hint, nil) }

// tired reports whether nobody seems to sit in front of the browser.
func (n note) tired(now time.Time) bool {
	return n.Unanswered >= tabLimit && now.Sub(n.Asked) < restAfter && !now.Before(n.Asked)
}

// turn is the right to ask for a space.
type turn struct {
	*Source
	lock   *flock.Flock
	file   string
	before note // of those who asked before
	waited bool // for one of them
	since  time.Time
}

// take waits until no other process asks for the space.
func (s *Source) take(ctx context.Context, space session.Space) (*turn, error) {
	dir, err := s.o.Dir()
	if err != nil {
		return nil, failed(err)
	}
	sum := sha256.Sum256([]byte(space.ARN))
	name := filepath.Join(dir, "studio-"+hex.EncodeToString(sum[:8]))
	t := &turn{Source: s, since: s.now(), lock: flock.New(name+".lock", flock.SetPermissions(0o600)), file: name + ".json"}
	locked, err := t.lock.TryLock()
	if err != nil {
		return nil, failed(err)
	}
	if !locked {
		t.waited = true
		if err := t.wait(ctx); err != nil {
			return nil, err
		}
	}
	t.before = read(t.file)
	return t, nil
}

// wait waits for the other process, and tells.
func (t *turn) wait(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, t.o.Patience)
	defer cancel()
	began := t.now()
	got := make(chan error, 1)
	go func() { // ends with bounded
		_, err := t.lock.TryLockContext(bounded, turnPoll)
		got <- err
	}()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	for {
		t.o.Waiting("waiting for another connection that asks Studio", t.now().Sub(began))
		select {
		case err := <-got:
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return fmt.Errorf("wait for another connection: %w", context.Cause(ctx))
			case cut(err):
				return problem.New(session.StudioSilent, fmt.Sprintf("Another connection has asked Studio for a session for more than %s.", words(t.o.Patience)),
					"Sign in to Studio in your browser, then connect again.", nil)
			}
			return failed(err)
		case <-tell.C:
		}
	}
}

// asks notes that a tab is opened now.
func (t *turn) asks() {
	t.write(note{Asked: t.now(), Unanswered: t.before.Unanswered + 1})
}

// answered notes that somebody is there.
func (t *turn) answered() {
	if err := os.Remove(t.file); err != nil && !os.IsNotExist(err) {
		t.o.Log.Warn("a note could not be removed", "file", t.file, "error", err)
	}
}

// failedWith notes why there is no session, for those who wait.
func (t *turn) failedWith(err error) {
	p := problem.From(err)
	t.write(note{Asked: t.now(), Unanswered: t.before.Unanswered + 1, Code: p.Code, Sentence: p.Sentence, Hint: p.Hint})
}

// write leaves a note. Without it somebody sees a tab more than needed.
func (t *turn) write(n note) {
	text, err := json.Marshal(n)
	if err == nil {
		err = atomicfile.Write(t.file, text, 0o600)
	}
	if err != nil {
		t.o.Log.Warn("a note could not be written", "file", t.file, "error", err)
	}
}

// end lets the next one ask.
func (t *turn) end() {
	if err := t.lock.Unlock(); err != nil {
		t.o.Log.Warn("a lock could not be given back", "file", t.lock.Path(), "error", err)
	}
}

// read reads a note; one that cannot be read says nothing.
func read(file string) (n note) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxNote {
		return note{}
	}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &n) != nil {
		return note{}
	}
	return n
}

func failed(err error) error {
	return problem.New(problem.NotSupported, "Spacehatch could not prepare to ask Studio for a new session.",
		"Check that the runtime folder exists, belongs to you, and that the disk is not full.", err)
}
