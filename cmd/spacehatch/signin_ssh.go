package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	turns "github.com/spacehatch/spacehatch/internal/turn"
)

// declinedFor is how long nobody is asked again who did not want to sign in: an
// IDE tries to reconnect every few seconds.
const declinedFor = 10 * time.Minute

// sshSigner signs in for an ssh that has no terminal, such as an IDE's, in a
// window. It implements signs.
type sshSigner struct {
	*program
	window string // the program that opens windows
	about  string // what the ssh is for, in the middle of a sentence
}

// signsForSSH is who signs in for the ssh that has started us: a person at the
// desktop. One at a terminal reads which command does it.
func (p *program) signsForSSH(about string) signs {
	if p.windows == nil || p.atTerminal() {
		return nobody{}
	}
	window := p.windows(false)
	if window == "" {
		return nobody{}
	}
	return sshSigner{p, window, about}
}

// after implements signs. Of many ssh at once one shows a window; the others
// wait, and find what came of it.
func (s sshSigner) after(ctx context.Context, do func() error) error {
	err := do()
	found := problem.From(err)
	if found == nil || found.SignIn == "" {
		return err
	}
	runtime, failed := paths.MakeRuntime()
	if failed != nil {
		return err
	}
	sum := sha256.Sum256([]byte(found.SignIn))
	name := filepath.Join(runtime, "signin-"+hex.EncodeToString(sum[:8]))
	over, failed := turns.Take(ctx, name+".lock")
	if failed != nil {
		s.log.Warn("nobody is asked to sign in", "error", failed)
		return err
	}
	defer over()
	if declined, failed := os.Stat(name + ".declined"); failed == nil && time.Since(declined.ModTime()) < declinedFor {
		return err
	}
	if again := do(); again == nil || problem.From(again).SignIn != found.SignIn {
		return again // somebody has signed in meanwhile
	}
	asking, stop := whileNoOrphan(ctx)
	defer stop()
	switch asked := s.ask(asking, found); {
	case asked == nil:
		_ = os.Remove(name + ".declined")
		return do()
	case asking.Err() != nil: // it was ssh that gave up
	default:
		s.log.Info("nobody signed in", "profile", found.SignIn, "error", asked)
		switch problem.From(asked).Code {
		case problem.Cancelled, signin.Denied, signin.TooLate:
		default:
			return err // nobody said anything
		}
		if failed := os.WriteFile(name+".declined", nil, 0o600); failed != nil {
			s.log.Warn("a no is not remembered", "error", failed)
		}
	}
	return err
}

// orphanPoll is how often is looked whether our ssh is still there: one that was
// killed could tell nobody.
const orphanPoll = time.Second

// whileNoOrphan ends the context when the process that has started us is gone.
func whileNoOrphan(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancel(ctx)
	parent, tick, over := os.Getppid(), time.NewTicker(orphanPoll), make(chan struct{})
	go func() { // ends with watched
		defer close(over)
		defer tick.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					cancel()
				}
			}
		}
	}()
	return watched, func() {
		cancel()
		<-over
	}
}

// ask shows the window.
func (s sshSigner) ask(ctx context.Context, found *problem.Problem) error {
	w := desktop.New(desktop.Options{
		Program: s.window, Version: "Spacehatch " + builtFor(), Fallback: asker{}, Kind: kindOf, Browse: s.browse, Profile: found.SignIn,
	})
	_, err := w.Run(ctx, func(ctx context.Context) (handler.Result, error) {
		question := signInProposal(found)
		question.Text = "An ssh, or an IDE, wants to open " + s.about + ".\n\n" + question.Text
		yes, err := w.Approve(ctx, question)
		if err == nil && !yes {
			err = problem.New(problem.Cancelled, "Cancelled: you are not signed in.", "", nil)
		}
		if err != nil {
			return handler.Result{}, err
		}
		return handler.Result{}, s.signInOn(ctx, found.SignIn, w.SignInScreen(noScreen{}))
	})
	return err
}

// noScreen is where no code can be shown. It implements signin.Screen.
type noScreen struct{}

// Show implements signin.Screen.
func (noScreen) Show(context.Context, signin.Code) error { return nobodyThere(nil) }

// signInProposal asks whether to sign in now.
func signInProposal(found *problem.Problem) handler.Proposal {
	return handler.Proposal{
		Key:   signInKey + found.SignIn,
		Title: "Sign in to AWS now, profile " + printable.Quoted(found.SignIn) + "?",
		Text: found.Sentence + "\n\nYour browser opens a page of AWS, where you confirm a code. The sign-in is kept\n" +
			"where the AWS CLI keeps it, and lasts some hours.",
	}
}
