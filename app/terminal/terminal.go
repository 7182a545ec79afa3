// Package terminal asks a person and shows progress on a terminal, where no
// window can or shall.
//
// It draws what it is given and decides nothing; it must not know how a
// connection is made or where an answer is kept.
package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Person asks on a terminal. It implements handler.Person.
type Person struct {
	// Open returns the terminal, or an error where there is none. It is called
	// once per question, and what it returns is closed after the answer.
	Open func() (io.ReadWriteCloser, error)
}

// Consent shows who and what a first link means. Anything but a clear yes is
// handler.Cancel.
func (p Person) Consent(ctx context.Context, link handler.Link) (handler.Answer, error) {
	space := link.Space
	var b strings.Builder
	b.WriteString("\nA link asks Spacehatch to open this space:\n\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-13s %s\n", name, value)
		}
	}
	row("Space", space.Name)
	row("Application", space.AppType)
	row("Account", space.Account)
	row("Region", space.Region)
	row("Domain", space.Domain)
	row("User profile", space.UserProfile)
	b.WriteString("\nYour SSH client and your IDE will be connected to it. Go on only if you have\n" +
		"just asked for this in Studio.\n\n" +
		"  c      Connect\n")
	if space.Account != "" { // else nothing names what would be remembered
		b.WriteString("  r      Connect and remember this domain\n")
	}
	b.WriteString("  Enter  Cancel\n\n> ")
	answer, err := p.ask(ctx, b.String(), "Run the command in a terminal, or with --yes if you know the link.")
	if err != nil {
		return handler.Cancel, err
	}
	switch answer {
	case "c", "connect":
		return handler.ConnectOnce, nil
	case "r", "remember":
		return handler.ConnectAndRemember, nil
	default:
		return handler.Cancel, nil
	}
}

// Approve shows a change and asks for a yes. Enter alone is yes, since the
// person has seen the diff and there is a way back; for a cautious question it
// is no.
func (p Person) Approve(ctx context.Context, proposal handler.Proposal) (bool, error) {
	var b strings.Builder
	b.WriteString("\n" + proposal.Title + "\n")
	if proposal.Text != "" {
		b.WriteString("\n" + proposal.Text + "\n")
	}
	if proposal.Diff != "" {
		b.WriteString("\n" + strings.TrimRight(proposal.Diff, "\n") + "\n")
	}
	if proposal.Cautious {
		return p.confirm(ctx, b.String(), "\n[y/N] ", false)
	}
	return p.Confirm(ctx, b.String())
}

// Confirm asks a question until it is answered with yes or no; Enter alone is
// yes.
func (p Person) Confirm(ctx context.Context, question string) (bool, error) {
	return p.confirm(ctx, question, "\n[Y/n] ", true)
}

// confirm takes enter for an empty answer.
func (p Person) confirm(ctx context.Context, question, choice string, enter bool) (bool, error) {
	question += choice
	for {
		answer, err := p.ask(ctx, question, "Run the command in a terminal, or with --yes to answer with yes.")
		if err != nil {
			return false, err
		}
		switch answer {
		case "":
			return enter, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		question = "Please answer y or n: "
	}
}

// ask returns the answer in lower case without white space around it. The hint
// says what to do where there is no terminal.
func (p Person) ask(ctx context.Context, question, hint string) (string, error) {
	text, err := p.line(ctx, question, hint)
	return strings.ToLower(text), err
}

// Line returns the answer without white space around it.
func (p Person) Line(ctx context.Context, question string) (string, error) {
	return p.line(ctx, question, "Run the command in a terminal.")
}

func (p Person) line(ctx context.Context, question, hint string) (string, error) {
	tty, err := p.Open()
	if err != nil {
		return "", problem.New(problem.NeedsPerson,
			"A question has to be answered, and there is no terminal to ask on.", hint, err)
	}
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() { // ends with the answer, or when the terminal is closed below
		if _, err := io.WriteString(tty, question); err != nil {
			got <- line{err: err}
			return
		}
		text, err := bufio.NewReader(tty).ReadString('\n')
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		_ = tty.Close()
		if l.err != nil && l.text == "" {
			// The terminal hung up: nobody said yes.
			return "", problem.New(problem.Cancelled, "Cancelled: the terminal was closed before an answer.", "", l.err)
		}
		return strings.TrimSpace(l.text), nil
	case <-ctx.Done():
		_ = tty.Close()
		return "", problem.New(problem.Cancelled, "Cancelled.", "", ctx.Err())
	}
}

// Explain returns a problem as the lines that end a command: what happened,
// what to do next, and what the hint speaks of.
func Explain(p *problem.Problem, details bool) string {
	var b strings.Builder
	b.WriteString("spacehatch: " + p.Sentence + "\n")
	if p.Hint != "" {
		b.WriteString("  " + p.Hint + "\n")
	}
	if p.Paste != "" {
		b.WriteString("\n    " + strings.ReplaceAll(p.Paste, "\n", "\n    ") + "\n\n")
	}
	if details && p.Cause != nil {
		b.WriteString("  (" + p.Cause.Error() + ")\n")
	}
	return b.String()
}
