// Package doctor looks at what a connection needs on this machine (programs,
// files, network, credentials), tells what it found in sentences for a person,
// and mends what can be mended without asking.
//
// It must not know how a finding is shown, how the operating system keeps link
// handlers, or how the SSH config and the IDEs' settings are written: what it
// needs of those it takes as small interfaces and functions.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Severity says how much a finding matters.
type Severity string

// The severities, from nothing to tell to what keeps a space from opening.
const (
	OK      Severity = "ok"
	Info    Severity = "info"    // worth knowing, nothing to do
	Warning Severity = "warning" // works now, or works in part
	Error   Severity = "error"   // a space will not open
)

func (s Severity) rank() int {
	return map[Severity]int{OK: 0, Info: 1, Warning: 2, Error: 3}[s]
}

// AtLeast reports whether s is least or worse.
func (s Severity) AtLeast(least Severity) bool { return s.rank() >= least.rank() }

// Finding is one thing that was found. ID, Title and Severity are for programs
// to choose by; Sentence says what is the case and Hint what to do next, both
// in whole sentences that hold no secret.
type Finding struct {
	// ID is stable: the check's ID, or "<check>.<what>" where a check finds
	// several things.
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Sentence string   `json:"sentence"`
	Hint     string   `json:"hint"`
	// Fixable: Mend can put it right.
	Fixable bool `json:"fixable"`
	// Fixed: it was put right, and a second look has confirmed it. Severity is
	// still what it was before.
	Fixed bool `json:"fixed"`

	// Mend puts it right without asking anybody and returns what it did as a
	// whole sentence; nil where that needs a person.
	Mend func(context.Context) (string, error) `json:"-"`

	check int
}

// Open reports whether the finding is least or worse, and was not fixed.
func (f Finding) Open(least Severity) bool { return !f.Fixed && f.Severity.AtLeast(least) }

// Check is one thing to look at.
type Check struct {
	ID    string // lower case, a-z and -
	Title string // a word or two
	// Look changes nothing and ends with its context. A finding without an ID
	// or a title gets the check's. An error becomes a finding by [Told].
	Look func(context.Context) ([]Finding, error)
}

// Doctor holds the checks of one visit.
type Doctor struct {
	Checks []Check
	Limit  time.Duration // of each look
	// Patience is how long the first check that has not ended is waited for
	// until Waiting is told of it; Waiting may be nil.
	Patience time.Duration
	Waiting  func(Check)
	// Ended is told how many of the checks have ended, counted from the first
	// one on; it may be nil.
	Ended func(done int)
}

// Look makes all checks at once and returns what they found in the order of
// the checks. It returns when all have ended.
func (d Doctor) Look(ctx context.Context) []Finding {
	outcomes := make([]chan []Finding, len(d.Checks))
	for i := range d.Checks {
		outcomes[i] = make(chan []Finding, 1)
		go func() { outcomes[i] <- d.look(ctx, i) }() // waited for below
	}
	var all []Finding
	for i, outcome := range outcomes {
		all = append(all, d.await(outcome, d.Checks[i])...)
		if d.Ended != nil {
			d.Ended(i + 1)
		}
	}
	return all
}

func (d Doctor) await(outcome <-chan []Finding, c Check) []Finding {
	if d.Waiting == nil {
		return <-outcome
	}
	timer := time.NewTimer(d.Patience)
	defer timer.Stop()
	select {
	case found := <-outcome:
		return found
	case <-timer.C:
		d.Waiting(c)
		return <-outcome
	}
}

// look makes the check of that number.
func (d Doctor) look(ctx context.Context, number int) []Finding {
	c := d.Checks[number]
	bounded, cancel := context.WithTimeout(ctx, d.Limit)
	defer cancel()
	found, err := c.Look(bounded)
	switch {
	case err == nil:
	case errors.Is(bounded.Err(), context.DeadlineExceeded):
		found = append(found, Finding{
			Severity: Warning, Sentence: fmt.Sprintf("This could not be found out within %s.", d.Limit),
			Hint: "Run the command again; if it stays so, something on this machine hangs.",
		})
	default:
		found = append(found, Told(Error, err))
	}
	for i := range found {
		f := &found[i]
		if f.ID == "" {
			f.ID = c.ID
		}
		if f.Title == "" {
			f.Title = c.Title
		}
		f.Fixable, f.check = f.Mend != nil, number
	}
	return found
}

// Mend puts right what can be put right among the findings of this doctor's
// Look, one after the other, looks again, and returns the findings as they are
// then.
func (d Doctor) Mend(ctx context.Context, findings []Finding) []Finding {
	after := make([]Finding, 0, len(findings))
	for _, f := range findings {
		if f.Mend != nil && f.Open(Warning) {
			f = d.mend(ctx, f)
		}
		after = append(after, f)
	}
	return after
}

func (d Doctor) mend(ctx context.Context, f Finding) Finding {
	done, err := f.Mend(ctx)
	if err != nil {
		told := Told(f.Severity, err)
		f.Sentence += " It could not be put right: " + told.Sentence
		if told.Hint != "" {
			f.Hint = told.Hint
		}
		return f
	}
	for _, again := range d.look(ctx, f.check) {
		if again.ID == f.ID && again.Open(Warning) {
			again.Sentence = done + " Still: " + again.Sentence
			return again
		}
	}
	f.Fixed, f.Hint = true, ""
	f.Sentence += " " + done
	return f
}

// Told is what an error tells: the sentence and the hint of its Problem, or
// the error itself where nobody thought of it.
func Told(severity Severity, err error) Finding {
	p := problem.From(err)
	if p.Code == problem.Internal && p.Cause != nil {
		return Finding{Severity: severity, Sentence: "This could not be looked at: " + printable.Text(p.Cause.Error(), 300) + "."}
	}
	return Finding{Severity: severity, Sentence: p.Sentence, Hint: p.Hint}
}

// fine is the only finding of a check that found nothing wrong.
func fine(format string, args ...any) []Finding {
	return []Finding{{Severity: OK, Sentence: fmt.Sprintf(format, args...)}}
}

// one is the only finding of a check.
func one(severity Severity, sentence, hint string) []Finding {
	return []Finding{{Severity: severity, Sentence: sentence, Hint: hint}}
}

// number writes a count with its noun: 1 file, 2 files.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
