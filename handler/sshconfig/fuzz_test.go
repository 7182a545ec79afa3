package sshconfig

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzEdit: whatever is in the user's file, our lines go in and out again and
// leave every byte as it was; a file that already has them loses only them.
func FuzzEdit(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/before")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("# >>> spacehatch >>>\r\ninclude = \"~/.ssh/spacehatch/config\"\r\n# <<< spacehatch <<<"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const include = "spacehatch/config"
		ownEntries(data, []Host{{Alias: "my-space.hatch"}}) // must not panic
		text, fault := locate(data)
		if fault != "" {
			if !bytes.Contains(bytes.ToLower(data), []byte("spacehatch")) {
				t.Errorf("%q %s", data, fault)
			}
			return
		}
		rest := text.stripped()
		if !text.present() && !bytes.Equal(rest, data) {
			t.Fatalf("nothing of ours, yet %q is stripped to %q", data, rest)
		}
		after := text.with(include)
		again, fault := locate(after)
		if fault != "" || !again.present() {
			t.Fatalf("%q became %q, which %s", data, after, fault)
		}
		if got := again.stripped(); !bytes.Equal(got, rest) {
			t.Fatalf("%q became %q, then %q", data, after, got)
		}
		if got := again.with(include); !bytes.Equal(got, after) {
			t.Fatalf("a second time: %q became %q", after, got)
		}
		if !onlyRemarks(after[:again.start]) {
			t.Fatalf("something stands before our lines: %q", after)
		}
		for line := range strings.Lines(string(rest)) {
			if !strings.Contains(string(after), line) {
				t.Fatalf("the line %q is gone from %q", line, after)
			}
		}
		if visible(string(after)) == "" {
			t.Fatal("nothing to see")
		}
	})
}

// FuzzApply does the same through the disk and asks ssh. A file that ssh itself
// cannot read is refused and stays.
func FuzzApply(f *testing.F) {
	needSSH(f)
	f.Add([]byte("Host *\n    User me\n"))
	f.Add([]byte("\r\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lower := bytes.ToLower(data)
		for _, no := range []string{"exec", "include", "spacehatch"} {
			if bytes.Contains(lower, []byte(no)) {
				return // "Match exec" would run what the fuzzer finds; FuzzEdit has our lines
			}
		}
		s := home(t)
		user := s.write(t, string(data))
		p, err := NewPlan(t.Context(), s)
		if err == nil {
			err = p.Apply(t.Context())
		}
		if err == nil {
			err = Undo(t.Context(), s.SSHDir)
		}
		if got := read(t, user); got != string(data) {
			t.Errorf("%q became %q: %v", data, got, err)
		}
	})
}
