package main

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	made  = flag.String("made", "", "a `FOLDER` of packages that `make packages` has made")
	again = flag.String("again", "", "the `VARIABLES` of make that it was made with")
)

// A release says nothing of where it was made: a copy of the sources in another
// folder, with another name, gives the same bytes.
func TestTheSameFromElsewhere(t *testing.T) {
	if *made == "" {
		return // `make test-dist` has something to compare with
	}
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(t.TempDir(), "some where else")
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	list.Dir = here
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(names), "\x00"), "\x00") {
		copyFile(t, filepath.Join(here, name), filepath.Join(there, name))
	}
	// Made there, it would take a minute more.
	nfpm := filepath.Join(there, "build/bin/nfpm")
	copyFile(t, filepath.Join(here, "build/bin/nfpm"), nfpm)
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-C", there, "--old-file=build/bin/nfpm", "packages"}, strings.Fields(*again)...)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	first, second := sums(t, *made), sums(t, filepath.Join(there, "build/packages"))
	if first != second {
		t.Errorf("the files differ:\n%s\nfrom elsewhere:\n%s", first, second)
	}
	if strings.Count(first, "\n") < 6 {
		t.Errorf("there are too few files to compare:\n%s", first)
	}
}

func sums(t *testing.T, folder string) string {
	t.Helper()
	if err := writeSums(folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return // removed and not yet committed
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
