//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// cleanUp is how long ending everything may take.
const cleanUp = 20 * time.Second

// patience is a time that no healthy run comes near.
const patience = 2 * time.Minute

// person is a user account made for one test.
type person struct{ *stage.Person }

// newPerson makes the account; it and all its processes go at the end.
func newPerson(t *testing.T) *person {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("This test makes a user account of its own: run it as root, or as somebody for whom `sudo -n` works.")
	}
	made, err := stage.NewPerson(t.Context(), built)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.Close(); err != nil {
			t.Error(err)
		}
	})
	return &person{made}
}

// own makes a folder that is the person's alone.
func (p *person) own(t *testing.T, dir string) {
	t.Helper()
	if err := p.Own(dir); err != nil {
		t.Fatal(err)
	}
}

// processes returns what runs under the person's account.
func (p *person) processes(t *testing.T) []stage.Process {
	t.Helper()
	found, err := p.Processes()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// quiet waits until nothing of the person's runs that did not run before.
func (p *person) quiet(t *testing.T, before []stage.Process) {
	t.Helper()
	known := map[int]bool{}
	for _, each := range before {
		known[each.PID] = true
	}
	var left []stage.Process
	eventually(t, func() bool {
		left = slices.DeleteFunc(p.processes(t), func(each stage.Process) bool { return known[each.PID] })
		return len(left) == 0
	}, func() string { return fmt.Sprintf("still running: %v", left) })
}

// simulator returns the command for startStudio as the person.
func (p *person) simulator(flags ...string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		return p.Command(ctx, spacehatch(), append([]string{"simulator", "--json"}, flags...)...)
	}
}

// eventually looks every 20 ms until true; it gives up, saying why, after a time
// that no healthy run comes near.
func eventually(t *testing.T, true func() bool, why func() string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !true(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(why())
		}
	}
}
