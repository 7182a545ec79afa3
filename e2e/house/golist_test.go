// Package house checks the rules that hold for the whole tree: which package
// may import which, what the command line links, that every package says what
// it is for.
//
// It must not know what the packages do.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/spacehatch/spacehatch"

// systems are the GOOS values that the command line is built for; what one of
// them does not compile may still be wrong on another.
var systems = []string{"linux", "darwin", "windows"}

// listed is what we read of `go list -json`.
type listed struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	GoFiles    []string
	Imports    []string
	Module     *struct {
		Path string
		Main bool
	}
	Error *struct{ Err string }
}

// folder returns the package's folder relative to the root of the repository,
// and whether it is one of ours.
func folder(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

var (
	listMu sync.Mutex
	lists  = map[string][]listed{} // go list is the slow part of these tests
)

// list runs go list for one system without cgo, as the command line is built.
func list(t *testing.T, goos string, args ...string) []listed {
	t.Helper()
	listMu.Lock()
	defer listMu.Unlock()
	key := goos + " " + strings.Join(args, " ")
	if found, ok := lists[key]; ok {
		return found
	}
	// -e: a package that cannot be built is for go vet to say, with a better
	// message; what it imports is known all the same.
	args = append([]string{"list", "-e", "-json=ImportPath,Name,Dir,Standard,GoFiles,Imports,Module,Error"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", strings.Join(cmd.Args, " "), err)
		}
		if p.Name == "" && p.Error != nil {
			t.Fatalf("%s: %s: %s", strings.Join(cmd.Args, " "), p.ImportPath, p.Error.Err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatalf("%s: no packages", strings.Join(cmd.Args, " "))
	}
	lists[key] = packages
	return packages
}

// root returns the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
