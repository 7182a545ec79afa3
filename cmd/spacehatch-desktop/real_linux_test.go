package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/app/desktop"
	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/e2e/stage"
	"github.com/spacehatch/spacehatch/internal/ipc"
)

var screenshots = flag.String("screenshots", "", "a folder for pictures of the real windows; empty takes none")

// program is what `make desktop` has built.
func program(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../build/spacehatch-desktop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("build/spacehatch-desktop is not there: make desktop")
	}
	return path
}

// background starts a program that ends with the test.
func background(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// display is an X server with a window manager, and the environment to use it.
func display(t *testing.T) *stage.Display {
	t.Helper()
	d, err := stage.NewDisplay(t.TempDir(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range map[string]string{
		"DISPLAY": d.Name, "WAYLAND_DISPLAY": "", "HOME": t.TempDir(), "XDG_CONFIG_HOME": "",
		"XDG_STATE_HOME": "", "XDG_CACHE_HOME": "", "LANG": "C.UTF-8", "FYNE_THEME": "light",
		// No session bus, and none is started.
		"DBUS_SESSION_BUS_ADDRESS": "",
	} {
		t.Setenv(name, value)
	}
	background(t, exec.Command("openbox"))
	return d
}

// keys types into the window of that title, as a person does.
func keys(t *testing.T, title string, pressed ...string) {
	t.Helper()
	args := append([]string{"search", "--sync", "--onlyvisible", "--name", "^" + title + "$", "windowactivate", "--sync", "key", "--clearmodifiers"}, pressed...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "xdotool", args...).CombinedOutput(); err != nil {
		t.Fatalf("xdotool: %v\n%s", err, out)
	}
}

func picture(t *testing.T, d *stage.Display, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	if err := errors.Join(d.Still(t.Context()), d.Save(filepath.Join(*screenshots, name), image.Rectangle{})); err != nil {
		t.Fatal(err)
	}
}

func consent() view.Screen {
	space := view.Space{Name: "fraud-model", Application: "JupyterLab", Account: "111122223333", Domain: "d-abcdefghijkl", Region: "eu-west-1", UserProfile: "alice"}
	return view.Screen{Connection: &view.Connection{
		Space: space, Question: &view.Question{ID: 1, Consent: &view.Consent{Space: space, MayRemember: true}},
	}}
}

func TestTheRealWindow(t *testing.T) {
	path := program(t)
	d := display(t)
	p, err := desktop.Start(t.Context(), path, consent())
	if err != nil {
		t.Fatal(err)
	}
	keys(t, "Spacehatch", "Tab")
	picture(t, d, "real-consent.png")
	keys(t, "Spacehatch", "Return")
	act := <-p.Acts()
	if act.Answer == nil || act.Answer.Choice != view.Yes {
		t.Errorf("Tab and Return did %+v", act)
	}
	p.Show(view.Screen{Connection: &view.Connection{Problem: &view.Problem{Sentence: "It broke.", Hint: "Mend it."}}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	picture(t, d, "real-problem.png")
	p.End()
	// The program outlives what was told of its end, and takes its folder along.
	if err := stage.Until(ctx, func() (bool, error) {
		_, err := os.Stat(filepath.Join(os.Getenv("HOME"), ".config"))
		return err != nil, nil
	}); err != nil {
		t.Error("the window's program does not end")
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("HOME"), ".dbus")); err == nil {
		t.Error("a session bus was started")
	}
}

func TestNoFolderStaysBehind(t *testing.T) {
	path := program(t)
	display(t)
	var screens bytes.Buffer
	for _, screen := range []view.Screen{consent(), {Close: true}} {
		if err := ipc.Send(&screens, screen); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "show")
	cmd.Stdin = &screens
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(config); err == nil {
		t.Errorf("%s stays behind", config)
	}
}

func TestWithoutADisplay(t *testing.T) {
	cmd := exec.Command(program(t), "show")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	failed, ok := errors.AsType[*exec.ExitError](err)
	if !ok || failed.ExitCode() != exitNoDisplay || !strings.Contains(string(out), "There is no display") {
		t.Errorf("it ends with %v: %s", err, out)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"what"}, {"show", "more"}, {"--help"}} {
		if code := run(args); code != exitUsage {
			t.Errorf("%q: %d", args, code)
		}
	}
}
