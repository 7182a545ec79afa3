package problem

import (
	"errors"
	"fmt"
	"testing"
)

func TestFromFindsTheProblemInTheChain(t *testing.T) {
	p := New(NoSession, "No session.", "Click again.", errors.New("boom"))
	if got := From(fmt.Errorf("while connecting: %w", p)); got != p {
		t.Errorf("From = %v", got)
	}
	if From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
	plain := errors.New("plain")
	if got := From(plain); got.Code != Internal || !errors.Is(got, plain) {
		t.Errorf("From(plain) = %#v", got)
	}
}

func TestIsAsksForTheCode(t *testing.T) {
	err := fmt.Errorf("x: %w", New(Throttled, "Slow down.", "", nil))
	if !errors.Is(err, &Problem{Code: Throttled}) {
		t.Error("the same code is not found")
	}
	if errors.Is(err, &Problem{Code: NoSession}) {
		t.Error("another code is found")
	}
}
