//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/witness"
	"github.com/spacehatch/spacehatch/handler"
)

// TestProcessesThatChangeWhatIsInstalledLoseNothing of each other's, though they
// do it at the same time: everything can be taken back.
func TestProcessesThatChangeWhatIsInstalledLoseNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, folder := range []string{"config", "data", "state", "cache"} { // which every desktop has
		if err := os.Mkdir(filepath.Join(d.home, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	all := [][]string{{"autostart", "enable"}}
	for _, scheme := range handler.IDESchemes()[:5] {
		all = append(all, []string{"intercept", "enable", "--yes", scheme})
	}
	before := witness.Snapshot(t, d.home)
	together := func() {
		var running []*exec.Cmd
		for _, args := range all {
			cmd, said := d.command(args...), &buffer{}
			cmd.Stdout, cmd.Stderr = said, said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running = append(running, cmd)
		}
		for n, cmd := range running {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %v: %s", all[n], err, cmd.Stderr)
			}
		}
	}
	together()
	for n := range all {
		all[n][1] = "disable"
		if all[n][0] == "intercept" {
			all[n] = append(all[n][:2], all[n][3])
		}
	}
	together()
	if e := d.run(t, "", "uninstall", "--yes"); e.code != exitOK {
		t.Errorf("uninstall: %v", e)
	}
	witness.Same(t, "the home folder after uninstall", before, witness.Snapshot(t, d.home))
}
