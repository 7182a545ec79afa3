package installer

import (
	"context"
	"fmt"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Interception is another program's URI scheme whose links come to us first.
// Ours are opened; every other is passed on, byte for byte, to the program
// that had them before. Which ones are ours is not this package's to know.
//
// Linux only: on Windows an IDE takes its scheme back at every start, on macOS
// the choice of another program does not stick.
type Interception struct{ scheme, state string }

// InterceptionState says how a scheme's links go.
type InterceptionState string

// The states.
const (
	// InterceptionOff: they do not come to us.
	InterceptionOff InterceptionState = "off"
	// InterceptionOn: they come to us.
	InterceptionOn InterceptionState = "on"
	// InterceptionTaken: they came to us, and another program has taken the
	// scheme since. That is its right; nobody fights for it.
	InterceptionTaken InterceptionState = "taken"
	// InterceptionBroken: our program or what starts it is gone, or nobody is
	// there to pass the other links on to.
	InterceptionBroken InterceptionState = "broken"
)

// InterceptionStatus is who gets the links of an IDE's scheme now.
type InterceptionStatus struct {
	Scheme string            `json:"scheme"`
	State  InterceptionState `json:"state"`
	// Handler is the id of the desktop entry that gets the links first, empty
	// where none does.
	Handler string `json:"handler"`
	// Next is the id of the entry that gets what is not ours: remembered where
	// the links come to us. NextName is its name, for people.
	Next     string `json:"next"`
	NextName string `json:"next_name"`
	// Program is what our entry starts, empty where there is none.
	Program string `json:"program"`
	// Warning is a sentence about what does not work, or empty.
	Warning string `json:"warning,omitempty"`
}

// NewInterception returns the interception of a scheme for the current user.
// State is as in [NewScheme].
func NewInterception(scheme, state string) (Interception, error) {
	if err := checkState(state); err != nil {
		return Interception{}, err
	}
	if !validScheme(scheme) || scheme == Name {
		return Interception{}, fmt.Errorf("%q is not a scheme that could be intercepted", scheme)
	}
	return Interception{scheme, state}, nil
}

// validScheme: RFC 3986, lower case, and no dot or plus, which no IDE has.
func validScheme(s string) bool {
	return s != "" && len(s) <= 32 && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Scheme returns the scheme's name.
func (i Interception) Scheme() string { return i.scheme }

// Status reads who gets the links. It changes nothing.
func (i Interception) Status(ctx context.Context) (InterceptionStatus, error) {
	if err := ctx.Err(); err != nil {
		return InterceptionStatus{}, err
	}
	return i.status()
}

// Plan returns what [Interception.Enable] would change, without doing it.
func (i Interception) Plan(ctx context.Context, program string) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return i.plan(program)
}

// Enable makes program, an absolute path, get the links first: it is started
// as `program pass SCHEME URL` and calls [Pass] with what is not
// ours. Who had the links is remembered in our desktop entry, and stands behind
// it in the list of defaults: once the program is gone, desktops go on to it.
// It returns what it changed, nothing where it is so already.
func (i Interception) Enable(ctx context.Context, program string) ([]Change, error) {
	return inTurn(ctx, func() ([]Change, error) { return i.enable(ctx, program) })
}

// Disable takes out what Enable put in. It returns what it changed, nothing
// where there is nothing of ours.
func (i Interception) Disable(ctx context.Context) ([]Change, error) {
	return inTurn(ctx, func() ([]Change, error) { return i.disable(ctx) })
}

// Pass becomes the program that had the scheme's links before: this process,
// with its streams and environment, goes on as that one. Link goes there as it
// is; it may be empty. Pass returns only with an error, a Problem for a person.
func Pass(scheme, link string) error {
	if !validScheme(scheme) {
		return cannotPass(scheme, "there is no such scheme", "", nil)
	}
	return Interception{scheme: scheme}.pass(link)
}

// Intercepted returns the schemes that something of ours is there for, sorted.
// State is as in [NewScheme].
func Intercepted(state string) ([]string, error) { return intercepted(state) }

func cannotPass(scheme, why, hint string, cause error) error {
	return problem.New(Failed, fmt.Sprintf("The %s:// link could not be passed on: %s.", printable.Text(scheme, 40), why), hint, cause)
}
