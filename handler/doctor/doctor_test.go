package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// says is a check that finds the same each time.
func says(id string, findings ...Finding) Check {
	return Check{ID: id, Title: strings.ToUpper(id), Look: func(context.Context) ([]Finding, error) { return slices.Clone(findings), nil }}
}

// look makes one check.
func look(t *testing.T, c Check) []Finding {
	t.Helper()
	return Doctor{Checks: []Check{c}, Limit: time.Minute}.Look(t.Context())
}

// only makes one check that finds one thing.
func only(t *testing.T, c Check) Finding {
	t.Helper()
	found := look(t, c)
	if len(found) != 1 {
		t.Fatalf("%s: %d findings: %+v", c.ID, len(found), found)
	}
	return found[0]
}

func ids(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.ID)
	}
	return strings.Join(all, " ")
}

func TestLookKeepsTheOrderOfTheChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration, id string) Check {
			return Check{ID: id, Title: id, Look: func(ctx context.Context) ([]Finding, error) {
				select {
				case <-time.After(d):
					return fine("%s.", id), nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}}
		}
		var waited []string
		var ended []int
		d := Doctor{
			Checks: []Check{after(3*time.Second, "slow"), after(0, "fast"), after(time.Hour, "hangs"),
				says("two", Finding{ID: "two.a"}, Finding{ID: "two.b", Title: "own"})},
			Limit: 10 * time.Second, Patience: time.Second, Waiting: func(c Check) { waited = append(waited, c.ID) },
			Ended: func(done int) { ended = append(ended, done) },
		}
		start := time.Now()
		found := d.Look(t.Context())
		if got := ids(found); got != "slow fast hangs two.a two.b" {
			t.Errorf("order: %s", got)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %s: the looks are not at once, or not bounded", took)
		}
		if got := strings.Join(waited, " "); got != "slow hangs" {
			t.Errorf("told to wait for %q", got)
		}
		if !slices.Equal(ended, []int{1, 2, 3, 4}) {
			t.Errorf("told of %v that ended", ended)
		}
		if f := found[2]; f.Severity != Warning || !strings.Contains(f.Sentence, "10s") || f.Hint == "" {
			t.Errorf("a check that hangs: %+v", f)
		}
		if found[3].Title != "TWO" || found[4].Title != "own" {
			t.Errorf("titles: %q, %q", found[3].Title, found[4].Title)
		}
	})
}

func TestLookEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		Doctor{Limit: time.Hour, Checks: []Check{{ID: "hangs", Look: func(ctx context.Context) ([]Finding, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}}}.Look(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnErrorIsAFinding(t *testing.T) {
	for _, c := range []struct {
		err            error
		sentence, hint string
	}{
		{problem.New(problem.NoEditor, "No IDE.", "Install one.", nil), "No IDE.", "Install one."},
		{fmt.Errorf("read x: %w", problem.New(problem.NoEditor, "No IDE.", "Install one.", nil)), "No IDE.", "Install one."},
		{errors.New("read x\x1b[2J: no"), "This could not be looked at: read x?[2J: no.", ""},
	} {
		f := only(t, Check{ID: "x", Title: "X", Look: func(context.Context) ([]Finding, error) { return nil, c.err }})
		if f.ID != "x" || f.Severity != Error || f.Sentence != c.sentence || f.Hint != c.hint {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
}

func TestMend(t *testing.T) {
	var done []string
	broken := map[string]bool{"a": true, "b": true, "worse": true, "info": true}
	thing := func(id string, severity Severity, mend func() (string, error)) Check {
		return Check{ID: id, Title: id, Look: func(context.Context) ([]Finding, error) {
			if !broken[id] {
				return fine("Good."), nil
			}
			return []Finding{{Severity: severity, Sentence: id + " is broken.", Hint: "Do it.", Mend: func(context.Context) (string, error) {
				done = append(done, id)
				return mend()
			}}}, nil
		}}
	}
	heals := func(id string) func() (string, error) {
		return func() (string, error) { broken[id] = false; return "It was mended.", nil }
	}
	d := Doctor{Limit: time.Minute, Checks: []Check{
		thing("a", Error, heals("a")),
		thing("b", Warning, func() (string, error) {
			return "", problem.New(problem.NoEditor, "The disk is full.", "Make room.", nil)
		}),
		thing("worse", Error, func() (string, error) { return "It was mended.", nil }),
		thing("info", Info, heals("info")),
		says("fine", Finding{Severity: OK, Sentence: "Good."}),
	}}
	before := d.Look(t.Context())
	for i, want := range []bool{true, true, true, true, false} {
		if before[i].Fixable != want || before[i].Fixed {
			t.Errorf("%s: fixable %v, fixed %v", before[i].ID, before[i].Fixable, before[i].Fixed)
		}
	}
	after := d.Mend(t.Context(), before)
	if got := strings.Join(done, " "); got != "a b worse" {
		t.Errorf("mended: %q", got)
	}
	if got, want := ids(after), ids(before); got != want {
		t.Errorf("findings %s, want %s", got, want)
	}
	for i, want := range []Finding{
		{Severity: Error, Sentence: "a is broken. It was mended.", Hint: "", Fixed: true},
		{Severity: Warning, Sentence: "b is broken. It could not be put right: The disk is full.", Hint: "Make room."},
		{Severity: Error, Sentence: "It was mended. Still: worse is broken.", Hint: "Do it."},
		{Severity: Info, Sentence: "info is broken.", Hint: "Do it."},
		{Severity: OK, Sentence: "Good."},
	} {
		got := after[i]
		if got.Severity != want.Severity || got.Sentence != want.Sentence || got.Hint != want.Hint || got.Fixed != want.Fixed {
			t.Errorf("%s: got %+v, want %+v", got.ID, got, want)
		}
	}
	if after[0].Open(Warning) || !after[2].Open(Error) {
		t.Error("what is fixed is still open, or what is not fixed is not")
	}
}

// Scripts read these names.
func TestJSON(t *testing.T) {
	text, err := json.MarshalIndent(look(t, says("x", Finding{
		Severity: Warning, Sentence: "S.", Hint: "H.", Mend: func(context.Context) (string, error) { return "", nil },
	})), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "finding.json", string(text)+"\n")
}
