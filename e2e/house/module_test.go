package house

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

// forbidden modules never come with the command line, whatever a list says: a
// window toolkit costs 130 MB at rest and needs cgo and a display.
var forbidden = []string{"fyne.io/fyne", "github.com/go-gl/", "github.com/fyne-io/"}

const modulesFile = "modules.txt"

func TestTheCommandLineLinksOnlyListedModules(t *testing.T) {
	allowed := listedModules(t)
	used := map[string]bool{}
	for _, goos := range systems {
		for _, p := range list(t, goos, "-deps", "./cmd/spacehatch") {
			if p.Module == nil || p.Module.Main {
				continue
			}
			name := p.Module.Path
			if used[name] {
				continue
			}
			used[name] = true
			if slices.ContainsFunc(forbidden, func(f string) bool { return strings.HasPrefix(name+"/", f) }) {
				t.Errorf("cmd/spacehatch on %s links %s (by package %s): the command line links no window toolkit", goos, name, p.ImportPath)
				continue
			}
			if _, ok := allowed[name]; !ok {
				t.Errorf("cmd/spacehatch on %s links %s (by package %s), which is not in %s: find a way without it, or list it with the reason", goos, name, p.ImportPath, modulesFile)
			}
		}
	}
	for name := range allowed {
		if !used[name] {
			t.Errorf("%s lists %s, which cmd/spacehatch does not link on any system: take the line out", modulesFile, name)
		}
	}
}

// listedModules reads modules.txt: a module and its reason in each line.
func listedModules(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(modulesFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	modules := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, " ")
		if reason = strings.TrimSpace(reason); len(strings.Fields(reason)) < 3 {
			t.Errorf("%s: %s has no reason", modulesFile, name)
		}
		if _, twice := modules[name]; twice {
			t.Errorf("%s lists %s twice", modulesFile, name)
		}
		modules[name] = reason
	}
	return modules
}
