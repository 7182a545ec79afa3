package desktop

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/problem"
)

var code = signin.Code{Profile: "dev", Code: "ABCD-EFGH", Address: "https://device.example/?user_code=ABCD-EFGH"}

// paper is a screen that notes what it was shown.
type paper struct{ shown []signin.Code }

func (p *paper) Show(_ context.Context, code signin.Code) error {
	p.shown = append(p.shown, code)
	return nil
}

// expired is work that needs a sign-in until there was one.
func expired(signedIn *bool, tries *int) func(context.Context) (handler.Result, error) {
	return func(context.Context) (handler.Result, error) {
		*tries++
		if *signedIn {
			return handler.Result{}, nil
		}
		p := problem.New(problem.CredentialsExpired, "Expired.", "Sign in.", nil)
		p.SignIn = "dev"
		return handler.Result{}, p
	}
}

func TestTheProblemSignsIn(t *testing.T) {
	c, w, _ := connection(t, "signs in")
	signedIn, tries, opened := false, 0, make(chan string, 1)
	c.options.Retry, c.options.Reopens = true, true
	c.options.Browse = func(address string) error { opened <- address; return nil }
	c.options.SignIn = func(ctx context.Context, profile string) error {
		if profile != "dev" {
			t.Errorf("the profile is %q", profile)
		}
		showing, hide := context.WithCancel(ctx)
		shown := make(chan error, 1)
		go func() { shown <- c.SignInScreen(&paper{}).Show(showing, code) }()
		if got := <-opened; got != code.Address {
			t.Errorf("the browser gets %q", got)
		}
		hide() // the person has said yes there
		signedIn = true
		return <-shown
	}
	if _, err := run(t, c, expired(&signedIn, &tries)); err != nil || tries != 2 {
		t.Errorf("%v after %d tries", err, tries)
	}
	screens := w.screens()
	if last := screens[len(screens)-1].Connection; !last.Done || last.Question != nil {
		t.Errorf("the last screen is %+v", last)
	}
}

// Who gives a sign-in up sees the problem again, and may try it again.
func TestASignInThatIsGivenUp(t *testing.T) {
	c, w, _ := connection(t, "gives the sign-in up")
	signedIn, tries := false, 0
	c.options.Retry, c.options.Reopens = true, true
	c.options.SignIn = func(ctx context.Context, _ string) error { return c.SignInScreen(&paper{}).Show(ctx, code) }
	_, err := run(t, c, expired(&signedIn, &tries))
	if !errors.Is(err, &problem.Problem{Code: problem.CredentialsExpired}) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	var story []string
	for _, s := range w.screens() {
		now := "under way"
		switch q, p := s.Connection.Question, s.Connection.Problem; {
		case q != nil && q.SignIn != nil && q.SignIn.Code == code.Code:
			now = "code"
		case p != nil && p.SignIn == "dev":
			now = "problem"
		}
		if len(story) == 0 || story[len(story)-1] != now {
			story = append(story, now)
		}
	}
	story = slices.DeleteFunc(story, func(s string) bool { return s == "under way" })
	if !slices.Equal(story, []string{"problem", "code", "problem"}) {
		t.Errorf("the window showed %q", story)
	}
}

func TestWithoutAWindowTheTerminalShowsTheCode(t *testing.T) {
	c, w, _ := connection(t, "dies at once")
	c.options.Browse = func(string) error { t.Error("the browser is opened twice"); return nil }
	p := &paper{}
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		return handler.Result{}, c.SignInScreen(p).Show(ctx, code)
	})
	if err != nil || len(p.shown) != 1 || w.starts != 1 {
		t.Errorf("%v, %v, %d windows", err, p.shown, w.starts)
	}
}

func TestAWindowForASignInAlone(t *testing.T) {
	w := newWindow(t, "says no")
	c := New(Options{Profile: "dev", Retry: true, Reopens: true})
	c.start, c.wait = w.start, time.Hour
	_, err := run(t, c, func(ctx context.Context) (handler.Result, error) {
		return handler.Result{}, c.SignInScreen(&paper{}).Show(ctx, code)
	})
	if !errors.Is(err, &problem.Problem{Code: problem.Cancelled}) {
		t.Error(err)
	}
	if first := w.screens()[0].Connection; first.SignIn != "dev" || len(first.Steps) != 0 {
		t.Errorf("%+v", first)
	}
}

func TestACodeIsAskedForInTheWindow(t *testing.T) {
	for role, want := range map[string]struct {
		code string
		err  error
	}{
		"says yes":     {"123456", nil},
		"says no":      {"", &problem.Problem{Code: problem.Cancelled}},
		"is closed":    {"", &problem.Problem{Code: problem.Cancelled}},
		"dies at once": {"", ErrNoWindow},
	} {
		c, _, _ := connection(t, role)
		_, _ = run(t, c, func(ctx context.Context) (handler.Result, error) {
			code, err := c.MFA(ctx, "dev", "arn:aws:iam::111122223333:mfa/alice")
			if code != want.code || !errors.Is(err, want.err) {
				t.Errorf("%s: %q, %v", role, code, err)
			}
			return handler.Result{}, nil
		})
	}
}
