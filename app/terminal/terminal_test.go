package terminal

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// tty is a terminal with somebody at it who types keys and then hangs up.
type tty struct {
	keys   io.Reader
	said   strings.Builder
	opened int
	closed int
}

func (t *tty) Read(p []byte) (int, error)  { return t.keys.Read(p) }
func (t *tty) Write(p []byte) (int, error) { return t.said.Write(p) }
func (t *tty) Close() error                { t.closed++; return nil }

func at(keys string) (*tty, Person) {
	t := &tty{keys: strings.NewReader(keys)}
	return t, Person{Open: func() (io.ReadWriteCloser, error) { t.opened++; return t, nil }}
}

var link = handler.Link{Space: session.Space{
	Name: "my-space", AppType: "JupyterLab", Account: "111122223333", Region: "us-east-1", Domain: "d-abc",
}}

func TestConsentIsAClearYes(t *testing.T) {
	for keys, want := range map[string]handler.Answer{
		"c\n": handler.ConnectOnce, "C\n": handler.ConnectOnce, " connect \r\n": handler.ConnectOnce,
		"r\n": handler.ConnectAndRemember, "Remember\n": handler.ConnectAndRemember,
		"\n": handler.Cancel, "y\n": handler.Cancel, "yes\n": handler.Cancel, "cr\n": handler.Cancel, "c c\n": handler.Cancel,
		"x\nc\n": handler.Cancel, "\x00c\n": handler.Cancel, "\xff\n": handler.Cancel,
	} {
		terminal, p := at(keys)
		got, err := p.Consent(t.Context(), link)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", keys, got, err)
		}
		if terminal.opened != 1 || terminal.closed != 1 {
			t.Errorf("%q: opened %d times, closed %d times", keys, terminal.opened, terminal.closed)
		}
	}
}

func TestConsentShowsWhoAndWhat(t *testing.T) {
	terminal, p := at("\n")
	if _, err := p.Consent(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	said := terminal.said.String()
	for _, needed := range []string{"Space         my-space", "Application   JupyterLab", "Account       111122223333",
		"Region        us-east-1", "Domain        d-abc", "c      Connect", "Enter  Cancel"} {
		if !strings.Contains(said, needed) {
			t.Errorf("%q is missing in:\n%s", needed, said)
		}
	}
	if strings.Contains(said, "User profile") {
		t.Errorf("an empty row is shown:\n%s", said)
	}
}

func TestApproveTakesYesOrNo(t *testing.T) {
	proposal := handler.Proposal{Title: "Change it?", Text: "Because.", Diff: "+line\n"}
	for keys, want := range map[string]bool{
		"\n": true, "y\n": true, "YES\n": true, "n\n": false, " No \n": false,
		"perhaps\nn\n": false, "c\nperhaps\ny\n": true,
	} {
		lines := strings.SplitAfter(keys, "\n")
		var said strings.Builder
		asked := 0
		p := Person{Open: func() (io.ReadWriteCloser, error) { // one terminal a question
			terminal := &tty{keys: strings.NewReader(lines[asked])}
			asked++
			return struct {
				io.Reader
				io.Writer
				io.Closer
			}{terminal, &said, terminal}, nil
		}}
		got, err := p.Approve(t.Context(), proposal)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", keys, got, err)
		}
		if asked != strings.Count(keys, "\n") {
			t.Errorf("%q: asked %d times", keys, asked)
		}
		if !strings.HasPrefix(said.String(), "\nChange it?\n\nBecause.\n\n+line\n\n[Y/n] ") {
			t.Errorf("%q: said %q", keys, said.String())
		}
		if again := strings.Count(said.String(), "Please answer y or n: "); again != asked-1 {
			t.Errorf("%q: reminded %d times", keys, again)
		}
	}
}

func TestNobodyIsThere(t *testing.T) {
	p := Person{Open: func() (io.ReadWriteCloser, error) { return nil, os.ErrNotExist }}
	answer, err := p.Consent(t.Context(), link)
	if answer != handler.Cancel || !errors.Is(err, &problem.Problem{Code: problem.NeedsPerson}) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", answer, err)
	}
	if hint := problem.From(err).Hint; !strings.Contains(hint, "if you know the link") {
		t.Error(hint)
	}
	yes, err := p.Approve(t.Context(), handler.Proposal{})
	if hint := problem.From(err).Hint; strings.Contains(hint, "the link") || !strings.Contains(hint, "--yes") {
		t.Errorf("a question about no link: %s", hint)
	}
	if yes || !errors.Is(err, &problem.Problem{Code: problem.NeedsPerson}) {
		t.Errorf("%v, %v", yes, err)
	}
	terminal, p := at("") // hangs up
	if answer, err := p.Consent(t.Context(), link); answer != handler.Cancel || !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Errorf("%v, %v", answer, err)
	}
	if terminal.closed != 1 {
		t.Errorf("closed %d times", terminal.closed)
	}
	// One that cannot be written to is one that nobody sees.
	near, far := net.Pipe()
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	p = Person{Open: func() (io.ReadWriteCloser, error) { return near, nil }}
	if yes, err := p.Confirm(t.Context(), "Sure?"); yes || !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Errorf("%v, %v", yes, err)
	}
}

// The end of the context ends the question, and the terminal is let go.
func TestAQuestionCanBeCancelled(t *testing.T) {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p := Person{Open: func() (io.ReadWriteCloser, error) { return near, nil }}
	got := make(chan error, 1)
	go func() {
		_, err := p.Consent(ctx, link)
		got <- err
	}()
	if _, err := far.Read(make([]byte, 1)); err != nil { // the question is being asked
		t.Fatal(err)
	}
	cancel()
	if err := <-got; !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := io.Copy(io.Discard, far); err != nil {
		t.Errorf("the terminal stays open: %v", err)
	}
}

func TestExplain(t *testing.T) {
	p := problem.New(problem.TunnelRefused, "It ended.", "Connect again.", errors.New("why"))
	for _, c := range []struct {
		p       *problem.Problem
		details bool
		want    string
	}{
		{p, false, "spacehatch: It ended.\n  Connect again.\n"},
		{p, true, "spacehatch: It ended.\n  Connect again.\n  (why)\n"},
		{problem.New(problem.Cancelled, "Cancelled.", "", nil), true, "spacehatch: Cancelled.\n"},
	} {
		if got := Explain(c.p, c.details); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
