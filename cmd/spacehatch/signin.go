package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/signin"
	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

func (p *program) signInCommand() *cobra.Command {
	var f signInFlags
	c := &cobra.Command{
		Use:   "signin",
		Short: "Sign in to AWS through IAM Identity Center, in the browser",
		Long: "Signs in as `aws sso login` does, for a profile with sso_session or sso_start_url:\n" +
			"opens a page of AWS in your browser, where you confirm a code, and keeps the sign-in\n" +
			"where the AWS CLI keeps its own (~/.aws/sso/cache), so that every AWS tool has it.\n" +
			"It ends by itself after some hours; `spacehatch signout` ends it at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.window && (f.json || f.plain) {
				return errUsage{errors.New("--window goes without --json and --no-browser")}
			}
			err := p.signIn(cmd.Context(), f)
			if f.json && err != nil {
				return p.failedJSON(err)
			}
			return err
		},
	}
	c.Flags().StringVar(&f.profile, "profile", "", "the profile of the AWS configuration (default as for the AWS CLI)")
	c.Flags().BoolVar(&f.plain, "no-browser", false, "show the page's address and open no browser")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line: the code, then who signed in")
	c.Flags().BoolVar(&f.window, "window", false, "show it in a window")
	return c
}

func (p *program) signOutCommand() *cobra.Command {
	var profile string
	c := &cobra.Command{
		Use:   "signout",
		Short: "End the sign-in to AWS through IAM Identity Center",
		Long: "Ends what `spacehatch signin` or `aws sso login` has begun for the profile, for every\n" +
			"AWS tool on this computer. Connections that are open stay.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := caller.SignIn(cmd.Context(), profile)
			if err != nil {
				return err
			}
			was, err := signin.Out(cmd.Context(), to, p.log)
			if err != nil {
				return err
			}
			said := "You are signed out of the AWS profile %s.\n"
			if !was {
				said = "You were not signed in to the AWS profile %s.\n"
			}
			_, err = fmt.Fprintf(p.out, said, printable.Quoted(to.Profile))
			return err
		},
	}
	c.Flags().StringVar(&profile, "profile", "", "the profile of the AWS configuration (default as for the AWS CLI)")
	return c
}

type signInFlags struct {
	profile             string
	json, plain, window bool
}

// jsonCode is the code to confirm, as scripts read it.
type jsonCode struct {
	Event   string    `json:"event"` // always "code"
	Profile string    `json:"profile"`
	Code    string    `json:"code"`
	Address string    `json:"address"`
	Expires time.Time `json:"expires"`
}

// jsonSignedIn is the last line of all.
type jsonSignedIn struct {
	Event    string `json:"event"` // always "signed-in"
	Profile  string `json:"profile"`
	Identity string `json:"identity"` // an ARN
}

func (p *program) signIn(ctx context.Context, f signInFlags) error {
	to, err := caller.SignIn(ctx, f.profile)
	if err != nil {
		return err
	}
	if f.window {
		return p.signInInWindow(ctx, f.profile, to)
	}
	words := p.signInScreen()
	if f.plain {
		words.Browse = nil
	}
	screen := signin.Screen(words)
	if f.json {
		words.Out = io.Discard
		screen = jsonScreen{p, words}
	}
	identity, err := p.signInAs(ctx, f.profile, to, screen)
	if err != nil {
		return err
	}
	if f.json {
		return p.printLine(jsonSignedIn{"signed-in", to.Profile, identity})
	}
	_, err = fmt.Fprintf(p.out, "You are signed in to the AWS profile %s, as %s.\n", printable.Quoted(to.Profile), printable.Text(identity, 400))
	return err
}

// signInAs signs in and returns who that is. A sign-in says nothing of the
// account and the role: the credentials do.
func (p *program) signInAs(ctx context.Context, profile string, to caller.SSO, screen signin.Screen) (identity string, err error) {
	if err := (signin.Flow{Log: p.log}).Run(ctx, to, screen); err != nil {
		return "", err
	}
	r := caller.Request{Action: "sts:GetCallerIdentity", Resource: "*", Thing: "the sign-in", Purpose: "sign in with"}
	p.askCodes(nil)
	who, err := caller.Load(ctx, r, caller.Options{Profile: profile, Codes: p.codes, Log: p.log})
	if err != nil {
		return "", err
	}
	if who.Config.Region == "" {
		who.Config.Region = to.Region
	}
	if err := who.Retrieve(ctx, r); err != nil {
		return "", err
	}
	if identity, err = who.Identity(ctx, r); err != nil {
		return "", err
	}
	p.learn(ctx, who, to.Profile, profile)
	return identity, nil
}

