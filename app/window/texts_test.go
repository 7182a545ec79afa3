//go:build cgo || !darwin

package window

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
)

var textsFile = flag.String("texts", "", "a file for the texts of all problems, as translations hold them; empty writes none")

// verb is what fmt puts data for.
var verb = regexp.MustCompile(`%[-+# 0]*[0-9.]*[a-zA-Z]`)

// textOf writes an expression of a text as a translation holds it: data has
// become {{.P1}}, {{.P2}} …
func textOf(e ast.Expr, holes *int) string {
	next := func(string) string {
		*holes++
		return fmt.Sprintf("{{.P%d}}", *holes)
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.ParenExpr:
		return textOf(e.X, holes)
	case *ast.BinaryExpr:
		return textOf(e.X, holes) + textOf(e.Y, holes)
	case *ast.CallExpr:
		if s, ok := e.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			if format, ok := e.Args[0].(*ast.BasicLit); ok {
				return verb.ReplaceAllStringFunc(textOf(format, holes), next)
			}
		}
	}
	return next("")
}

// problemTextsIn finds the sentences and hints of all problems below a folder.
func problemTextsIn(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && (e.Name() == "node_modules" || strings.HasPrefix(e.Name(), ".git")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 3 {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "New" {
				return true
			}
			if from, ok := s.X.(*ast.Ident); !ok || from.Name != "problem" {
				return true
			}
			for _, arg := range call.Args[1:3] {
				holes := 0
				if text := textOf(arg, &holes); newPhrase(text).words() >= leastWords {
					found[text] = text
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTextsOfProblems finds each text again in a sentence that was made of it.
func TestTextsOfProblems(t *testing.T) {
	found := problemTextsIn(t, "../..")
	if len(found) < 100 {
		t.Errorf("only %d texts were found", len(found))
	}
	keys := map[string]bool{}
	for text := range found {
		keys[text] = true
	}
	known := phrasesOf(keys)
	for text := range found {
		said := hole().ReplaceAllString(text, "data")
		if got := translated(said, known); got != said {
			t.Errorf("%q becomes %q", said, got)
		}
	}
	if *textsFile == "" {
		return
	}
	data, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(*textsFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*textsFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAProblemIsTranslated(t *testing.T) {
	const (
		start  = "AWS could not start the space {{.P1}}: {{.P2}}"
		simple = "The test has no network."
	)
	// In every language that this test may run in.
	for _, locale := range []fyne.Locale{lang.SystemLocale(), "en", "en-US"} {
		if err := lang.AddTranslationsForLocale([]byte(`{
			"AWS could not start the space {{.P1}}: {{.P2}}": "{{.P2}}: AWS konnte den Space {{.P1}} nicht starten",
			"The test has no network.": "Der Test hat kein Netz."
		}`), locale); err != nil {
			t.Fatal(err)
		}
	}
	known := phrasesOf(map[string]bool{start: true, simple: true, "{{.P1}}.": true})
	for text, want := range map[string]string{
		`AWS could not start the space "a{{.P2}}": no (.*) room`: `no (.*) room: AWS konnte den Space "a{{.P2}}" nicht starten`,
		"AWS could not start the space two\nlines: x":            "x: AWS konnte den Space two\nlines nicht starten",
		simple:                            "Der Test hat kein Netz.",
		"The test has no network. At all": "The test has no network. At all",
		"Something else.":                 "Something else.",
		"":                                "",
	} {
		if got := translated(text, known); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
