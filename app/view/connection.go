package view

import (
	"fmt"
	"strings"
	"time"
)

// Connection is the way of one link, as far as it is known.
type Connection struct {
	// SignIn: there is no space; it is only about signing in to AWS, by this
	// profile.
	SignIn string `json:"sign_in,omitempty"`
	Space  Space  `json:"space"`
	Steps  []Step `json:"steps"` // in the order in which they begin
	// Question waits for an answer; nil where there is none.
	Question *Question `json:"question,omitempty"`
	// Problem is what the way ended with; nil where it did not fail.
	Problem *Problem `json:"problem,omitempty"`
	// Editor is the IDE that was opened; it may be empty.
	Editor string `json:"editor,omitempty"`
	// Done: all is well and there is nothing more to come.
	Done bool `json:"done,omitempty"`
}

// Space is what a person knows a space by. Fields may be empty: of a link that
// was not read yet all of them.
type Space struct {
	Name        string `json:"name,omitempty"`
	Application string `json:"application,omitempty"`
	Account     string `json:"account,omitempty"`
	Domain      string `json:"domain,omitempty"`
	Region      string `json:"region,omitempty"`
	UserProfile string `json:"user_profile,omitempty"`
}

// State is how far a step is.
type State string

// The states of a step.
const (
	Waiting State = "waiting" // it did not begin
	Running State = "running"
	Asking  State = "asking" // it waits for the person
	Done    State = "done"
	Skipped State = "skipped" // there was nothing to do
	Failed  State = "failed"
)

// Step is one step of a connection.
type Step struct {
	// ID names the step ("link", "tunnel" …) for ever; who draws it has the
	// words for it.
	ID    string `json:"id"`
	State State  `json:"state"`
	// Detail is what it ended with: one clause, or nothing.
	Detail string `json:"detail,omitempty"`
	// Elapsed is how long it took, of a step that ended; in nanoseconds.
	Elapsed time.Duration `json:"elapsed,omitempty"`
}

// Question waits for an [Answer] of the same ID. One of the pointers is set.
type Question struct {
	ID      int      `json:"id"`
	Consent *Consent `json:"consent,omitempty"`
	Change  *Change  `json:"change,omitempty"`
	Setup   *Setup   `json:"setup,omitempty"`
	SignIn  *SignIn  `json:"sign_in,omitempty"`
	MFA     *MFA     `json:"mfa,omitempty"`
}

// MFA asks for the code of a device. It is answered with [Yes] and the code as
// [Answer].Code.
type MFA struct {
	Profile string `json:"profile"` // of the AWS configuration
	Device  string `json:"device"`  // an ARN, or what is printed on it
}

// SignIn shows what has to be confirmed in the browser, which is open by then.
// Its only answer is [No]: the person gives up.
type SignIn struct {
	Profile string `json:"profile"`
	Code    string `json:"code"`    // that the page has to show, too
	Address string `json:"address"` // of the page
}

// Consent asks about the first link of an account and domain.
type Consent struct {
	Space Space `json:"space"`
	// MayRemember: the link names what would be remembered.
	MayRemember bool `json:"may_remember"`
}

// Change asks about one change to this machine, or about something that is to
// be accepted.
type Change struct {
	Kind  ItemKind `json:"kind"`  // empty where it is of no kind we know
	Title string   `json:"title"` // a question
	// Text is paragraphs with an empty line between them; one whose lines all
	// begin with two spaces keeps its lines, and is a list where they all begin
	// with "  - ".
	Text string `json:"text,omitempty"`
	Diff string `json:"diff,omitempty"`
	// Cautious marks a question whose safe answer is no: no single key may say
	// yes.
	Cautious bool `json:"cautious,omitempty"`
}

// Problem is what went wrong, for a person.
type Problem struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	Hint     string `json:"hint,omitempty"`
	Details  string `json:"details,omitempty"` // folded away
	// Paste is what the hint speaks of, to be handed on as it is: an IAM
	// statement, for example.
	Paste string `json:"paste,omitempty"`
	// Studio is the address of the Studio to go on in, where that helps;
	// https only.
	Studio string `json:"studio,omitempty"`
	// Retry: who sent this waits for [RetryAsked].
	Retry bool `json:"retry,omitempty"`
	// Starts, with Retry: the next try needs no link and starts the space where
	// that is needed.
	Starts bool `json:"starts,omitempty"`
	// SignIn is the AWS profile whose sign-in would help: who sent this waits
	// for [SignInAsked], or in a panel for its wish.
	SignIn string `json:"sign_in,omitempty"`
	// Program names the program and its version, for a report.
	Program string `json:"program,omitempty"`
}

// Diagnostics is what a person sends to somebody who helps: the problem and
// the steps before it, in plain lines. Account and space are in it only where
// the problem's own words name them.
func (c Connection) Diagnostics() string {
	var b strings.Builder
	if p := c.Problem; p != nil {
		for _, line := range []string{p.Program, "Problem: " + p.Code, p.Sentence, p.Hint, p.Paste, p.Details} {
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
	}
	for _, s := range c.Steps {
		fmt.Fprintf(&b, "%-10s %-8s %s\n", s.ID, s.State, Duration(s.Elapsed))
	}
	return b.String()
}

// Duration is a time as a person reads it: 40 ms, 1.2 s, 1m5s.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
