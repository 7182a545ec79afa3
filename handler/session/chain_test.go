package session

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

type sourceFunc func(context.Context, Space) (Session, error)

func (f sourceFunc) Session(ctx context.Context, space Space) (Session, error) { return f(ctx, space) }

func gives(id string) Source {
	return sourceFunc(func(context.Context, Space) (Session, error) { return Session{ID: id}, nil })
}

func fails(err error) Source {
	return sourceFunc(func(context.Context, Space) (Session, error) { return Session{}, err })
}

func TestTheChainGoesOnAfterNothingAndAfterAFailure(t *testing.T) {
	expired := problem.New(problem.CredentialsExpired, "Expired.", "Sign in.", nil)
	unreachable := problem.New(problem.Unreachable, "Unreachable.", "Wait.", errors.New("dial"))
	nothing := fmt.Errorf("x: %w", ErrNone)
	for name, c := range map[string]struct {
		chain Chain
		want  string
		code  problem.Code
	}{
		"first":        {Chain{gives("a"), gives("b")}, "a", ""},
		"after none":   {Chain{fails(nothing), gives("b")}, "b", ""},
		"after denial": {Chain{fails(expired), fails(nothing), gives("c")}, "c", ""},
		"most telling": {Chain{fails(unreachable), fails(expired), fails(errors.New("odd"))}, "", problem.CredentialsExpired},
		"one failure":  {Chain{fails(nothing), fails(unreachable)}, "", problem.Unreachable},
		"cancelled":    {Chain{fails(problem.New(problem.Cancelled, "No.", "", nil)), gives("b")}, "", problem.Cancelled},
		"empty":        {nil, "", problem.NoSession},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.chain.Session(t.Context(), mySpace)
			if got.ID != c.want || c.code == "" && err != nil {
				t.Fatalf("Session = %+v, %v", got, err)
			}
			if c.code != "" && problem.From(err).Code != c.code {
				t.Errorf("Session: %v", err)
			}
		})
	}
	_, err := Chain{fails(unreachable), fails(expired)}.Session(t.Context(), mySpace)
	golden(t, "problems/chain-several", told(t, err))
}

func TestTheChainEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop := sourceFunc(func(context.Context, Space) (Session, error) {
		cancel()
		return Session{}, problem.New(problem.Unreachable, "x", "y", nil)
	})
	if _, err := (Chain{stop, gives("b")}).Session(ctx, mySpace); !errors.Is(err, context.Canceled) {
		t.Errorf("Session = %v", err)
	}
}

func TestStoreAndLocalInAChain(t *testing.T) {
	awsHome(t, "")
	s, _ := testStore(t)
	l, _ := testLocal(t, nil, "")
	space := mySpace
	space.Alias = "my-space.hatch"
	_, err := Chain{s, l}.Session(t.Context(), space)
	golden(t, "problems/chain-no-credentials", told(t, err))
	_, err = Chain{s, l}.Session(t.Context(), Space{Kind: HyperPod, Alias: "ws1.hatch", Name: "ws1"})
	golden(t, "problems/chain-hyperpod", told(t, err))
	_, err = Chain{s}.Session(t.Context(), space)
	golden(t, "problems/chain-nothing", told(t, err))
}

// A browser is opened where what failed before leaves that open.
func TestAPersonIsAskedWhereThatHelps(t *testing.T) {
	for code, asked := range map[problem.Code]bool{
		problem.NoCredentials: true, problem.CredentialsExpired: true, problem.AccessDenied: true, StoreDamaged: true,
		problem.TooManyConnections: false, problem.SpaceNotFound: false, problem.SpaceStarting: false,
		problem.Rejected: false, problem.Throttled: false, problem.Unreachable: false,
	} {
		got, err := Chain{fails(problem.New(code, "Failed.", "x", nil)), Personal{gives("of the browser")}}.Session(t.Context(), mySpace)
		if (got.ID == "of the browser") != asked || (err == nil) != asked {
			t.Errorf("%s: %+v, %v", code, got, err)
		}
	}
}

func TestWhatIsToldWhereTheBrowserBroughtNothing(t *testing.T) {
	none := problem.New(problem.NoCredentials, "There are no credentials.", "Click, or set up some.", ErrNone)
	for name, test := range map[string]struct {
		err  error
		hint string
	}{
		"no page":    {problem.New(NoPage, "There is no page.", "Click.", ErrNone), "Click, or set up some."},
		"unattended": {problem.New(StudioUnattended, "Nobody was there.", "Be there.", ErrNone), "Be there."},
	} {
		_, err := Chain{fails(none), Personal{fails(test.err)}}.Session(t.Context(), mySpace)
		p := problem.From(err)
		want := `There is no unused session for the space "my-space". There are no credentials. ` + problem.From(test.err).Sentence
		if p.Code != problem.NoSession || p.Sentence != want || p.Hint != test.hint {
			t.Errorf("%s: %+v", name, p)
		}
	}
	silent := problem.New(StudioSilent, "Nothing came.", "Again.", nil)
	_, err := Chain{fails(problem.New(problem.CredentialsExpired, "Expired.", "Sign in.", nil)), Personal{fails(silent)}}.Session(t.Context(), mySpace)
	if p := problem.From(err); p.Code != StudioSilent || !errors.Is(err, &problem.Problem{Code: problem.CredentialsExpired}) {
		t.Errorf("silent: %v", err)
	}
}
