package session

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestAQuestionIsSettledOnce(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	s := OpenStore(state, t.TempDir())
	if s.Settled("a") || s.Unsettle(t.Context(), "a") != nil {
		t.Error("settled before it was")
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("asking has made a folder")
	}
	for range 2 {
		if err := s.Settle(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if again := OpenStore(state, t.TempDir()); !again.Settled("a") || again.Settled("b") {
		t.Error("what was settled is not what is remembered")
	}
	for i := range maxAnswers {
		if err := s.Settle(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s.Settled("a") || !s.Settled("0") {
		t.Error("the oldest answer did not make room, or more than one did")
	}
	if err := s.Unsettle(t.Context(), "0"); err != nil || s.Settled("0") || !s.Settled("1") {
		t.Errorf("an answer is not forgotten, or more than one is: %v", err)
	}
	if err := s.Settle(t.Context(), "0"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.answersPath(), []byte(`{"version":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.Settled("0") {
		t.Error("a damaged file settles a question")
	}
	if err := s.Settle(t.Context(), "c"); err == nil {
		t.Error("a damaged file is overwritten")
	}
}
