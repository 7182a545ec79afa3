//go:build linux

package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
)

// mendsThenSaves puts right what can be, one after the other, saves a report,
// and closes the window when it is there.
func mendsThenSaves() func(view.Screen) (*view.Wish, bool) {
	asked := map[string]bool{}
	return func(s view.Screen) (*view.Wish, bool) {
		d := s.Diagnostics
		if d == nil || d.Looking || d.Mending != "" {
			return nil, false
		}
		for _, f := range d.Findings {
			if f.Fixable && !asked[f.Key] {
				asked[f.Key] = true
				return &view.Wish{Do: view.Mend, Key: f.Key}, false
			}
		}
		switch {
		case d.Bundle == nil:
			return &view.Wish{Do: view.SaveBundle}, false
		case d.Bundle.Saving:
			return nil, false
		}
		return nil, true
	}
}

func TestDiagnosticsInAWindow(t *testing.T) {
	d := newDesk(t)
	// A folder of ours that others may read, which is mended without a question.
	if err := os.MkdirAll(d.state, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.state, 0o755); err != nil {
		t.Fatal(err)
	}
	downloads := filepath.Join(d.home, "Downloads")
	if err := os.Mkdir(downloads, 0o700); err != nil {
		t.Fatal(err)
	}
	shown := d.person(t, "mends, then saves")
	if got := d.run(t, "", "doctor", "--window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	screens := shown()
	if first := screens[0].Diagnostics; first == nil || !first.Looking {
		t.Errorf("the first screen is %+v", screens[0])
	}
	last := screens[len(screens)-1].Diagnostics
	if last == nil || last.Bundle == nil || filepath.Dir(last.Bundle.File) != downloads || last.Bundle.Folder != downloads {
		t.Fatalf("the last screen is %+v", last)
	}
	if report, err := zip.OpenReader(last.Bundle.File); err != nil {
		t.Error(err)
	} else if err := report.Close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(d.state); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	if !slices.ContainsFunc(last.Findings, func(f view.Finding) bool {
		return f.Severity == view.Mended && !f.Fixable && strings.Contains(f.Key, "permissions")
	}) {
		t.Errorf("nothing was mended: %+v", last.Findings)
	}
	if last.Text == "" {
		t.Error("there is nothing to copy")
	}
}

func TestDiagnosticsWithoutADisplay(t *testing.T) {
	got := newDesk(t).run(t, "", "doctor", "--window")
	if got.code != exitFailed || !strings.Contains(got.errors, "No window could be opened.") || !strings.Contains(got.errors, "spacehatch doctor") {
		t.Errorf("%v", got)
	}
	if got := newDesk(t).run(t, "", "doctor", "--window", "--json"); got.code != exitUsage {
		t.Errorf("%v", got)
	}
}
