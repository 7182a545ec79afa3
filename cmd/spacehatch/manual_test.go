package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/packaging/manual"
)

var (
	manualFolder  = flag.String("manual", "", "write the man pages and completions of a release into this folder")
	manualVersion = flag.String("manual-version", "0", "the version that they name")
	manualDate    = flag.Int64("manual-date", 0, "their date, in seconds since 1970")
)

// Every command has a page, and the shells complete it.
func TestManual(t *testing.T) {
	t.Parallel()
	root := (&program{}).commands()
	files, err := manual.Manual{
		Root: root, Version: *manualVersion, Date: time.Unix(*manualDate, 0),
		ExitStatus: [][2]string{
			{"0", "Done."}, {"1", "A problem: standard error says which, and what to do."}, {"2", "The command line is wrong."},
			{"3", "A link was refused."}, {"4", "Cancelled, or nobody was there to ask."},
		},
	}.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range root.Commands() {
		page := "share/man/man1/spacehatch-" + c.Name() + ".1"
		if c.Name() != "completion" && !strings.Contains(string(files[page]), "\n.SH DESCRIPTION\n") {
			t.Errorf("there is no page %s", page)
		}
	}
	if *manualFolder == "" {
		return
	}
	for name, data := range files {
		path := filepath.Join(*manualFolder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
