package desktop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/ipc"
)

// The test binary is also the other program: it plays a window whose person
// behaves as the variable says.
const (
	roleVariable   = "SPACEHATCH_TEST_ROLE"
	recordVariable = "SPACEHATCH_TEST_RECORD"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// play is a window until its screens end.
func play(role string) error {
	switch role {
	case "dies at once":
		return errors.New("no display")
	case "says nothing":
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "begins with an answer":
		return ipc.Send(os.Stdout, view.Act{Kind: view.RetryAsked})
	case "speaks nonsense":
		_, err := os.Stdout.WriteString("Gtk-Message: Failed to load module\n")
		if err == nil {
			_, err = io.Copy(io.Discard, os.Stdin)
		}
		return err
	}
	record, err := os.Create(os.Getenv(recordVariable))
	if err != nil {
		return err
	}
	lines := json.NewEncoder(record)
	ready := false
	for {
		var s view.Screen
		if err := ipc.Receive(os.Stdin, &s); err != nil {
			return record.Close()
		}
		if err := lines.Encode(s); err != nil {
			return err
		}
		if !ready {
			ready = true
			if err := ipc.Send(os.Stdout, view.Act{Kind: view.Ready}); err != nil {
				return err
			}
		}
		acts, gone := behave(role, s)
		for _, act := range acts {
			if err := ipc.Send(os.Stdout, act); err != nil {
				return err
			}
		}
		if gone {
			return record.Close()
		}
		if role == "never lets go" {
			select {}
		}
	}
}

// gaveUp: the window's person has given a sign-in up.
var gaveUp bool

// behave is what the person does when a screen is shown, and whether the
// window goes away.
func behave(role string, s view.Screen) (acts []view.Act, gone bool) {
	answer := func(id int, choice view.Choice, keys ...string) view.Act {
		return view.Act{Kind: view.Answered, Answer: &view.Answer{ID: id, Choice: choice, Keys: keys}}
	}
	c := s.Connection
	switch {
	case s.Diagnostics != nil:
		return wishes(role, s)
	case s.Setup != nil && s.Setup.Stage == view.Choosing:
		switch role {
		case "says yes":
			return []view.Act{answer(s.Setup.ID, view.Yes, "a", "b")}, false
		case "says no":
			return []view.Act{answer(s.Setup.ID, view.No)}, false
		case "is closed":
			return nil, true
		}
	case s.Setup != nil && s.Setup.Stage == view.Making && role == "says yes, then cancels":
		return []view.Act{{Kind: view.CancelAsked}}, true
	case s.Setup != nil:
		return nil, false
	case c == nil:
		return nil, s.Close
	case c.Problem != nil && role == "tries again":
		if c.Problem.Retry {
			return []view.Act{{Kind: view.RetryAsked}, {Kind: view.RetryAsked}}, false
		}
	case c.Problem != nil && c.Problem.SignIn != "" && (role == "signs in" || role == "gives the sign-in up"):
		if gaveUp {
			return nil, true
		}
		return []view.Act{{Kind: view.SignInAsked}}, false
	case c.Question != nil && c.Question.SignIn != nil && role == "signs in":
		return nil, false // there is nothing to say
	case c.Problem != nil && role == "is closed":
		return nil, true
	case c.Question == nil && role == "cancels" && !c.Done && c.Problem == nil:
		return []view.Act{{Kind: view.CancelAsked}}, true
	case c.Question == nil && role == "crashes on the way":
		return nil, true
	case c.Question != nil:
		switch role {
		case "says yes", "tries again":
			if c.Question.Setup != nil {
				return []view.Act{answer(c.Question.ID, view.Yes, c.Question.Setup.Items[0].Key, "never offered")}, false
			}
			a := answer(c.Question.ID, view.Yes)
			if c.Question.MFA != nil {
				a.Answer.Code = "123456"
			}
			return []view.Act{a}, false
		case "says remember":
			return []view.Act{answer(c.Question.ID, view.Remember)}, false
		case "says no", "gives the sign-in up":
			gaveUp = true
			return []view.Act{answer(c.Question.ID, view.No)}, false
		case "answers another question":
			return []view.Act{answer(c.Question.ID+1, view.Yes), answer(c.Question.ID, view.Remember)}, false
		case "is closed":
			return nil, true
		}
	}
	return nil, false
}

// wishes is what the person does in a panel: the first look is to be repeated
// until nothing is being looked at.
func wishes(role string, s view.Screen) (acts []view.Act, gone bool) {
	wish := func(do, key string) view.Act {
		return view.Act{Kind: view.Wished, Wish: &view.Wish{Do: do, Key: key}}
	}
	switch d := s.Diagnostics; {
	case role == "asks, then closes" && d.Looking:
		return []view.Act{{Kind: view.Wished}, {Kind: view.RetryAsked}, wish(view.LookAgain, "a"), wish(view.LookAgain, "b")}, false
	case role == "asks, then closes":
		return nil, true
	case role == "is closed when it comes to the front":
		return nil, s.Front > 0
	case role == "asks and closes":
		return []view.Act{wish(view.LookAgain, "")}, true
	}
	return nil, false
}

// window starts the fake and tells what it was shown.
type window struct {
	t      *testing.T
	role   string
	record string
	starts int
}

func newWindow(t *testing.T, role string) *window {
	return &window{t: t, role: role, record: filepath.Join(t.TempDir(), "screens")}
}

func (w *window) command() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := command(self)
	// The race detector would make each child wait a second at its end.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"="+w.role, recordVariable+"="+w.record)
	return cmd
}

func (w *window) start(ctx context.Context, first view.Screen) (*Process, error) {
	w.starts++
	return start(ctx, w.command(), first)
}

// screens are what was shown, once the window has let go.
func (w *window) screens() []view.Screen {
	w.t.Helper()
	data, err := os.ReadFile(w.record)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []view.Screen
	for line := range strings.Lines(string(data)) {
		var s view.Screen
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func (w *window) last() view.Connection {
	w.t.Helper()
	all := w.screens()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Connection != nil {
			return *all[i].Connection
		}
	}
	w.t.Fatal("no connection was shown")
	return view.Connection{}
}
