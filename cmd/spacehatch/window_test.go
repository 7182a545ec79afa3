//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/ipc"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// What the windows of a test do.
const (
	variablePerson  = "SPACEHATCH_TEST_PERSON"  // "yes", "no", one of choosers or one of people
	variableScreens = "SPACEHATCH_TEST_SCREENS" // the file of what was shown
)

// people sit before panels: each is told of every screen, and returns what it
// asks for, if anything, and whether it closes the window.
var people = map[string]func(view.Screen) (wish *view.Wish, gone bool){
	"sits there": func(view.Screen) (*view.Wish, bool) {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return nil, true
	},
	"starts and stops":      startsAndStops(),
	"waits for the problem": waitsForTheProblem(),
	"signs in first":        signsInFirst(),
	"mends, then saves":     mendsThenSaves(),
	"disconnects":           disconnects(),
	"changes everything":    changesEverything(),
	"looks, then closes":    inTurn(),
	"uninstalls": inTurn(
		turn{view.Wish{Do: view.AskUninstall}, uninstallIs(view.Choosing)},
		turn{view.Wish{Do: view.TakeAway}, uninstallIs(view.Made)}),
	"uninstalls and leaves": inTurn(
		turn{view.Wish{Do: view.AskUninstall}, uninstallIs(view.Choosing)},
		turn{view.Wish{Do: view.TakeAway}, uninstallIs(view.Making)}),
	"uninstalls and keeps the settings": inTurn(
		turn{view.Wish{Do: view.AskUninstall}, uninstallIs(view.Choosing)},
		turn{view.Wish{Do: view.TakeAway, Value: view.KeepSettings}, uninstallIs(view.Made)}),
}

// choosers say yes to a set-up, and which of its items they choose.
var choosers = map[string]func(view.Item) bool{
	"yes":        func(i view.Item) bool { return i.Chosen },
	"starts":     func(i view.Item) bool { return i.Chosen }, // and the space
	"nothing":    func(view.Item) bool { return false },
	"everything": func(view.Item) bool { return true },
}

// beDesktop is a window whose person says the same to everything, or is one of
// people.
func beDesktop() {
	if err := sitBefore(os.Getenv(variablePerson)); err != nil {
		fmt.Fprintln(os.Stderr, "the tests' window:", err)
		os.Exit(1)
	}
}

func sitBefore(person string) error {
	file, err := os.OpenFile(os.Getenv(variableScreens), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := ipc.Send(os.Stdout, view.Act{Kind: view.Ready}); err != nil {
		return err
	}
	answered := 0
	for {
		var screen view.Screen
		if ipc.Receive(os.Stdin, &screen) != nil {
			return nil
		}
		if err := json.NewEncoder(file).Encode(screen); err != nil {
			return err
		}
		if person == "gives up" && waitsForStudio(screen) {
			if err := ipc.Send(os.Stdout, view.Act{Kind: view.CancelAsked}); err != nil {
				return err
			}
		}
		if act, is := people[person]; is {
			wish, gone := act(screen)
			if wish != nil {
				if err := ipc.Send(os.Stdout, view.Act{Kind: view.Wished, Wish: wish}); err != nil {
					return err
				}
			}
			if gone {
				return nil
			}
		}
		if c := screen.Connection; person == "starts" && c != nil && c.Problem != nil && c.Problem.Starts {
			if err := ipc.Send(os.Stdout, view.Act{Kind: view.RetryAsked}); err != nil {
				return err
			}
		}
		chooses, agrees := choosers[person]
		id, keys := asked(screen, chooses)
		if id == 0 || id == answered {
			continue
		}
		answered = id
		answer := view.Answer{ID: id, Code: codeOfMFA(screen)}
		if agrees {
			answer.Choice, answer.Keys = view.Yes, keys
		}
		if err := ipc.Send(os.Stdout, view.Act{Kind: view.Answered, Answer: &answer}); err != nil {
			return err
		}
	}
}

// codeOfMFA is the simulator's, where it is asked for.
func codeOfMFA(screen view.Screen) string {
	if c := screen.Connection; c != nil && c.Question != nil && c.Question.MFA != nil {
		return api.MFACode
	}
	return ""
}

// asked returns the question of a screen, and which of its items somebody
// chooses.
func asked(screen view.Screen, chooses func(view.Item) bool) (id int, keys []string) {
	setup := screen.Setup
	if c := screen.Connection; c != nil && c.Question != nil {
		if c.Question.SignIn != nil {
			return 0, nil // the browser has the buttons
		}
		id, setup = c.Question.ID, c.Question.Setup
	} else if setup != nil && setup.Stage == view.Choosing {
		id = setup.ID
	}
	if setup != nil {
		for _, item := range setup.Items {
			if chooses != nil && item.State == view.Proposed && chooses(item) {
				keys = append(keys, item.Key)
			}
		}
	}
	return id, keys
}

// person puts somebody before the desk's display. It returns what was shown.
func (d *desk) person(t *testing.T, says string) (shown func() []view.Screen) {
	t.Helper()
	file := filepath.Join(filepath.Dir(d.home), "screens")
	d.env = append(d.env, "DISPLAY=:0", variablePerson+"="+says, variableScreens+"="+file)
	return func() []view.Screen {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // nothing yet
			t.Fatal(err)
		}
		var all []view.Screen
		for line := range strings.Lines(string(data)) {
			if !strings.HasSuffix(line, "\n") {
				break // it is being written
			}
			var screen view.Screen
			if err := json.Unmarshal([]byte(line), &screen); err != nil {
				t.Fatal(err)
			}
			all = append(all, screen)
		}
		return all
	}
}

