//go:build cgo || !darwin

package window

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTheCatalogueHasEveryWord keeps translations/en.json, from which others
// are made, in step with the code.
func TestTheCatalogueHasEveryWord(t *testing.T) {
	used := map[string]string{}
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(i fs.FileInfo) bool { return !strings.HasSuffix(i.Name(), "_test.go") }, 0) //nolint:staticcheck // the constraints of these files do not matter here
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range files {
		ast.Inspect(p, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "L" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("a text that is not a literal cannot be translated, and could be a template from outside: %v", call.Args[0])
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			used[text] = text
			return true
		})
	}
	const path = "translations/en.json"
	if *update {
		data, err := json.MarshalIndent(used, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]string
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(used, known) {
		for _, text := range slices.Sorted(maps.Keys(used)) {
			if known[text] == "" {
				t.Errorf("%s lacks %q", path, text)
			}
		}
		for text := range known {
			if used[text] == "" {
				t.Errorf("%s has %q, which nobody says", path, text)
			}
		}
	}
	if len(used) < 50 {
		t.Errorf("only %d texts were found", len(used))
	}
}

func TestTranslate(t *testing.T) {
	if err := Translate(); err != nil {
		t.Error(err)
	}
}
