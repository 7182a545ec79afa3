package desktop

import (
	"context"
	"errors"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// signInScreen shows the code of a sign-in in the window of a connection. It
// implements signin.Screen.
type signInScreen struct {
	*Connection
	fallback signin.Screen
}

// SignInScreen shows the code of a sign-in in the window, and on fallback where
// there is none.
func (c *Connection) SignInScreen(fallback signin.Screen) signin.Screen {
	return signInScreen{c, fallback}
}

// Show implements signin.Screen.
func (s signInScreen) Show(ctx context.Context, code signin.Code) error {
	if !s.opened(ctx) {
		if ctx.Err() != nil {
			return nil
		}
		return s.fallback.Show(ctx, code)
	}
	if s.options.Browse != nil {
		// It may last as long as the browser does, and nobody needs its end:
		// the window has a button that opens the page again.
		go func() { _ = s.options.Browse(code.Address) }()
	}
	_, err := s.ask(ctx, view.Question{SignIn: &view.SignIn{Profile: code.Profile, Code: code.Code, Address: code.Address}})
	if ctx.Err() != nil {
		return nil // it is over, one way or the other
	}
	if err != nil && !errors.Is(err, ErrNoWindow) {
		return err
	}
	return problem.New(problem.Cancelled, "Cancelled: you are not signed in.", "", nil)
}

// opened has the window come up, and reports whether it is there.
func (c *Connection) opened(ctx context.Context) bool {
	c.change(func() { c.wanted = true })
	for {
		c.mu.Lock()
		window, changed := c.window, c.changed
		c.mu.Unlock()
		switch window {
		case windowOpen:
			return true
		case windowGone, windowImpossible:
			return false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
