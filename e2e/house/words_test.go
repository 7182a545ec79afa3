package house

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	seen := map[string]bool{}
	for _, goos := range systems {
		for _, p := range list(t, goos, "./...") {
			from, ours := folder(p.ImportPath)
			if !ours || seen[from] || len(p.GoFiles) == 0 {
				continue
			}
			seen[from] = true
			text := packageComment(t, p.Dir)
			switch {
			case text == "":
				t.Errorf("%s has no package comment", from)
			case p.Name != "main" && !strings.Contains(text, "must not"):
				t.Errorf("%s: the package comment says what the package does, but not what it must not know:\n%s", from, text)
			}
		}
	}
}

// packageComment reads the package comment from all files of a folder that are
// no tests, those of other systems too.
func packageComment(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.TrimSpace(f.Doc.Text()); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) > 1 {
		t.Errorf("%s has %d package comments, want one", dir, len(texts))
	}
	return strings.Join(texts, "\n")
}

// maxLines is the length from which a file surely holds more than one thing.
const maxLines = 600

// vague are folder names that say nothing about what is inside.
var vague = []string{"pkg", "util", "utils", "common", "helper", "helpers", "types", "misc", "lib"}

func TestFilesAndFoldersHoldOneThing(t *testing.T) {
	top := root(t)
	files := 0
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if path != top && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "build", "dist", "testdata"}, name)) {
				return fs.SkipDir
			}
			if slices.Contains(vague, name) {
				t.Errorf("the folder %s says nothing about what is inside", path)
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(data, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d: does it still hold one thing?", path, n, maxLines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("no Go file was found")
	}
}

func TestEveryLeafHasAReason(t *testing.T) {
	leaves, err := os.ReadDir(filepath.Join(root(t), "internal"))
	if err != nil {
		t.Fatal(err)
	}
	papers, err := filepath.Glob(filepath.Join(root(t), "docs", "decisions", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var decisions []byte
	for _, paper := range papers {
		data, err := os.ReadFile(paper)
		if err != nil {
			t.Fatal(err)
		}
		decisions = append(decisions, data...)
	}
	for _, leaf := range leaves {
		if name := leaf.Name(); leaf.IsDir() && !bytes.Contains(decisions, []byte("`"+name+"`")) && !bytes.Contains(decisions, []byte("internal/"+name)) {
			t.Errorf("internal/%s has no reason in docs/decisions/", name)
		}
	}
}

func TestEveryDecisionIsListed(t *testing.T) {
	dir := filepath.Join(root(t), "docs", "decisions")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := page.Name(); name != "README.md" && !bytes.Contains(index, []byte("]("+name+")")) {
			t.Errorf("docs/decisions/README.md does not list %s", name)
		}
	}
}