// kinds are the items of the first set-up that was shown, with their states.
func kinds(screens []view.Screen) string {
	for _, s := range screens {
		setup := s.Setup
		if s.Connection != nil && s.Connection.Question != nil {
			setup = s.Connection.Question.Setup
		}
		if setup != nil {
			var all []string
			for _, item := range setup.Items {
				all = append(all, string(item.Kind)+"="+string(item.State))
			}
			return strings.Join(all, " ")
		}
	}
	return ""
}

func TestALinkInAWindow(t *testing.T) {
	s, d := newStudio(t), newDesk(t)
	d.at(s)
	shown := d.person(t, "yes")
	got := d.run(t, s.link(t, "space=my-space"), "open", "--editor", "none", "-")
	if got.code != exitOK {
		t.Fatalf("%v", got)
	}
	screens := shown()
	first := screens[0].Connection
	if first == nil || first.Question == nil || first.Question.Consent == nil || first.Question.Consent.Space.Name != "my-space" {
		t.Errorf("the first screen is %+v", first)
	}
	if got := kinds(screens); got != "ssh-config=proposed links=proposed login=proposed agent=off" {
		t.Errorf("the first run offers %s", got)
	}
	if last := screens[len(screens)-1].Connection; last == nil || !last.Done || last.Space.Domain != "d-simulated0001" {
		t.Errorf("the last screen is %+v", last)
	}
	if _, err := os.Stat(filepath.Join(d.home, "data", "applications")); err != nil {
		t.Errorf("the links were not registered: %v", err)
	}
	for _, screen := range screens {
		if text, err := json.Marshal(screen); err != nil || strings.Contains(string(text), "X-Amz-Signature") {
			t.Errorf("a window is told %s, %v", text, err)
		}
	}
}

