package refresh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/turn"
)

const (
	// turnPatience is how long a turn may take to come before that is told.
	turnPatience = 100 * time.Millisecond
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

// place is the right to ask for a space.
type place struct {
	*Source
	end    func() // lets the next one ask
	file   string
	before note // of those who asked before
	since  time.Time
}

// take waits until no other process asks for the space.
func (s *Source) take(ctx context.Context, space session.Space) (*place, error) {
	dir, err := s.o.Dir()
	if err != nil {
		return nil, failed(err)
	}
	sum := sha256.Sum256([]byte(space.ARN))
	name := filepath.Join(dir, "studio-"+hex.EncodeToString(sum[:8]))
	p := &place{Source: s, since: s.now(), file: name + ".json"}
	if err := p.wait(ctx, name+".lock"); err != nil {
		return nil, err
	}
	p.before = read(p.file)
	return p, nil
}

// wait waits for the other process, and tells.
func (p *place) wait(ctx context.Context, lock string) error {
	bounded, cancel := context.WithTimeout(ctx, p.o.Patience)
	defer cancel()
	got := make(chan error, 1)
	go func() { // ends with bounded
		var err error
		p.end, err = turn.Take(bounded, lock)
		got <- err
	}()
	tell := time.NewTimer(turnPatience)
	defer tell.Stop()
	for {
		select {
		case err := <-got:
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return fmt.Errorf("wait for another connection: %w", context.Cause(ctx))
			case errors.Is(err, context.DeadlineExceeded):
				return problem.New(session.StudioSilent, fmt.Sprintf("Another connection has asked Studio for a session for more than %s.", words(p.o.Patience)),
					"Sign in to Studio in your browser, then connect again.", nil)
			}
			return failed(err)
		case <-tell.C:
			p.o.Waiting("waiting for another connection that asks Studio", p.now().Sub(p.since))
			tell.Reset(tellEvery)
		}
	}
}

// asks notes that a tab is opened now.
func (p *place) asks() {
	p.write(note{Asked: p.now(), Unanswered: p.before.Unanswered + 1})
}

// answered notes that somebody is there.
func (p *place) answered() {
	if err := os.Remove(p.file); err != nil && !os.IsNotExist(err) {
		p.o.Log.Warn("a note could not be removed", "file", p.file, "error", err)
	}
}

// failedWith notes why there is no session, for those who wait.
func (p *place) failedWith(err error) {
	why := problem.From(err)
	p.write(note{Asked: p.now(), Unanswered: p.before.Unanswered + 1, Code: why.Code, Sentence: why.Sentence, Hint: why.Hint})
}

// write leaves a note. Without it somebody sees a tab more than needed.
func (p *place) write(n note) {
	text, err := json.Marshal(n)
	if err == nil {
		err = atomicfile.Write(p.file, text, 0o600)
	}
	if err != nil {
		p.o.Log.Warn("a note could not be written", "file", p.file, "error", err)
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
