package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestChoicesBelongToTheSpace(t *testing.T) {
	s, _ := testStore(t)
	ctx := t.Context()
	forward := func(c *Choices) { c.ForwardAgent = true }
	if err := s.Choose(ctx, "one.hatch", forward); !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) {
		t.Errorf("for a space that is not known: %v", err)
	}
	if _, err := os.Stat(s.state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	one := remember(t, s, studio("111122223333", "d-abc", "one"))
	two := remember(t, s, studio("111122223333", "d-abc", "two"))
	for _, change := range []func(*Choices){forward, func(c *Choices) { c.Folder = "/home/sagemaker-user/a b" }} {
		if err := s.Choose(ctx, "ONE", change); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]Choices{one.ARN: {Folder: "/home/sagemaker-user/a b", ForwardAgent: true}}
	if got, err := s.Choices(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, folder := range []string{"relative", "/a\nb", "/a\x1b", "/\xff", "/" + strings.Repeat("a", 4096)} {
		if err := s.Choose(ctx, one.ARN, func(c *Choices) { c.Folder = folder }); err == nil {
			t.Errorf("%q is taken", folder)
		}
	}
	// A later space of that name has the alias, and none of the choices.
	if err := s.Forget(ctx, one.Alias); err != nil {
		t.Fatal(err)
	}
	other := remember(t, s, studio("444455556666", "d-def", "one"))
	if other.Alias != one.Alias {
		t.Fatalf("the alias is %s", other.Alias)
	}
	if got, err := s.Choices(); err != nil || len(got) != 0 {
		t.Errorf("left behind: %v, %v", got, err)
	}
	// Not even the first one again.
	remember(t, s, studio("111122223333", "d-abc", "one"))
	if got, err := s.Choices(); err != nil || len(got) != 0 {
		t.Errorf("back again: %v, %v", got, err)
	}
	if err := s.Choose(ctx, two.Alias, forward); err != nil {
		t.Fatal(err)
	}
	if err := s.Choose(ctx, two.Alias, func(c *Choices) { *c = Choices{} }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.state, "choices.json"))
	if err != nil || strings.Contains(string(data), "arn:") {
		t.Errorf("what was taken back is still there: %s, %v", data, err)
	}
}
