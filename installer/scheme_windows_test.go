package installer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// testFolder is a folder that has to be empty again at the end. It is removed
// by os.Remove, which is what there is under wine.
func testFolder(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// testProgram makes files of these names in a folder with blanks and letters of
// several kinds in its name, and returns the path of the first.
func testProgram(t *testing.T, names ...string) string {
	t.Helper()
	dir := testFolder(t, "Spacé hätch (Ж) ")
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("MZ"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(path) })
	}
	return filepath.Join(dir, names[0])
}

// testScheme is a scheme of which nothing is registered, and after the test
// nothing either.
func testScheme(t *testing.T) Scheme {
	t.Helper()
	s := Scheme{name: "spacehatch-test", state: testFolder(t, "state")}
	t.Cleanup(func() {
		for _, root := range []registry.Key{registry.CURRENT_USER, registry.LOCAL_MACHINE} {
			left, err := readBranch(root, s.key())
			if err != nil || left != nil {
				t.Errorf("the registry has %+v, %v", left, err)
				_ = deleteBranch(root, s.key())
			}
		}
	})
	return s
}

func mustInstall(t *testing.T, s Scheme, program string, want ...Action) {
	t.Helper()
	planned, err := s.Plan(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.Install(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(planned, done) {
		t.Errorf("planned %v, done %v", planned, done)
	}
	wantActions(t, done, want...)
}

func mustUninstall(t *testing.T, s Scheme, want ...Action) {
	t.Helper()
	done, err := s.Uninstall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantActions(t, done, want...)
}

func wantActions(t *testing.T, done []Change, want ...Action) {
	t.Helper()
	var actions []Action
	for _, change := range done {
		actions = append(actions, change.Action)
	}
	if !slices.Equal(actions, want) {
		t.Errorf("done %v, want %v", done, want)
	}
}

func mustStatus(t *testing.T, s Scheme) Status {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func mustWrite(t *testing.T, root registry.Key, path string, b *branch) {
	t.Helper()
	if err := writeBranch(root, path, b); err != nil {
		t.Fatal(err)
	}
}

func TestSchemeComesAndGoes(t *testing.T) {
	s, program := testScheme(t), testProgram(t, "spacehatch.exe")
	if st := mustStatus(t, s); st != (Status{Scheme: s.name}) {
		t.Errorf("before: %+v", st)
	}
	mustInstall(t, s, program, Created)
	st := mustStatus(t, s)
	if st.Program != program || !st.Ours || st.Warning != "" || st.Handler != s.name || st.Entry != inUsers(s.key()) {
		t.Errorf("%+v", st)
	}
	mustInstall(t, s, program)
	moved := testProgram(t, "spacehatch.exe", "spacehatchw.exe")
	mustInstall(t, s, moved, Changed)
	if st := mustStatus(t, s); st.Program != filepath.Join(filepath.Dir(moved), "spacehatchw.exe") {
		t.Errorf("links start %s, which opens a console", st.Program)
	}
	mustUninstall(t, s, Removed)
	mustUninstall(t, s)
}

func TestSchemeGivesBackWhatWasThere(t *testing.T) {
	s, program := testScheme(t), testProgram(t, "spacehatch.exe")
	before := &branch{
		Values: map[string]registryValue{
			"": {Kind: registry.EXPAND_SZ, Text: `%ProgramFiles%\other`}, "URL Protocol": text(""),
			"numbers": {Kind: registry.QWORD, Number: 1 << 40}, "flag": {Kind: registry.DWORD, Number: 1},
			"texts": {Kind: registry.MULTI_SZ, Texts: []string{"one", "two"}}, "bytes": {Kind: registry.BINARY, Bytes: []byte{0, 1, 255}},
		},
		Keys: map[string]*branch{
			"shell": {Values: map[string]registryValue{}, Keys: map[string]*branch{"open": {Keys: map[string]*branch{
				"command": {Values: map[string]registryValue{"": text(`"C:\other.exe" "%1"`)}},
			}}}},
		},
	}
	mustWrite(t, registry.CURRENT_USER, s.key(), before)
	mustInstall(t, s, program, Changed)
	mustInstall(t, s, testProgram(t, "spacehatch.exe"), Changed) // the record remembers what was first
	mustUninstall(t, s, Changed)
	if after, err := readBranch(registry.CURRENT_USER, s.key()); err != nil || !after.equal(before) {
		t.Errorf("%+v, %v", after, err)
	}
	if st := mustStatus(t, s); st.Program != `C:\other.exe` || st.Ours || !strings.Contains(st.Warning, "not there any more") {
		t.Errorf("%+v", st)
	}
	mustUninstall(t, s) // it is not ours
	mustWrite(t, registry.CURRENT_USER, s.key(), nil)
}

func TestSchemeOfSomebodyElseSinceStays(t *testing.T) {
	s := testScheme(t)
	mustInstall(t, s, testProgram(t, "spacehatch.exe"), Created)
	theirs := &branch{Values: map[string]registryValue{"": text("theirs")}}
	mustWrite(t, registry.CURRENT_USER, s.key(), theirs)
	mustUninstall(t, s)
	if after, err := readBranch(registry.CURRENT_USER, s.key()); err != nil || !after.equal(theirs) {
		t.Errorf("%+v, %v", after, err)
	}
	mustWrite(t, registry.CURRENT_USER, s.key(), nil)
}

// What we left is taken out also where its record is gone.
func TestSchemeWithoutARecord(t *testing.T) {
	s := testScheme(t)
	mustInstall(t, s, testProgram(t, "spacehatch.exe"), Created)
	if err := os.Remove(s.recordPath()); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, s, testProgram(t, "spacehatch.exe"), Changed)
	if err := os.Remove(s.recordPath()); err != nil {
		t.Fatal(err)
	}
	mustUninstall(t, s, Removed)
}

// What the person chose in Windows' settings has the last word: nothing is
// registered that would have no effect.
func TestSchemeThatThePersonGaveToAnother(t *testing.T) {
	s := testScheme(t)
	choice, other := choicesKey+`\`+s.name, classesKey+`\spacehatch-test-other`
	mustWrite(t, registry.CURRENT_USER, choice, &branch{Keys: map[string]*branch{
		"UserChoice": {Values: map[string]registryValue{"ProgId": text("spacehatch-test-other")}},
	}})
	defer mustWrite(t, registry.CURRENT_USER, choice, nil)
	mustWrite(t, registry.LOCAL_MACHINE, other, registration(`C:\other.exe`))
	defer mustWrite(t, registry.LOCAL_MACHINE, other, nil)
	_, err := s.Install(t.Context(), testProgram(t, "spacehatch.exe"))
	if found, ok := errors.AsType[*problem.Problem](err); !ok || found.Code != Failed || !strings.Contains(found.Sentence, `C:\other.exe`) {
		t.Errorf("Install = %v", err)
	}
	if st := mustStatus(t, s); st.Program != `C:\other.exe` || st.Ours {
		t.Errorf("%+v", st)
	}
}

// An installation for all users has seen to it.
func TestSchemeOfTheMachine(t *testing.T) {
	s, program := testScheme(t), testProgram(t, "spacehatch.exe")
	mustWrite(t, registry.LOCAL_MACHINE, s.key(), registration(program))
	defer mustWrite(t, registry.LOCAL_MACHINE, s.key(), nil)
	mustInstall(t, s, program)
	if st := mustStatus(t, s); st.Program != program || st.Ours {
		t.Errorf("%+v", st)
	}
	mustInstall(t, s, testProgram(t, "spacehatch.exe"), Created) // the user's own comes first
	mustUninstall(t, s, Removed)
}

func TestSchemeRefusesPrograms(t *testing.T) {
	s := testScheme(t)
	for _, program := range []string{"", "spacehatch.exe", `C:\missing\spacehatch.exe`, testProgram(t, "100%.exe"), `C:\a"b.exe`} {
		if _, err := s.Install(t.Context(), program); !errors.Is(err, &problem.Problem{Code: Failed}) {
			t.Errorf("%q: %v", program, err)
		}
	}
}

// Whatever a link holds, no part of it becomes an option of ours.
func TestSchemeLinksAreNoOptions(t *testing.T) {
	program := `C:\Program Files\Spacehatch\spacehatchw.exe`
	command := registration(program).text("", "shell", "open", "command")
	for _, link := range []string{
		"spacehatch://connect?a=b&c=d", `spacehatch://" --yes "`, `spacehatch://\" --yes`, `spacehatch://" --editor=none "`, `spacehatch://\\`, "",
	} {
		args, err := windows.DecomposeCommandLine(strings.ReplaceAll(command, "%1", link))
		if err != nil || len(args) < 4 || !slices.Equal(args[:3], []string{program, "open", "--"}) {
			t.Errorf("%q becomes %q, %v", link, args, err)
		}
	}
}

func TestSchemeStrangeRegistryIsLeftAlone(t *testing.T) {
	s := testScheme(t)
	deep := s.key()
	for range maxDepth + 1 {
		deep += `\k`
	}
	mustWrite(t, registry.CURRENT_USER, deep, &branch{})
	defer mustWrite(t, registry.CURRENT_USER, s.key(), nil)
	if _, err := s.Install(t.Context(), testProgram(t, "spacehatch.exe")); !errors.Is(err, errStrange) {
		t.Errorf("Install = %v", err)
	}
}