func TestANoInAWindowLeavesNothing(t *testing.T) {
	s, d := newStudio(t), newDesk(t)
	d.at(s)
	shown := d.person(t, "no")
	got := d.run(t, s.link(t, "space=my-space"), "open", "--editor", "none", "-")
	if got.code != exitCancelled {
		t.Fatalf("%v", got)
	}
	if screens := shown(); !screens[len(screens)-1].Close {
		t.Errorf("the window stays with %+v", screens[len(screens)-1])
	}
	if left, err := os.ReadDir(d.home); err != nil || len(left) != 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

// TestAKilledWindowLeavesNothing: nobody can agree any more, so the tunnel that
// waits for that ends, and the session at AWS.
func TestAKilledWindowLeavesNothing(t *testing.T) {
	s, d := newStudio(t), newDesk(t)
	d.at(s)
	d.person(t, "sits there")
	opening := d.start(t, "open", "--editor", "none", s.link(t, "space=my-space"))
	window := 0
	eventually(t, func() bool {
		for _, process := range d.processes(t) {
			pid, args, _ := strings.Cut(process, " ")
			if strings.Contains(args, "spacehatch-desktop") {
				window, _ = strconv.Atoi(pid)
			}
		}
		return window != 0 && s.Gateway().Counters().Connected == 1
	}, func() string { return "no window, or no tunnel: " + opening.errors.String() })
	if err := syscall.Kill(window, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := opening.end(t); e.code == exitOK {
		t.Errorf("%v", e)
	}
	if left, err := os.ReadDir(d.home); err != nil || len(left) != 0 {
		t.Errorf("there is %v, %v", left, err)
	}
	s.noSession(t, false)
	d.noSocket(t)
	d.noProcess(t)
}

func TestARefusedLinkIsShown(t *testing.T) {
	d := newDesk(t)
	shown := d.person(t, "yes")
	got := d.run(t, "spacehatch://connect/sagemaker?x=1", "open", "-")
	if got.code != exitRefused {
		t.Fatalf("%v", got)
	}
	screens := shown()
	last := screens[len(screens)-1].Connection
	if last == nil || last.Problem == nil || last.Problem.Code != "link-malformed" || last.Problem.Retry || last.Problem.Studio != "" {
		t.Errorf("the last screen is %+v", last)
	}
}

// TestALinkToASpaceThatWasStopped: where this computer has credentials the window
// offers to start it, and goes on to the end.
func TestALinkToASpaceThatWasStopped(t *testing.T) {
	for _, signedIn := range []bool{true, false} {
		t.Run(fmt.Sprintf("signed in %v", signedIn), func(t *testing.T) {
			s, d := slowStudio(t, 0), newDesk(t)
			before := slices.Clone(d.env)
			d.signedIn(s)
			link := s.link(t, "space=my-space")
			if got := d.run(t, "", "stop", "--yes", "my-space"); got.code != exitOK {
				t.Fatalf("%v", got)
			}
			if !signedIn {
				d.env = before
				d.at(s)
			}
			shown := d.person(t, "starts")
			got := d.run(t, link, "open", "--editor", "none", "-")
			screens := shown()
			asked, starts := "", false
			for _, screen := range screens {
				if c := screen.Connection; c != nil {
					starts = starts || c.Problem != nil && c.Problem.Starts
					if c.Question != nil && c.Question.Change != nil && c.Question.Change.Kind == view.SpaceStart {
						asked = c.Question.Change.Title
					}
				}
			}
			if !signedIn {
				if got.code != exitFailed || starts || asked != "" {
					t.Errorf("%v; asked %q", got, asked)
				}
				return
			}
			if last := screens[len(screens)-1].Connection; got.code != exitOK || !starts || asked == "" || !last.Done {
				t.Errorf("%v; starts %v, asked %q, at last %+v", got, starts, asked, last)
			}
		})
	}
}

func TestScriptsGetNoWindow(t *testing.T) {
	for _, flag := range []string{"--json", "--yes"} {
		d := newDesk(t)
		d.person(t, "yes")
		got := d.run(t, "spacehatch://connect/sagemaker?x=1", "open", flag, "-")
		if got.code != exitRefused {
			t.Fatalf("%v", got)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(d.home), "screens")); err == nil {
			t.Errorf("%s: a window opened", flag)
		}
	}
}

func TestSetUpInAWindow(t *testing.T) {
	for _, test := range []struct {
		says string
		code int
		made bool
	}{{"yes", exitOK, true}, {"no", exitOK, false}} {
		t.Run(test.says, func(t *testing.T) {
			d := newDesk(t)
			shown := d.person(t, test.says)
			if got := d.run(t, "", "setup", "--window"); got.code != test.code {
				t.Fatalf("%v", got)
			}
			if got := kinds(shown()); !strings.HasPrefix(got, "ssh-config=proposed ide=") || !strings.HasSuffix(got, "links=proposed login=proposed agent=off") {
				t.Errorf("it offers %s", got)
			}
			config, err := os.ReadFile(filepath.Join(d.home, ".ssh", "config"))
			if made := err == nil && strings.Contains(string(config), "Include"); made != test.made {
				t.Errorf("the SSH config is %s, %v", config, err)
			}
			if !test.made {
				return
			}
			screens := shown()
			last := screens[len(screens)-1].Setup
			if last == nil || last.Stage != view.Made {
				t.Fatalf("the last screen is %+v", last)
			}
			for _, item := range last.Items {
				if item.State == view.Proposed || item.State == view.Applying || item.State == view.Unapplied {
					t.Errorf("%s is %s, %+v", item.Kind, item.State, item.Problem)
				}
			}
		})
	}
}

func TestSetUpWithoutADisplay(t *testing.T) {
	got := newDesk(t).run(t, "", "setup", "--window")
	if got.code != exitFailed || !strings.Contains(got.errors, "No window could be opened.") {
		t.Errorf("%v", got)
	}
}

func TestKindOf(t *testing.T) {
	for key, want := range map[string]view.ItemKind{
		"~/.ssh/config":                  view.SSHConfig,
		"spacehatch://":                  view.Links,
		"start at login":                 view.Login,
		"extension a.b in /x of 2026":    view.Extension,
		"/home/x/Code/settings.json":     view.Settings,
		"the host key of my-space.hatch": view.HostKey,
		"start arn:aws:sagemaker:x":      view.SpaceStart,
		"restart arn:aws:sagemaker:x":    view.SpaceRestart,
		"stop arn:aws:sagemaker:x":       view.SpaceStop,
		"":                               "",
		"something new":                  "",
	} {
		if got := kindOf(key); got != want {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
}