// learn remembers which profile reaches an account, where none is known yet.
func (p *program) learn(ctx context.Context, who *caller.Caller, signedIn, asked string) {
	account, err := who.Account(ctx)
	if err != nil {
		return
	}
	q, err := p.places()
	if err != nil {
		return
	}
	if known, _ := q.store.Profile(account); known == "" {
		if err := q.store.RememberProfile(ctx, account, cmp.Or(asked, signedIn)); err != nil {
			p.log.Warn("the profile of an account is not remembered", "error", err)
		}
	}
}

// signInInWindow signs in in a window of its own. Where that does not come up,
// the terminal shows the code.
func (p *program) signInInWindow(ctx context.Context, profile string, to caller.SSO) error {
	program := ""
	if p.windows != nil {
		program = p.windows(true)
	}
	if program == "" {
		return problem.New(problem.NotSupported, "No window could be opened.", "`spacehatch signin` signs in in a terminal.", nil)
	}
	w := desktop.New(desktop.Options{
		Program: program, Version: "Spacehatch " + builtFor(), Fallback: terminal.Person{Open: p.openTTY},
		Retry: true, Reopens: true, Browse: p.browse, Profile: to.Profile,
	})
	_, err := w.Run(ctx, func(ctx context.Context) (handler.Result, error) {
		_, err := p.signInAs(ctx, profile, to, w.SignInScreen(p.signInScreen()))
		return handler.Result{}, err
	})
	return err
}

// signInScreen shows a sign-in on the terminal, whether or not standard output
// is one: what is asked for is on standard error.
func (p *program) signInScreen() terminal.SignIn {
	return terminal.SignIn{Out: p.err, Browse: p.browse}
}

// jsonScreen prints the code as JSON, and opens the browser without a word.
type jsonScreen struct {
	*program
	terminal.SignIn
}

// Show implements signin.Screen.
func (s jsonScreen) Show(ctx context.Context, code signin.Code) error {
	if err := s.printLine(jsonCode{"code", code.Profile, code.Code, code.Address, code.Expires}); err != nil {
		return err
	}
	return s.SignIn.Show(ctx, code)
}

// signInOn signs in by the profile and shows that on screen.
func (p *program) signInOn(ctx context.Context, profile string, screen signin.Screen) error {
	to, err := caller.SignIn(ctx, profile)
	if err != nil {
		return err
	}
	return signin.Flow{Log: p.log}.Run(ctx, to, screen)
}

// signs is who can sign in where local credentials need it.
type signs interface {
	// after does what do does and, where that wants a sign-in, signs in and does
	// it once more.
	after(ctx context.Context, do func() error) error
}

// nobody signs in. It implements signs.
type nobody struct{}

func (nobody) after(_ context.Context, do func() error) error { return do() }

// signer is a person who has started a command. It implements signs.
type signer struct {
	*program
	person handler.Person
	screen signin.Screen
}

// signer is the person of a command; one who has answered everything already,
// as a script does, is not asked to sign in.
func (p *program) signer(person handler.Person, answered bool) signs {
	if answered {
		return nobody{}
	}
	p.askCodes(person)
	screen := signin.Screen(p.signInScreen())
	if w, ok := person.(*desktop.Connection); ok {
		screen = w.SignInScreen(screen)
	}
	return signer{p, person, screen}
}

// askCodes has a person be asked for MFA codes from now on: in their window, else
// on the terminal.
func (p *program) askCodes(person handler.Person) {
	window, _ := person.(*desktop.Connection)
	if p.codes != nil && window == nil {
		return
	}
	words := terminal.Person{Open: p.openTTY}
	p.codes = &caller.Codes{Ask: func(ctx context.Context, device caller.Device) (string, error) {
		if window != nil {
			code, err := window.MFA(ctx, device.Profile, device.Serial)
			if !errors.Is(err, desktop.ErrNoWindow) {
				return code, err
			}
		}
		return words.Line(ctx, fmt.Sprintf("\nThe AWS profile %s wants the MFA code of %s: ", printable.Quoted(device.Profile), printable.Text(device.Serial, 256)))
	}}
}

// signInKey begins the name of the question whether to sign in now.
const signInKey = "sign in to "

// after implements signs. Who does not want to sign in hears of the first time.
func (s signer) after(ctx context.Context, do func() error) error {
	err := do()
	found := problem.From(err)
	if found == nil || found.SignIn == "" {
		return err
	}
	yes, asked := s.person.Approve(ctx, signInProposal(found))
	if errors.Is(asked, &problem.Problem{Code: problem.Cancelled}) {
		return asked
	}
	if asked != nil || !yes {
		return err
	}
	if err := s.signInOn(ctx, found.SignIn, s.screen); err != nil {
		return err
	}
	return do()
}

// signingIn is a source of sessions that signs in where its credentials need it.
// It implements session.Source.
type signingIn struct {
	session.Source
	who signs
}

// Session implements session.Source.
func (s signingIn) Session(ctx context.Context, space session.Space) (found session.Session, err error) {
	err = s.who.after(ctx, func() error {
		found, err = s.Source.Session(ctx, space)
		return err
	})
	return found, err
}
