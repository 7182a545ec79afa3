package editor

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tailscale/hujson"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// ide returns an installation whose settings hold content; nil: no file.
func ide(t testing.TB, name string, content []byte) Installation {
	t.Helper()
	e, ok := byName(name)
	if !ok {
		t.Fatal(name)
	}
	path := filepath.Join(t.TempDir(), "User", "settings.json")
	if content != nil {
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return Installation{Editor: e, Settings: path}
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func plan(t testing.TB, i Installation, alias string) *SettingsPlan {
	t.Helper()
	p, err := PlanSettings(i, alias, DefaultFolder)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func apply(t testing.TB, p *SettingsPlan, state string) {
	t.Helper()
	if err := p.Apply(state); err != nil {
		t.Fatal(err)
	}
}

func undo(t testing.TB, state string) {
	t.Helper()
	p, err := PlanUndo(state)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, p, state)
}

// TestGolden guards every form that a settings file was seen in. The output is
// the new file, or the sentence of the Problem that left the old one alone.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/settings/*.in")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in")
		t.Run(name, func(t *testing.T) {
			before := contents(t, input)
			i := ide(t, "code", before)
			state := filepath.Join(t.TempDir(), "s", "code.json")
			var got []byte
			p, err := PlanSettings(i, "my-space.hatch", DefaultFolder)
			if err != nil {
				refused := problem.From(err)
				if refused.Code != problem.EditorFailed || refused.Hint == "" {
					t.Errorf("not a proper Problem: %+v", refused)
				}
				if strings.Contains(err.Error(), "hush") {
					t.Errorf("the error quotes the file: %v", err)
				}
				got = []byte("! " + strings.ReplaceAll(refused.Sentence, i.Settings, "settings.json") + "\n")
				if !bytes.Equal(contents(t, i.Settings), before) {
					t.Error("the file was touched")
				}
			} else {
				diff := p.Diff()
				apply(t, p, state)
				got = contents(t, i.Settings)
				if p.Empty() != bytes.Equal(got, before) || p.Empty() != (diff == "") {
					t.Errorf("Empty() = %v, diff:\n%s", p.Empty(), diff)
				}
				meaningKept(t, before, got)
				if again := plan(t, i, "my-space.hatch"); !again.Empty() {
					t.Errorf("a second time it wants:\n%s", again.Diff())
				}
				info, err := os.Stat(i.Settings)
				if err != nil || info.Mode().Perm() != 0o640 {
					t.Errorf("mode %v, %v", info.Mode(), err)
				}
				undo(t, state)
				if after := contents(t, i.Settings); !bytes.Equal(after, before) {
					t.Errorf("undone: %q, want %q", after, before)
				}
				if left, _ := os.ReadDir(filepath.Dir(state)); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			}
			golden := filepath.Join("testdata/settings", name+".out")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := contents(t, golden); !bytes.Equal(got, want) {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

// values reads a settings file the way an IDE does: the last of several wins.
func values(t testing.TB, data []byte) map[string]any {
	t.Helper()
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	all := map[string]any{}
	standard, err := hujson.Standardize(bytes.Clone(data))
	if err != nil {
		return all
	}
	if err := json.Unmarshal(standard, &all); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return all
}

// meaningKept checks that nothing but our own settings differs.
func meaningKept(t testing.TB, before, after []byte) {
	t.Helper()
	old, now := values(t, before), values(t, after)
	if len(now) == 0 {
		t.Errorf("what was written does not parse: %q", after)
	}
	for _, key := range []string{"remote.SSH.connectTimeout", "remote.SSH.remotePlatform", "remote.SSH.serverInstallPath"} {
		if hosts, ok := old[key].(map[string]any); ok {
			for host, v := range hosts {
				if got := now[key].(map[string]any)[host]; host != "my-space.hatch" && !reflect.DeepEqual(got, v) {
					t.Errorf("%s of %s: %v, was %v", key, host, got, v)
				}
			}
		}
		delete(old, key)
		delete(now, key)
	}
	a, _ := json.Marshal(old)
	b, _ := json.Marshal(now)
	if !bytes.Equal(a, b) {
		t.Errorf("other settings: %s, were %s", b, a)
	}
}

func TestMissingFileAndFolder(t *testing.T) {
	i := ide(t, "code", nil)
	state := filepath.Join(t.TempDir(), "code.json")
	apply(t, plan(t, i, "a.hatch"), state)
	want := "{\n    \"remote.SSH.connectTimeout\": 120,\n    \"remote.SSH.remotePlatform\": {\n        \"a.hatch\": \"linux\"\n    },\n" +
		"    \"remote.SSH.serverInstallPath\": {\n        \"a.hatch\": \"/home/sagemaker-user\"\n    }\n}\n"
	if got := string(contents(t, i.Settings)); got != want {
		t.Errorf("got %s", got)
	}
	for _, path := range []string{i.Settings, state} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
	apply(t, plan(t, i, "b.hatch"), state)
	undo(t, state)
	if _, err := os.Lstat(filepath.Dir(i.Settings)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder we made is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Dir(filepath.Dir(i.Settings))); err != nil {
		t.Errorf("a folder that was there is gone: %v", err)
	}
	undo(t, state) // nothing to undo is no error
}

func TestOtherIDEsHaveOtherNames(t *testing.T) {
	for name, want := range map[string][]string{
		"cursor":   {"remote.SSH.connectTimeout", "remote.SSH.remotePlatform", "remote.SSH.serverInstallPath"},
		"windsurf": {"remote.windsurfSSH.connectTimeout", "remote.windsurfSSH.remotePlatform", "remote.windsurfSSH.serverInstallPath"},
		"positron": {"remoteSSH.connectTimeout", "remoteSSH.remotePlatform"},
	} {
		p := plan(t, ide(t, name, nil), "a.hatch")
		var got []string
		for _, c := range p.changes {
			got = append(got, c.Key)
		}
		for _, key := range want {
			if !slices.Contains(got, key) {
				t.Errorf("%s: %v, want %s", name, got, key)
			}
		}
		if slices.Contains(want, "remoteSSH.connectTimeout") && slices.Contains(got, "remoteSSH.serverInstallPath") {
			t.Errorf("%s has no such setting: %v", name, got)
		}
	}
}

func TestLinkSurvives(t *testing.T) {
	i := ide(t, "code", []byte("{}"))
	link := filepath.Join(t.TempDir(), "settings.json")
	if err := os.Symlink(i.Settings, link); err != nil {
		t.Fatal(err)
	}
	target := i.Settings
	i.Settings = link
	state := filepath.Join(t.TempDir(), "code.json")
	apply(t, plan(t, i, "a.hatch"), state)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Fatalf("the link is gone: %v", err)
	}
	if !bytes.Contains(contents(t, target), []byte("a.hatch")) {
		t.Error("the file behind the link did not change")
	}
	undo(t, state)
	if got := contents(t, link); string(got) != "{}" {
		t.Errorf("undone: %q", got)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if _, err := PlanSettings(i, "a.hatch", DefaultFolder); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
		t.Errorf("a link that leads nowhere: %v", err)
	}
}

func TestReadOnlyIsLeftAlone(t *testing.T) {
	i := ide(t, "code", []byte("{}"))
	if err := os.Chmod(i.Settings, 0o444); err != nil {
		t.Fatal(err)
	}
	_, err := PlanSettings(i, "a.hatch", DefaultFolder)
	p := problem.From(err)
	if p == nil || p.Code != problem.EditorFailed || !strings.Contains(p.Hint, `"remote.SSH.connectTimeout": 120`) {
		t.Errorf("got %+v", p)
	}
	if got := contents(t, i.Settings); string(got) != "{}" {
		t.Errorf("touched: %q", got)
	}
	done := contents(t, "testdata/settings/done.in")
	if err := errors.Join(os.Chmod(i.Settings, 0o600), os.WriteFile(i.Settings, done, 0o600), os.Chmod(i.Settings, 0o444)); err != nil {
		t.Fatal(err)
	}
	if p := plan(t, i, "my-space.hatch"); !p.Empty() {
		t.Errorf("nothing had to be done: %s", p.Diff())
	}
}

func TestTooLargeAndNotAFile(t *testing.T) {
	i := ide(t, "code", bytes.Repeat([]byte(" "), maxSettings+1))
	if _, err := PlanSettings(i, "a.hatch", DefaultFolder); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
		t.Errorf("too large: %v", err)
	}
	i.Settings = filepath.Dir(i.Settings)
	if _, err := PlanSettings(i, "a.hatch", DefaultFolder); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := PlanSettings(i, "A B", DefaultFolder); !errors.Is(err, &problem.Problem{Code: problem.EditorFailed}) {
		t.Errorf("not an alias: %v", err)
	}
}

func TestApplyRefusesAFileThatChanged(t *testing.T) {
	i := ide(t, "code", []byte("{}"))
	p := plan(t, i, "a.hatch")
	if err := os.WriteFile(i.Settings, []byte("{\"a\": 1}"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "code.json")
	if err := p.Apply(state); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
	if got := contents(t, i.Settings); string(got) != "{\"a\": 1}" {
		t.Errorf("touched: %q", got)
	}
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was remembered that was not done")
	}
}

// TestApplyRefusesALinkThatWasTurned: what is there now is another file, even
// where it holds the same.
func TestApplyRefusesALinkThatWasTurned(t *testing.T) {
	i, other := ide(t, "code", []byte("{}")), ide(t, "code", []byte("{}"))
	first := i.Settings
	i.Settings = filepath.Join(t.TempDir(), "settings.json")
	if err := os.Symlink(first, i.Settings); err != nil {
		t.Fatal(err)
	}
	p := plan(t, i, "a.hatch")
	if err := errors.Join(os.Remove(i.Settings), os.Symlink(other.Settings, i.Settings)); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(filepath.Join(t.TempDir(), "code.json")); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{first, other.Settings} {
		if got := contents(t, path); string(got) != "{}" {
			t.Errorf("touched: %q", got)
		}
	}
}

func TestUndoLeavesWhatOthersWrote(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edit   func(string) string // what the user does in between
		want   string
	}{
		"a new setting": {
			"{\n    \"a\": 1 // one\n}\n",
			func(s string) string { return strings.Replace(s, "\"a\": 1", "\"b\": 2,\n    \"a\": 1", 1) },
			"{\n    \"b\": 2,\n    \"a\": 1 // one\n}\n",
		},
		"our timeout, changed": {
			"{\n    \"remote.SSH.connectTimeout\": 15\n}\n",
			func(s string) string { return strings.Replace(s, "120", "90", 1) },
			"{\n    \"remote.SSH.connectTimeout\": 90\n}\n",
		},
		"our timeout goes back": {
			"{\n    \"remote.SSH.connectTimeout\": 15\n}\n",
			func(s string) string { return s + "// mine\n" },
			"{\n    \"remote.SSH.connectTimeout\": 15\n}\n// mine\n",
		},
		"our host's path, changed": {
			"{}\n",
			func(s string) string { return strings.Replace(s, "/home/sagemaker-user", "/x", 1) },
			"{\n    \"remote.SSH.serverInstallPath\": {\n        \"a.hatch\": \"/x\"\n    }\n}\n",
		},
		"another host in our object": {
			"{}\n",
			func(s string) string {
				return strings.Replace(s, "\"a.hatch\": \"linux\"", "\"other\": \"linux\",\n        \"a.hatch\": \"linux\"", 1)
			},
			"{\n    \"remote.SSH.remotePlatform\": {\n        \"other\": \"linux\"\n    }\n}\n",
		},
		"a comment in our object": {
			"{}\n",
			func(s string) string {
				return strings.Replace(s, "\"a.hatch\": \"linux\"", "// why\n        \"a.hatch\": \"linux\"", 1)
			},
			"{\n    \"remote.SSH.remotePlatform\": {\n        // why\n    }\n}\n",
		},
		"trailing comma": {
			"{\n    \"a\": 1,\n}\n",
			func(s string) string { return s + "\n" },
			"{\n    \"a\": 1,\n}\n\n",
		},
		"all of it removed": {"{\n    \"a\": 1\n}\n", func(string) string { return "{}" }, "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			i := ide(t, "code", []byte(c.before))
			state := filepath.Join(t.TempDir(), "code.json")
			apply(t, plan(t, i, "a.hatch"), state)
			applied := string(contents(t, i.Settings))
			edited := c.edit(applied)
			if edited == applied {
				t.Fatalf("the edit does nothing in %s", applied)
			}
			if err := os.WriteFile(i.Settings, []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
			undo(t, state)
			if got := string(contents(t, i.Settings)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestUndoOfSeveralSpaces(t *testing.T) {
	const before = "{\n    \"a\": 1,\n    \"remote.SSH.connectTimeout\": 15\n}\n"
	for name, between := range map[string]func(string) string{
		"untouched":           func(s string) string { return s },
		"edited in between":   func(s string) string { return strings.Replace(s, "\"a\": 1", "\"a\": 2", 1) },
		"timeout put back":    func(s string) string { return strings.Replace(s, "120", "15", 1) },
		"somebody's own time": func(s string) string { return strings.Replace(s, "120", "30", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			i := ide(t, "code", []byte(before))
			state := filepath.Join(t.TempDir(), "code.json")
			apply(t, plan(t, i, "a.hatch"), state)
			edited := between(string(contents(t, i.Settings)))
			if err := os.WriteFile(i.Settings, []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
			apply(t, plan(t, i, "b.hatch"), state)
			apply(t, plan(t, i, "c.hatch"), state)
			undo(t, state)
			got := string(contents(t, i.Settings))
			want := between(before)
			if name == "somebody's own time" {
				want = strings.Replace(before, "15", "30", 1)
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestUndoTellsOfABrokenRecord(t *testing.T) {
	state := filepath.Join(t.TempDir(), "code.json")
	if err := os.WriteFile(state, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PlanUndo(state); err == nil {
		t.Error("a broken record was taken for none")
	}
}

// FuzzSettings: whatever parses keeps its meaning, the settings hold
// afterwards, and taking them back by their values gives the same meaning.
func FuzzSettings(f *testing.F) {
	inputs, err := filepath.Glob("testdata/settings/*.in")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range inputs {
		f.Add(contents(f, input))
	}
	e, _ := byName("code")
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseDocument(data)
		if err != nil {
			return
		}
		var changes []change
		for _, w := range wants(e, "my-space.hatch", DefaultFolder) {
			c, err := doc.fulfil(w)
			if err != nil {
				return
			}
			if c != nil {
				changes = append(changes, *c)
			}
		}
		if len(changes) == 0 {
			if !bytes.Equal(doc.bytes(), data) && !isBlank(string(data)) {
				if _, err := hujson.Parse(bytes.TrimPrefix(data, []byte(byteOrderMark))); err == nil {
					t.Errorf("no change, but %q became %q", data, doc.bytes())
				}
			}
			return
		}
		after := doc.bytes()
		meaningKept(t, data, after)
		again, err := parseDocument(after)
		if err != nil {
			t.Fatalf("%v in %q, from %q", err, after, data)
		}
		for _, w := range wants(e, "my-space.hatch", DefaultFolder) {
			if c, err := again.fulfil(w); c != nil || err != nil {
				t.Errorf("a second time: %+v, %v in %q", c, err, after)
			}
		}
		changes = merge(nil, changes)
		for i := len(changes) - 1; i >= 0; i-- {
			again.revert(changes[i])
		}
		a, _ := json.Marshal(values(t, data))
		b, _ := json.Marshal(values(t, again.bytes()))
		if !bytes.Equal(a, b) {
			t.Errorf("taken back: %q, from %q by way of %q", again.bytes(), data, after)
		}
	})
}
