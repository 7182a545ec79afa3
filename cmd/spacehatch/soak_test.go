//go:build linux

package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// How many connections come and go: few by itself, many for `make test-soak`.
var (
	soak      = flag.Int("soak", 12, "how many connections are made and closed")
	soakLanes = flag.Int("soak-lanes", 4, "on how many computers side by side")
)

// lane is one computer with a Studio of its own, on which connections come and
// go one after the other.
type lane struct {
	*desk
	studio
}

// connects is `spacehatch connect`: a tunnel, and ssh's master on it.
func (l lane) connects(t *testing.T) {
	t.Helper()
	if e := l.run(t, "", "connect", "--yes", "--editor", "none", alias); e.code != exitOK {
		t.Fatalf("connect: %v", e)
	}
}

// says runs a command in the space.
func (l lane) says(t *testing.T) {
	t.Helper()
	if out, err := l.ssh(t.Context(), "echo in").CombinedOutput(); err != nil || string(out) != "in\n" {
		t.Fatalf("ssh: %q, %v", out, err)
	}
}

// kills ends a process without a word.
func (l lane) kills(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Its memory, and what /proc tells of it, goes before its sockets do.
	eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, state, _ := bytes.Cut(stat, []byte(") "))
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // the last one takes the sockets along
		return err != nil || len(threads) <= 1 && (bytes.HasPrefix(state, []byte("Z")) || bytes.HasPrefix(state, []byte("X")))
	}, func() string { return fmt.Sprintf("process %d does not die", pid) })
}

// closes is `spacehatch close`.
func (l lane) closes(t *testing.T) {
	t.Helper()
	if e := l.run(t, "", "close", alias); e.code != exitOK {
		t.Fatalf("close: %v", e)
	}
}

// forgets is what AWS does at last with the session of a client that is gone.
func (l lane) forgets() { l.Gateway().TerminateSpace(arn, "") }

// master is the process of ssh's master.
func (l lane) master(t *testing.T) int {
	t.Helper()
	all := l.processes(t)
	at := slices.IndexFunc(all, func(each string) bool { return strings.Contains(each, " -M -N ") })
	if at < 0 {
		t.Fatalf("there is no master: %s", strings.Join(all, "; "))
	}
	pid, _, _ := strings.Cut(all[at], " ")
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stay is a way in which a connection comes and goes.
type stay struct {
	name string
	make func(t *testing.T, l lane)
}

func stays() []stay {
	return []stay{
		{"closed", func(t *testing.T, l lane) {
			l.connects(t)
			l.says(t)
			l.closes(t)
		}},
		{"an ssh by itself", func(t *testing.T, l lane) { l.says(t) }},
		{"ssh killed", func(t *testing.T, l lane) {
			ssh, _ := l.inside(t)
			l.kills(t, ssh.Process.Pid)
			_ = ssh.Wait() // it cannot end well
		}},
		{"proxy killed", func(t *testing.T, l lane) {
			ssh, _ := l.inside(t)
			l.kills(t, l.awaitTunnel(t, registry.Connected).PID)
			_ = ssh.Wait()
			l.forgets()
		}},
		{"master killed", func(t *testing.T, l lane) {
			l.connects(t)
			l.kills(t, l.master(t))
			l.noProcess(t)
			if out, err := l.ssh(t.Context(), "echo in").CombinedOutput(); err != nil || !strings.Contains(string(out), "Connection refused") {
				t.Fatalf("an ssh that finds the socket of a killed master: %q, %v", out, err)
			}
			l.says(t) // the first one has taken it along
		}},
		{"tunnel killed", func(t *testing.T, l lane) {
			l.connects(t)
			l.kills(t, l.awaitTunnel(t, registry.Connected).PID)
			l.forgets()
		}},
	}
}

// TestNothingStaysOfManyConnections: connections come and go, some in the middle
// of their life, and then there is no process, socket, lock or file of theirs, and
// the simulator does what it did before. It runs beside no other test: it counts
// what the test's own process does.
func TestNothingStaysOfManyConnections(t *testing.T) {
	lanes := make([]lane, *soakLanes)
	for i := range lanes {
		l := lane{newDesk(t), newStudio(t)}
		lanes[i] = l
		l.signedIn(l.studio)
		l.knows(t)
		l.connects(t) // sets ssh up, too
		l.closes(t)
		l.rests(t)
	}
	before := runtime.NumGoroutine()
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, l := range lanes {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < *soak && !t.Failed(); n = int(next.Add(1)) - 1 {
				all := stays()
				v := all[n%len(all)]
				t.Run(fmt.Sprintf("%d, %s", n, v.name), func(t *testing.T) {
					v.make(t, l)
					l.rests(t)
				})
			}
		})
	}
	wg.Wait()
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, func() string {
		var all strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&all, 1) // a builder takes everything
		return fmt.Sprintf("%d goroutines before, now\n%s", before, &all)
	})
}

// rests waits until the space has no session, and the computer no process of ours
// and no file in the runtime folder.
func (l lane) rests(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return l.Gateway().Count(arn) == 0 }, func() string { return "the session goes on" })
	l.noProcess(t)
	if all := l.tunnels(t); len(all) != 0 { // this sweeps what a killed one has left
		t.Errorf("tunnels: %+v", all)
	}
	err := filepath.WalkDir(l.desk.runtime, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			t.Errorf("in the runtime folder is still %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
