package desktop

import (
	"errors"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestProblem(t *testing.T) {
	p := problem.New(problem.AccessDenied, "Refused.", "Add this:", errors.New("403"))
	p.Paste = "{}"
	if v := Problem(p); v.Code != "access-denied" || v.Sentence != "Refused." || v.Hint != "Add this:" || v.Paste != "{}" || v.Details != "403" {
		t.Errorf("got %+v", v)
	}
}

// A link is used up by most of what can go wrong; a space that is named can be
// tried again after nearly everything.
func TestAgain(t *testing.T) {
	for code, want := range map[problem.Code][2]bool{
		problem.Unreachable:        {true, true},
		problem.TunnelRefused:      {false, true},
		problem.CredentialsExpired: {false, true},
		problem.AccessDenied:       {false, true},
		problem.Cancelled:          {false, false},
		problem.NeedsPerson:        {false, false},
		problem.UnknownAlias:       {false, false},
		problem.LinkRefused:        {false, true},
	} {
		if got := [2]bool{again(code, false), again(code, true)}; got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}
