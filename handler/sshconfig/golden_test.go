package sshconfig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Each folder under testdata is a user's config ("before", with @SSH@ for the
// SSH folder) and what becomes of it: "after" and "diff", or the "problem" that
// leaves it untouched; "undone" only where it differs from "before", since our
// lines were there already.
func TestGolden(t *testing.T) {
	needSSH(t)
	cases, err := filepath.Glob("testdata/*/before")
	if err != nil || len(cases) < 20 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, before := range cases {
		dir := filepath.Dir(before)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s := home(t)
			original := strings.ReplaceAll(read(t, before), "@SSH@", s.SSHDir)
			user := s.write(t, original)
			golden := func(name, got string) {
				t.Helper()
				got = strings.ReplaceAll(got, s.SSHDir, "@SSH@")
				compareGolden(t, filepath.Join(dir, name), got)
			}
			p, err := NewPlan(t.Context(), s)
			if err != nil {
				pr, ok := errors.AsType[*problem.Problem](err)
				if !ok {
					t.Fatal(err)
				}
				golden("problem", fmt.Sprintf("%s\n%s\n%s\n", pr.Code, pr.Sentence, pr.Hint))
				if got := snapshot(t, s.SSHDir); strings.Count(got, "\n") != 2 || read(t, user) != original {
					t.Errorf("something was written:\n%s", got)
				}
				return
			}
			added := "+" + strings.ReplaceAll(strings.TrimSuffix(string(s.render()), "\n"), "\n", "\n+")
			golden("diff", strings.Replace(p.Diff(), added, "+@OURS@", 1)+strings.Join(append(p.Notes(), ""), "\n"))
			if err := p.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := read(t, user)
			golden("after", after)
			if again := plan(t, s); !again.Empty() || again.Diff() != "" {
				t.Errorf("a second plan is not empty:\n%s", again.Diff())
			}
			for line := range strings.Lines(original) {
				if !strings.Contains(after, line) && markerOf(strings.TrimSpace(line)) == noMark && !strings.Contains(line, "spacehatch/config") {
					t.Errorf("the line %q is gone", line)
				}
			}
			if err := Undo(t.Context(), s.SSHDir); err != nil {
				t.Fatal(err)
			}
			if undone := read(t, user); undone != original {
				golden("undone", undone)
			} else if _, err := os.Stat(filepath.Join(dir, "undone")); err == nil {
				t.Error("undone as before, but a golden file says otherwise")
			}
			if got := snapshot(t, s.SSHDir); strings.Count(got, "\n") != 2 {
				t.Errorf("left behind:\n%s", got)
			}
		})
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := read(t, path); got != want {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

func TestGoldenBlock(t *testing.T) {
	s := home(t)
	s.SSHDir = "/home/me/.ssh"
	compareGolden(t, "testdata/block", string(s.render()))
}
