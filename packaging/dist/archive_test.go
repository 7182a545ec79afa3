package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tree makes a folder with a program, a text and what an archive has not.
func tree(t *testing.T, date time.Time) string {
	t.Helper()
	top := t.TempDir()
	for name, mode := range map[string]os.FileMode{"install.sh": 0o755, "bin/spacehatch": 0o700, "LICENSE": 0o600, "refresh.sh": 0o644, "share/icons/x.png": 0o644} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, date, date); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// An archive says nothing of the machine that it was made on.
func TestArchivesAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	date := time.Unix(1790000000, 0).UTC()
	for name, pack := range map[string]func(io.Writer, string, string, time.Time) error{"tar": tarred, "zip": zippedUp} {
		var one, two bytes.Buffer
		if err := errors.Join(pack(&one, tree(t, date), "x-1", date), pack(&two, tree(t, date.Add(time.Hour)), "x-1", date)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: two archives of the same files differ", name)
		}
	}
}

func TestWhatIsInAnArchive(t *testing.T) {
	t.Parallel()
	date := time.Unix(1790000000, 0).UTC()
	var packed bytes.Buffer
	if err := tarred(&packed, tree(t, date), "x-1", date); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Uname != "" || !h.ModTime.Equal(date) {
			t.Errorf("%s belongs to %d %q, and is of %s", h.Name, h.Uid, h.Uname, h.ModTime)
		}
		got = append(got, fmt.Sprintf("%s %o", h.Name, h.Mode))
	}
	want := []string{"x-1/ 755", "x-1/LICENSE 644", "x-1/bin/ 755", "x-1/bin/spacehatch 755", "x-1/install.sh 755", "x-1/share/ 755"}
	if !slices.Equal(got, want) {
		t.Errorf("the archive holds %q, want %q", got, want)
	}

	packed.Reset()
	if err := zippedUp(&packed, tree(t, date), "x-1", date); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, f := range r.File {
		got = append(got, f.Name)
	}
	if want := []string{"x-1/LICENSE", "x-1/bin/spacehatch", "x-1/install.sh"}; !slices.Equal(got, want) {
		t.Errorf("the zip holds %q, want %q", got, want)
	}
}
