//go:build unix

package master

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestStaleSocket(t *testing.T) {
	s := newSpace(t)
	c := s.client()
	for range 2 {
		s.start(t, c)
		if err := syscall.Kill(s.pid(t), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-s.ended
		if c.Running(t.Context(), alias) {
			t.Fatal("a killed master answers")
		}
	}
	if left, err := filepath.Glob(s.path("cm-*")); err != nil || len(left) != 1 {
		t.Fatalf("no stale socket to try this with: %v, %v", left, err)
	}
	if err := c.Stop(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(s.path("cm-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSweep removes the socket of a killed master, and no other one.
func TestSweep(t *testing.T) {
	s := newSpace(t)
	c := s.client()
	s.start(t, c)
	sockets := func() []string {
		t.Helper()
		found, err := filepath.Glob(s.path("cm-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	near := sockets()
	if err := c.Sweep(t.Context(), alias, near); err != nil || !c.Running(t.Context(), alias) {
		t.Errorf("the socket of a living master: %v", err)
	}
	nobody := c
	nobody.SSH = s.path("no-such-ssh")
	if err := nobody.Sweep(t.Context(), alias, near); err != nil {
		t.Errorf("ssh was asked for nothing: %v", err)
	}
	if err := syscall.Kill(s.pid(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if err := c.Sweep(t.Context(), "other.hatch", near); err != nil || len(sockets()) != 1 {
		t.Errorf("for another alias: %v, %v", sockets(), err)
	}
	if err := c.Sweep(t.Context(), alias, near); err != nil || len(sockets()) != 0 {
		t.Errorf("left: %v, %v", sockets(), err)
	}
	if err := c.Sweep(t.Context(), alias, sockets()); err != nil {
		t.Errorf("where there is none: %v", err)
	}
}
