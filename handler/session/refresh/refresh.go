// Package refresh gets a session for a space from Studio's page in the person's
// browser: it sends the browser there and listens, on this computer alone and
// for as long as somebody waits, for the one call that brings the session back.
//
// It must not know how a browser is started, how a query is read, what the
// policy is or how a person is told: all that is handed to it.
package refresh

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// mostPatience bounds how long anything listens.
	mostPatience = 5 * time.Minute
	// tellEvery is how often it is told that the page is still waited for.
	tellEvery = 2 * time.Second
	// sessionLife is how long a session counts as unused whose stream URL does
	// not say: links carry X-Amz-Expires=60.
	sessionLife = time.Minute
)

// Callback is what the page brings back.
type Callback struct {
	Identifier string // of the space
	RequestID  string
	Session    session.Session
}

// Ask waits for a session until ctx ends.
type Ask func(ctx context.Context) (session.Session, error)

// Options are what the source needs. Patience, Studio, Earlier, Waiting, Show
// and Log may be left out.
type Options struct {
	// Dir returns the owner-only folder in which processes keep from each
	// other's way, and makes it where it is not there.
	Dir func() (string, error)
	// Browse shows an address in the browser. It may last as long as the browser
	// does: nobody waits for its end. nil: there is no browser.
	Browse func(address string) error
	// Read reads the query of a call, strictly and within bounds.
	Read func(query string) (Callback, error)
	// Check returns nil where the policy allows a session for a space, and
	// CheckPage where it allows to send a browser to an address. Their errors
	// are problems.
	Check     func(session.Space, session.Session) error
	CheckPage func(address string) error
	// Studio stands in for AWS's own address of Studio; no slash at its end.
	Studio string
	// Earlier is asked once more when it is this process's turn to ask a person.
	Earlier session.Source
	// Attended: a person has just asked for this. Else no further tab is opened
	// where the last ones brought nothing.
	Attended bool
	// Waiting is told, again and again, what is waited for and for how long; one
	// clause for a person.
	Waiting func(detail string, elapsed time.Duration)
	// Show lets a person see that the page is waited for, and give up: it calls
	// ask with a context that ends then, and returns what ask returns or a
	// [problem.Cancelled]. Default: it calls ask.
	Show func(ctx context.Context, space session.Space, ask Ask) (session.Session, error)
	// Patience is how long the page is waited for, at most and by default 5
	// minutes.
	Patience time.Duration
	Log      *slog.Logger
}

// Source is a [session.Source] that asks Studio.
type Source struct {
	o   Options
	now func() time.Time
}

