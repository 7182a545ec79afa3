package installer

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows/registry"
)

// keepRun puts what starts at login back after the test.
func keepRun(t *testing.T) {
	t.Helper()
	for _, path := range []string{runKey, approvedKey} {
		before, err := readBranch(registry.CURRENT_USER, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			after, err := readBranch(registry.CURRENT_USER, path)
			if err != nil || !after.equal(before) {
				t.Errorf("%s was %+v and is %+v, %v", path, before, after, err)
				mustWrite(t, registry.CURRENT_USER, path, before)
			}
		})
	}
}

func TestAutostartComesAndGoes(t *testing.T) {
	keepRun(t)
	a := Autostart{testFolder(t, "state")}
	program := testProgram(t, "spacehatch.exe", "spacehatchw.exe")
	quiet := filepath.Join(filepath.Dir(program), "spacehatchw.exe")
	check := func(want AutostartStatus) {
		t.Helper()
		want.Place = inUsers(runKey + `\` + runValue)
		if st, err := a.Status(t.Context()); err != nil || st != want {
			t.Errorf("%+v, %v; want %+v", st, err, want)
		}
	}
	enable := func(want ...Action) {
		t.Helper()
		done, err := a.Enable(t.Context(), program)
		if err != nil {
			t.Fatal(err)
		}
		wantActions(t, done, want...)
	}
	check(AutostartStatus{})
	enable(Created)
	enable()
	check(AutostartStatus{Enabled: true, Ours: true, Program: quiet})
	command, err := readRun()
	if err != nil || command != `"`+quiet+`" tray` {
		t.Errorf("at login %s is run, %v", command, err)
	}

	// The Task Manager has switched it off.
	key, _, err := registry.CreateKey(registry.CURRENT_USER, approvedKey, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = key.Close()
		_ = registry.DeleteKey(registry.CURRENT_USER, approvedKey)
		_ = registry.DeleteKey(registry.CURRENT_USER, filepath.Dir(approvedKey))
	}()
	if err := key.SetBinaryValue(runValue, []byte{3, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	check(AutostartStatus{Ours: true, Program: quiet})
	enable(Changed)
	check(AutostartStatus{Enabled: true, Ours: true, Program: quiet})

	done, err := a.Disable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantActions(t, done, Removed)
	check(AutostartStatus{})
}
