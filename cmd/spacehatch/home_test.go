//go:build linux

package main

import "testing"

func TestTheWindowToBeginWith(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	shown := d.person(t, "no")
	if got := d.run(t, "", "window"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	if screens := shown(); screens[0].Setup == nil {
		t.Errorf("at first there is %+v", screens[0])
	}
	// It is set up, and no space is known.
	if got := d.run(t, "", "ssh-config", "apply", "--yes"); got.code != exitOK {
		t.Fatalf("%v", got)
	}
	for _, command := range []string{"window", "open"} { // the second is what the menu of programs starts
		again := d.person(t, "waits for the problem")
		if got := d.run(t, "", command); got.code != exitOK {
			t.Fatalf("%s: %v", command, got)
		}
		if screens := again(); screens[len(screens)-1].Spaces == nil {
			t.Errorf("%s: then there is %+v", command, screens[len(screens)-1])
		}
	}
	if got := d.run(t, "", "open", "--json"); got.code != exitUsage {
		t.Errorf("a script that gives no link: %v", got)
	}
}
