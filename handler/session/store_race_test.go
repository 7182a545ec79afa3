package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary is its own peer: with this variable set it does one thing
// with the store and ends.
const peerVariable = "SPACEHATCH_TEST_STORE_PEER"

func TestMain(m *testing.M) {
	if task := os.Getenv(peerVariable); task != "" {
		os.Exit(peer(strings.Split(task, "\n")))
	}
	os.Exit(m.Run())
}

func peer(task []string) int {
	s := OpenStore(task[1], task[2])
	// The start signal: all peers are up and wait on standard input.
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		return 3
	}
	switch task[0] {
	case "take":
		for _, alias := range strings.Fields(task[3]) {
			session, err := s.Take(context.Background(), alias)
			if err == nil {
				fmt.Print(session.ID, " ")
			} else if !errors.Is(err, ErrNone) {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return 0
	case "remember":
		if _, err := s.Remember(context.Background(), studio(task[3], "d-abc", "same-name")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	return 2
}

// race runs the tasks in a process each, lets them go together, and returns
// what they wrote.
func race(t *testing.T, tasks []string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var all []*exec.Cmd
	var outputs []*bytes.Buffer
	for _, task := range tasks {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), peerVariable+"="+task)
		output := new(bytes.Buffer)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = read, output, output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all, outputs = append(all, cmd), append(outputs, output)
	}
	if err := errors.Join(read.Close(), write.Close()); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, outputs[i])
		}
		said.Write(outputs[i].Bytes())
	}
	return said.String()
}

func TestOneOfEightProcessesTakesEachSession(t *testing.T) {
	dir := t.TempDir()
	s := OpenStore(dir+"/state", dir+"/run")
	var aliases []string
	for i := range 25 {
		alias := fmt.Sprintf("s%d.hatch", i)
		if err := s.Keep(t.Context(), alias, session(alias, time.Now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		aliases = append(aliases, alias)
	}
	task := strings.Join([]string{"take", s.state, s.runtime, strings.Join(aliases, " ")}, "\n")
	taken := strings.Fields(race(t, slices.Repeat([]string{task}, 8)))
	slices.Sort(taken)
	slices.Sort(aliases)
	if !slices.Equal(taken, aliases) {
		t.Errorf("the peers took %d of %d sessions: %q", len(taken), len(aliases), taken)
	}
}

func TestEightProcessesRememberAndNothingIsLost(t *testing.T) {
	dir := t.TempDir()
	s := OpenStore(dir+"/state", dir+"/run")
	var tasks []string
	for i := range 8 {
		tasks = append(tasks, strings.Join([]string{"remember", s.state, s.runtime, fmt.Sprintf("11112222333%d", i)}, "\n"))
	}
	race(t, tasks)
	spaces, err := s.Spaces()
	if err != nil || len(spaces) != 8 {
		t.Errorf("%d spaces: %+v, %v", len(spaces), spaces, err)
	}
}
