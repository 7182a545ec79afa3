package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Through the real ssh, its shared connection and the simulator's space, which
// has this machine's /tmp.
func TestTheSpaceIsToldThroughTheSharedConnection(t *testing.T) {
	const file = "/tmp/.sagemaker-last-active-timestamp"
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	d.knows(t)
	d.env = append(d.env, variableGuard+"=1ms")
	if e := d.run(t, "", "ssh-config", "apply", "--yes"); e.code != exitOK {
		t.Fatal(e)
	}
	if e := d.run(t, "", "connect", alias, "--yes", "--editor", "none"); e.code != exitOK {
		t.Fatal(e)
	}
	began := time.Now().Add(-time.Second)
	work := exec.Command("ssh", alias, "cat > /dev/null")
	work.Env = d.env
	work.Stdin = strings.NewReader(strings.Repeat("work", 1000))
	if out, err := work.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var text []byte
	eventually(t, func() bool {
		text, _ = os.ReadFile(file)
		return len(text) > 0
	}, func() string { return "nothing was written: " + d.run(t, "", "status", "--json").String() })
	at, err := time.Parse("2006-01-02T15:04:05.000Z", strings.TrimSpace(string(text)))
	if err != nil || at.Before(began.Truncate(time.Second)) || at.After(time.Now()) {
		t.Errorf("%q, at %v: %v", text, began, err)
	}
	if e := d.run(t, "", "status", "--json"); !strings.Contains(e.out, `"last_active"`) {
		t.Errorf("the status does not say when somebody worked: %v", e)
	}
}
