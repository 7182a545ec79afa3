package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Nothing that a tunnel says leaves a machine called a space: every text of its
// code that names one is tried.
func TestATunnelsWordsFitMachines(t *testing.T) {
	machine := &carrier{space: session.Space{Kind: session.Instance}}
	space := &carrier{space: session.Space{Kind: session.SageMaker}}
	folder := os.DirFS("../../tunnel")
	files, err := fs.Glob(folder, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(folder, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil || !strings.Contains(text, "space") && !strings.Contains(text, "Studio") || strings.HasPrefix(text, "github.com/") {
				return true
			}
			tried++
			said := problem.New(problem.Unreachable, text, text, nil)
			got := problem.From(machine.words(said))
			if strings.Contains(got.Hint+got.Sentence, "space") || strings.Contains(got.Hint+got.Sentence, "Studio") || got.Code != said.Code {
				t.Errorf("%s: %q becomes %q", name, text, got.Hint)
			}
			if got := problem.From(space.words(said)); got != said {
				t.Errorf("%s: a space's words change: %q becomes %q", name, text, got)
			}
			return true
		})
	}
	if tried < 10 {
		t.Errorf("only %d texts were found", tried)
	}
	if err := errors.New("no problem"); !errors.Is(machine.words(err), err) || machine.words(nil) != nil {
		t.Error("what is no problem changes")
	}
}