// New returns the source. It opens and writes nothing yet.
func New(o Options) *Source {
	if o.Patience <= 0 || o.Patience > mostPatience {
		o.Patience = mostPatience
	}
	if o.Waiting == nil {
		o.Waiting = func(string, time.Duration) {}
	}
	if o.Show == nil {
		o.Show = func(ctx context.Context, _ session.Space, ask Ask) (session.Session, error) { return ask(ctx) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{o: o, now: time.Now}
}

// Session sends the browser to the page of the space and waits for the session
// that it brings. Of several processes that want one for the same space, one
// asks at a time: a session serves one ssh, so the next one asks again when the
// person is known to be there, and does not when the first one's page brought
// nothing.
//
// Errors are problems. [session.NoPage] and
// [session.StudioUnattended] wrap [session.ErrNone]: nothing went wrong.
func (s *Source) Session(ctx context.Context, space session.Space) (session.Session, error) {
	page, err := s.page(space)
	if err != nil {
		return session.Session{}, err
	}
	if err := s.o.CheckPage(page); err != nil {
		return session.Session{}, err
	}
	if s.o.Browse == nil {
		return session.Session{}, fmt.Errorf("there is no browser to open: %w", session.ErrNone)
	}
	ours, err := s.take(ctx, space)
	if err != nil {
		return session.Session{}, err
	}
	defer ours.end()
	if ours.before.failed() && ours.before.Asked.After(ours.since) { // meanwhile
		return session.Session{}, ours.before.problem()
	}
	if s.o.Earlier != nil {
		if found, err := s.o.Earlier.Session(ctx, space); err == nil {
			return found, nil
		}
	}
	if !s.o.Attended && ours.before.tired(s.now()) {
		return session.Session{}, unattended(space)
	}
	ours.asks()
	found, err := s.o.Show(ctx, space, func(ctx context.Context) (session.Session, error) { return s.ask(ctx, space, page) })
	switch {
	case err == nil:
		ours.answered()
		return found, nil
	case ctx.Err() != nil:
		return session.Session{}, fmt.Errorf("wait for Studio in the browser: %w", context.Cause(ctx))
	}
	ours.failedWith(err)
	return session.Session{}, err
}

// page returns the address of the page that gives sessions for the space,
// without what a request adds to it.
func (s *Source) page(space session.Space) (string, error) {
	switch space.Kind {
	case session.SageMaker:
		base := s.o.Studio
		if base == "" {
			if space.Partition != "aws" { // the others' addresses are not documented
				return "", noPage(space, "Where Studio is in this partition of AWS is not known.")
			}
			base = "https://studio-" + space.Domain + ".studio." + space.Region + ".sagemaker.aws"
		}
		app := "jupyterlab"
		if strings.EqualFold(space.AppType, "CodeEditor") {
			app = "code-editor"
		}
		return base + "/" + app + "/" + url.PathEscape(space.Name), nil
	case session.UnifiedStudio:
		if space.RefreshURL == "" {
			return "", noPage(space, "Unified Studio's last link names no page that gives another one.")
		}
	case session.HyperPod:
		if space.RefreshURL == "" {
			return "", noPage(space, "The workspace's last link names no page that gives another one.")
		}
	default:
		return "", fmt.Errorf("no page in a browser opens %s: %w", printable.Quoted(space.Name), session.ErrNone)
	}
	return space.RefreshURL, nil
}

func noPage(space session.Space, sentence string) error {
	hint := "Click Open in VS Code in Unified Studio again."
	switch space.Kind {
	case session.SageMaker:
		hint = "Click Open in VS Code in Studio again."
	case session.HyperPod:
		hint = "Open the workspace again from its page in the browser."
	}
	return problem.New(session.NoPage, sentence, hint, session.ErrNone)
}

func unattended(space session.Space) error {
	return problem.New(session.StudioUnattended,
		"Studio was opened in the browser several times for a new session, and nobody answered there.",
		"Run `spacehatch connect "+space.Alias+"` when you are back; it opens Studio again.", session.ErrNone)
}

// address is the page with the request in it.
func address(page, identifier, id, back string) string {
	join := "?"
	if strings.Contains(page, "?") {
		join = "&"
	}
	return page + join + "remote_access_token_refresh=true" +
		"&reconnect_identifier=" + url.QueryEscape(identifier) +
		"&reconnect_request_id=" + id +
		"&reconnect_callback_url=" + url.QueryEscape(back)
}

// ask opens the page and waits.
func (s *Source) ask(ctx context.Context, space session.Space, page string) (session.Session, error) {
	l, err := listen(ctx)
	if err != nil {
		return session.Session{}, err
	}
	call := newCall(l.host(), space.ARN, s.o.Read, s.o.Log)
	defer l.serve(call)()

	browsed := make(chan error, 1)
	go func() { // ends with the browser, or with us
		browsed <- s.o.Browse(address(page, space.ARN, call.id, "http://"+l.host()+callbackPath))
	}()
	began := s.now()
	tell := func() { s.o.Waiting("waiting for Studio in your browser", s.now().Sub(began)) }
	tell()
	again := time.NewTicker(tellEvery)
	defer again.Stop()
	late := time.NewTimer(s.o.Patience)
	defer late.Stop()
	opened := browsed
	for {
		select {
		case found := <-call.found:
			return s.accept(space, found)
		case err := <-opened:
			if err != nil {
				return session.Session{}, problem.New(problem.NotSupported,
					"A new session has to come from Studio, and no browser could be started.",
					"Open the space again from Studio in a browser on this computer.", err)
			}
			opened = nil
		case <-again.C:
			tell()
		case <-late.C:
			return session.Session{}, problem.New(session.StudioSilent,
				fmt.Sprintf("Studio in your browser gave no new session within %s.", words(s.o.Patience)),
				"Sign in to Studio there, then connect again; or open the space from Studio.", nil)
		case <-ctx.Done():
			return session.Session{}, ctx.Err()
		}
	}
}

// accept makes what the page brought a session that may be used. A page that we
// trust and that brings what the policy forbids ends the wait: it will not bring
// anything else.
func (s *Source) accept(space session.Space, found session.Session) (session.Session, error) {
	if err := s.o.Check(space, found); err != nil {
		return session.Session{}, err
	}
	found.Origin = session.FromStudio
	if found.Expires.IsZero() {
		found.Expires = s.now().Add(sessionLife)
	}
	return found, nil
}

// words is a time of whole minutes or seconds as a person says it.
func words(d time.Duration) string {
	if d%time.Minute == 0 && d > time.Minute {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
