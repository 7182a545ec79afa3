//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// noSession waits until the one session has ended at AWS, which has more patience
// than any test. It did because its client said so, or where bye is true, because
// the SSH server may have closed its port first: somebody has told it.
func (s studio) noSession(t *testing.T, bye bool) {
	t.Helper()
	g := s.Gateway()
	eventually(t, func() bool { return g.Count(arn) == 0 }, func() string { return "the session goes on" })
	if c := g.Counters(); c.Terminated != 1 && !bye || c.Opened != 1 {
		t.Errorf("the client has not said that it ends: %+v", c)
	}
}

// noProcess waits until nothing of the desk's runs.
func (d *desk) noProcess(t *testing.T) {
	t.Helper()
	var left []string
	eventually(t, func() bool {
		left = d.processes(t)
		return len(left) == 0
	}, func() string { return "still running: " + strings.Join(left, "; ") })
}

// inside starts an OpenSSH and returns when it is logged in. It stays there.
func (d *desk) inside(t *testing.T) (ssh *exec.Cmd, said *buffer) {
	t.Helper()
	ssh, said = d.ssh(t.Context(), "echo in; exec cat"), &buffer{}
	ssh.Stderr = said
	in, err := ssh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	out, err := ssh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ssh.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	return ssh, said
}

// TestNothingStaysOfAnSSH: however OpenSSH ends, its tunnel ends with it, and
// the session at AWS too.
func TestNothingStaysOfAnSSH(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) { // under nohup: ssh would ignore it, too
		heard := make(chan os.Signal, 1)
		signal.Notify(heard, syscall.SIGHUP)
		t.Cleanup(func() { signal.Stop(heard) })
	}
	for _, attached := range []bool{true, false} {
		for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
			t.Run(fmt.Sprintf("%v, attached %v", end, attached), func(t *testing.T) {
				t.Parallel()
				d, s := newDesk(t), newStudio(t)
				d.signedIn(s)
				d.knows(t)
				d.sshSetUp(t)
				if attached {
					d.waitingTunnel(t, s)
				}
				ssh, _ := d.inside(t)
				d.awaitTunnel(t, registry.Connected)
				if err := ssh.Process.Signal(end); err != nil {
					t.Fatal(err)
				}
				_ = ssh.Wait() // it was told to end
				// An ssh that can say goodbye to the server does.
				s.noSession(t, end != syscall.SIGKILL)
				d.noSocket(t)
				d.noProcess(t)
			})
		}
	}
}

// TestAKilledTunnelEndsItsSSH at once, with a sentence; only AWS's own limit ends
// the session then.
func TestAKilledTunnelEndsItsSSH(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{true, false} {
		t.Run(fmt.Sprintf("attached %v", attached), func(t *testing.T) {
			d, s := newDesk(t), newStudio(t)
			d.signedIn(s)
			d.knows(t)
			d.sshSetUp(t)
			if attached {
				d.waitingTunnel(t, s)
			}
			ssh, said := d.inside(t)
			tunnel, err := os.FindProcess(d.awaitTunnel(t, registry.Connected).PID)
			if err != nil {
				t.Fatal(err)
			}
			if err := tunnel.Kill(); err != nil {
				t.Fatal(err)
			}
			if code := codeOf(t, ssh.Wait()); code != 255 {
				t.Errorf("ssh ends with %d: %s", code, said)
			}
			if attached && !strings.Contains(said.String(), "spacehatch: The tunnel process ended without a word.") {
				t.Errorf("said: %s", said)
			}
			if all := d.tunnels(t); len(all) != 0 { // this sweeps
				t.Errorf("tunnels: %+v", all)
			}
			d.noSocket(t)
			if c := s.Gateway().Counters(); c.Terminated != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}
