package session

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// told is a problem as the golden files hold it.
func told(t *testing.T, err error) string {
	t.Helper()
	p := problem.From(err)
	if p == nil {
		t.Fatal("no error")
	}
	if p.Sentence == "" || p.Hint == "" || p.Code == problem.Internal {
		t.Errorf("not a whole problem: %#v", p)
	}
	text := fmt.Sprintf("code: %s\nsentence: %s\nhint: %s\n", p.Code, p.Sentence, p.Hint)
	if p.Paste != "" {
		text += "paste:\n" + p.Paste + "\n"
	}
	if p.Cause != nil {
		text += fmt.Sprintf("cause: %s\n", p.Cause)
	}
	return strings.ReplaceAll(text, `\`, "/") // paths look alike on every system
}
