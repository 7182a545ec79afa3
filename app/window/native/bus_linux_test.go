package native

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestNoBusIsStarted(t *testing.T) {
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	if err := os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\necho > '"+started+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	for _, before := range []string{"", "autolaunch:", "unix:path=" + filepath.Join(bin, "gone")} {
		t.Setenv(variableBus, before)
		leave := StartNoBus()
		if conn, err := dbus.SessionBusPrivate(); err == nil { // as the toolkit does
			_ = conn.Close()
		}
		if _, err := os.Stat(started); err == nil {
			t.Fatalf("%q: a bus was started", before)
		}
		leave()
		if now := os.Getenv(variableBus); now != before && now == "disabled:" {
			t.Errorf("the variable was %q and is %q", before, now)
		}
	}
}
