package session

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFiltersAndWaitsAreRemembered(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	s := OpenStore(state, t.TempDir())
	if s.Filter("us-east-1") != (SpaceFilter{}) || s.Took("arn", "start") != 0 {
		t.Error("something is known before it was")
	}
	if err := s.RememberFilter(t.Context(), "us-east-1", SpaceFilter{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("forgetting nothing has made a folder")
	}
	want := SpaceFilter{Domain: "d-abc", UserProfile: "alice"}
	if err := s.RememberFilter(t.Context(), "us-east-1", want); err != nil {
		t.Fatal(err)
	}
	for _, took := range []time.Duration{time.Minute, 90 * time.Second, 0, -time.Second, 25 * time.Hour} {
		if err := s.RememberTook(t.Context(), "arn", "start", took); err != nil {
			t.Fatal(err)
		}
	}
	again := OpenStore(state, t.TempDir())
	if again.Filter("us-east-1") != want || again.Filter("eu-west-1") != (SpaceFilter{}) {
		t.Errorf("filter %+v", again.Filter("us-east-1"))
	}
	if again.Took("arn", "start") != 90*time.Second || again.Took("arn", "stop") != 0 {
		t.Errorf("took %s", again.Took("arn", "start"))
	}
	if err := s.RememberFilter(t.Context(), "us-east-1", SpaceFilter{}); err != nil || s.Filter("us-east-1") != (SpaceFilter{}) {
		t.Errorf("not forgotten: %v", err)
	}
	for i := range maxHabits + 5 {
		if err := s.RememberTook(t.Context(), fmt.Sprint("b", i), "start", time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.habits().Waits); n != maxHabits {
		t.Errorf("%d waits", n)
	}
	for _, text := range []string{`{"version":1`, `{"version":1,"waits_ms":{"a start":-1}}`, `{"version":2}`} {
		if err := os.WriteFile(s.habitsPath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s.Took("b1", "start") != 0 {
			t.Errorf("%s says something", text)
		}
		if err := s.RememberTook(t.Context(), "c", "start", time.Second); err == nil {
			t.Errorf("%s is overwritten", text)
		}
	}
}
