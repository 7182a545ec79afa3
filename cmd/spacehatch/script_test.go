//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/api"
	"github.com/spacehatch/spacehatch/simulator/space"
)

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home, run := filepath.Join(e.WorkDir, "home"), filepath.Join(e.WorkDir, "run")
			e.Vars = append(e.Vars, surroundings(home, run)...)
			return errors.Join(os.MkdirAll(home, 0o700), os.MkdirAll(run, 0o700))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"fault":   fault,
			"studio":  startStudio,
			"fields":  fields,
			"lines":   lines,
			"nothing": nothing,
		},
	})
}

// studios are the simulators of the scripts that run, by their folder.
var studios sync.Map

// studio [NAME=VALUE...] starts a simulator and signs in to it: spaces, caller,
// start (delay), latency, rate.
func startStudio(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: studio [name=value...]")
	}
	config := simulator.Defaults()
	config.SSHD, config.AgentPace = space.Embedded, 0
	config.StartDelay, config.StopDelay, config.UpdateDelay, config.RegisterDelay = 0, 0, 0, 0
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		var err error
		switch name {
		case "spaces":
			config.Spaces, err = strconv.Atoi(value)
		case "rate":
			config.APIRate, err = strconv.Atoi(value)
		case "caller":
			config.Caller = value
		case "start":
			config.StartDelay, err = time.ParseDuration(value)
		default:
			ts.Fatalf("no studio has %s", name)
		}
		ts.Check(err)
	}
	s, err := simulator.Start(context.Background(), config)
	ts.Check(err)
	ts.Defer(func() {
		studios.Delete(ts.Getenv("WORK"))
		if err := s.Close(); err != nil {
			ts.Logf("the simulator: %v", err)
		}
	})
	studios.Store(ts.Getenv("WORK"), s)
	for name, value := range s.Info().Env {
		ts.Setenv(name, value)
	}
	ts.Setenv("PROFILES", s.Info().Profiles)
}

// fault OPERATION CODE TIMES [MESSAGE] makes calls of the studio fail; fault
// alone takes all faults back.
func fault(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := studios.Load(ts.Getenv("WORK"))
	if neg || !ok || len(args) != 0 && len(args) != 3 && len(args) != 4 {
		ts.Fatalf("usage: fault [operation code times [message]], after studio")
	}
	server := s.(*simulator.Simulator).API()
	if len(args) == 0 {
		server.ClearFaults()
		return
	}
	times, err := strconv.Atoi(args[2])
	ts.Check(err)
	f := api.Fault{Operation: args[0], Code: args[1], Times: times}
	if len(args) == 4 {
		f.Message = args[3]
	}
	server.Fail(f)
}

// exits CODE PROGRAM [ARGUMENT...] runs a program, which must end with the
// code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// fields FILE NAME... checks that the file holds one JSON object, or an array
// of objects, with these fields and no others. NAME? may be missing.
func fields(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fields file name...")
	}
	var must, may []string
	for _, name := range args[1:] {
		name, optional := strings.CutSuffix(name, "?")
		if may = append(may, name); !optional {
			must = append(must, name)
		}
	}
	text := []byte(ts.ReadFile(args[0]))
	var all []map[string]any
	if bytes.HasPrefix(text, []byte("{")) {
		all = make([]map[string]any, 1)
		ts.Check(json.Unmarshal(text, &all[0]))
	} else {
		ts.Check(json.Unmarshal(text, &all))
	}
	if len(all) == 0 {
		ts.Fatalf("an empty array")
	}
	for _, each := range all {
		for _, name := range must {
			if _, ok := each[name]; !ok {
				ts.Fatalf("%s is missing", name)
			}
		}
		for name := range each {
			if !slices.Contains(may, name) {
				ts.Fatalf("%s is unexpected", name)
			}
		}
	}
}

// lines FILE COUNT checks that the file holds so many JSON objects, each on a
// line of its own.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines file count")
	}
	text := ts.ReadFile(args[0])
	n := 0
	for line := range strings.Lines(text) {
		n++
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("line %d is no JSON object: %v", n, err)
		}
	}
	if strconv.Itoa(n) != args[1] || text != "" && !strings.HasSuffix(text, "\n") {
		ts.Fatalf("%d lines, want %s", n, args[1])
	}
}

// nothing FOLDER... checks that there is no file below the folders.
func nothing(ts *testscript.TestScript, neg bool, args []string) {
	for _, dir := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				ts.Fatalf("there is %s", path)
			}
			return err
		}))
	}
}
