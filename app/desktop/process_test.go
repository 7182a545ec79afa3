package desktop

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
)

func open(t *testing.T, w *window, first view.Screen) *Process {
	t.Helper()
	p, err := w.start(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAProgramThatIsNotThere(t *testing.T) {
	_, err := Start(t.Context(), filepath.Join(t.TempDir(), "none"), view.Screen{})
	if !errors.Is(err, ErrNoWindow) {
		t.Errorf("Start = %v", err)
	}
}

func TestAWindowThatDoesNotLetGoIsLeftAlone(t *testing.T) {
	p := open(t, newWindow(t, "never lets go"), view.Screen{Connection: &view.Connection{}})
	p.letGo = time.Millisecond
	// The one in p forgets its process when it is let go of.
	process, err := os.FindProcess(p.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Kill(); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		// More than a pipe holds: nobody may wait for who does not read.
		p.Show(view.Screen{Connection: &view.Connection{Editor: strings.Repeat("x", 500_000)}})
	}
	p.Leave()
}

func TestOnlyTheLatestScreenCounts(t *testing.T) {
	w := newWindow(t, "looks on")
	p := open(t, w, view.Screen{Connection: &view.Connection{}})
	for _, editor := range []string{"a", "b", "c"} {
		p.Show(view.Screen{Connection: &view.Connection{Editor: editor}})
	}
	p.Leave()
	if last := w.last(); last.Editor != "c" {
		t.Errorf("the last screen is %+v", last)
	}
}

func TestSetup(t *testing.T) {
	setup := view.Setup{ID: 4, Stage: view.Choosing, Items: []view.Item{{Key: "a"}, {Key: "b"}}}
	for _, test := range []struct {
		role    string
		carried bool
		err     error
	}{
		{"says yes", true, nil},
		{"says no", false, nil},
		{"is closed", false, nil},
	} {
		t.Run(test.role, func(t *testing.T) {
			w := newWindow(t, test.role)
			p := open(t, w, view.Screen{Setup: &setup})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var got view.Answer
			carried, err := carrySetup(ctx, cancel, p, setup.ID, func(_ context.Context, a view.Answer, show func(view.Setup)) {
				got = a
				show(view.Setup{Stage: view.Making})
				show(view.Setup{Stage: view.Made})
			})
			if carried != test.carried || !errors.Is(err, test.err) {
				t.Errorf("carried %v, %v", carried, err)
			}
			if test.carried {
				if strings.Join(got.Keys, " ") != "a b" {
					t.Errorf("the answer is %+v", got)
				}
				if all := w.screens(); all[len(all)-1].Setup == nil || all[len(all)-1].Setup.Stage != view.Made {
					t.Errorf("the last screen is %+v", all[len(all)-1])
				}
			}
		})
	}
}

func TestACancelledSetupEndsWhatItBegan(t *testing.T) {
	p := open(t, newWindow(t, "looks on"), view.Screen{Setup: &view.Setup{ID: 4, Stage: view.Choosing}})
	ctx, cancel := context.WithCancel(t.Context())
	acts := make(chan view.Act, 1)
	acts <- view.Act{Kind: view.Answered, Answer: &view.Answer{ID: 4, Choice: view.Yes}}
	p.acts = acts // the window's own are not needed
	ended := false
	carried, err := carrySetup(ctx, cancel, p, 4, func(ctx context.Context, _ view.Answer, show func(view.Setup)) {
		cancel()
		show(view.Setup{Stage: view.Making}) // must not wait for ever
		<-ctx.Done()
		ended = true
	})
	if !carried || !ended || !errors.Is(err, context.Canceled) {
		t.Errorf("carried %v, ended %v, %v", carried, ended, err)
	}
}

func TestTheProgramIsFoundOnPath(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if found, err := Find(); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find = %q, %v", found, err)
	}
	t.Setenv("PATH", ".")
	if found, err := Find(); !errors.Is(err, ErrNotFound) || errors.Is(err, exec.ErrDot) {
		t.Errorf("Find in a relative folder = %q, %v", found, err)
	}
}
