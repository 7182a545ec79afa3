//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spacehatch/spacehatch/internal/settings"
)

// What the program is told in a test and finds out by itself elsewhere.
const (
	variableSSH      = "SPACEHATCH_TEST_SSH"      // the folder that ssh reads
	variablePolicy   = "SPACEHATCH_TEST_POLICY"   // an administrator's policy
	variableReleases = "SPACEHATCH_TEST_RELEASES" // where releases are; then this is v1.3.0
	variableBrowser  = "SPACEHATCH_TEST_BROWSER"  // what the person says on the page to sign in: allow or deny, or fail for no browser
	variableWait     = "SPACEHATCH_TEST_WAIT"     // how long a tunnel waits for its ssh
	variableGuard    = "SPACEHATCH_TEST_GUARD"    // how often a space is told of work
	variableTabs     = "SPACEHATCH_TEST_TABS"     // the folder of what xdg-open does
	// ping interval, longest silence and longest time without a socket
	variableBounds = "SPACEHATCH_TEST_BOUNDS"
)

// The tests of whole processes are Linux's: there every folder can be chosen,
// and a process's own be seen.

// TestMain lets the test binary be the program, with the real main, and the
// ssh that the program finds.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spacehatch": beSpacehatch, pluginName: beSpacehatch, "spacehatch-desktop": beDesktop, "ssh": beSSH, "xdg-open": beBrowser})
}

func beSpacehatch() {
	p := thisSystem()
	p.sshFolder = func() (string, error) { return sshFolder() }
	for name, value := range map[string]*time.Duration{variableWait: &p.waitForSSH, variableGuard: &p.guardEvery} {
		if text := os.Getenv(name); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil {
				panic(err)
			}
			*value = d
		}
	}
	if what := os.Getenv(variableBrowser); what != "" {
		p.browse = func(address string) error { return answerPage(address, what) }
	}
	// None of the machine that the tests run on.
	p.readPolicy = func() (settings.Policy, error) { return settings.PolicyFile(os.Getenv(variablePolicy)) }
	if text := os.Getenv(variableReleases); text != "" {
		version, releasePage = "v1.3.0", text
	}
	if text := os.Getenv(variableBounds); text != "" {
		p.bounds = readBounds(text)
	}
	os.Exit(realMain(p))
}

// answerPage is a person in front of the simulator's page to sign in.
func answerPage(address, what string) error {
	u, err := url.Parse(address)
	if err != nil || what == "fail" {
		return errors.Join(err, errors.New("no browser"))
	}
	answer := url.Values{"user_code": {u.Query().Get("user_code")}, "answer": {what}}
	resp, err := http.PostForm("http://"+u.Host+"/api/device", answer)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}

// readBounds reads three durations with commas between them.
func readBounds(text string) bounds {
	var all [3]time.Duration
	for i, part := range strings.SplitN(text, ",", 3) {
		d, err := time.ParseDuration(part)
		if err != nil {
			panic(err)
		}
		all[i] = d
	}
	return bounds{all[0], all[1], all[2]}
}

// sshFolder never is the one of whoever runs the tests.
func sshFolder() (string, error) {
	dir := os.Getenv(variableSSH)
	if dir == "" {
		return "", errors.New(variableSSH + " is not set")
	}
	return dir, nil
}

// beSSH is OpenSSH, reading the test's configuration in place of the user's.
func beSSH() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "the tests' ssh:", err)
		os.Exit(255)
	}
	dir, err := sshFolder()
	if err != nil {
		fail(err)
	}
	args := append([]string{"ssh"}, os.Args[1:]...)
	if config := filepath.Join(dir, "config"); !strings.HasPrefix(strings.Join(os.Args[1:], " "), "-G -F") {
		if _, err := os.Stat(config); err != nil {
			config = "none"
		}
		args = append([]string{"ssh", "-F", config}, os.Args[1:]...)
	}
	self, err := os.Executable()
	if err != nil {
		fail(err)
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if folder == filepath.Dir(self) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, "ssh")); err == nil {
			fail(syscall.Exec(path, args, os.Environ()))
		}
	}
	fail(errors.New("the tests need OpenSSH's client; there is none on the PATH"))
}

// desk is a computer for one test: a home, and folders below it.
type desk struct {
	home, runtime, state string
	env                  []string
	limit                string // a shell command that comes before every program
}

// newDesk is not below t.TempDir, whose path is too long for sockets.
func newDesk(t *testing.T) *desk {
	t.Helper()
	dir, err := os.MkdirTemp("", "shc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	d := &desk{
		home: filepath.Join(dir, "home"), runtime: filepath.Join(dir, "run", "spacehatch"),
		state: filepath.Join(dir, "home", "state", "spacehatch"),
	}
	for _, folder := range []string{d.home, filepath.Dir(d.runtime), filepath.Join(dir, "tmp")} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.env = append(surroundings(d.home, filepath.Dir(d.runtime)), "TMPDIR="+filepath.Join(dir, "tmp"), "PATH="+os.Getenv("PATH"))
	t.Cleanup(func() { // whatever a failed test has left
		if ended := d.run(t, "", "close", "--all"); ended.code != 0 {
			t.Errorf("close --all: %v", ended)
		}
	})
	return d
}

// surroundings is the environment of a user who has set nothing up.
func surroundings(home, run string) []string {
	return []string{
		"HOME=" + home,
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_STATE_HOME=" + filepath.Join(home, "state"),
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"XDG_CONFIG_DIRS=" + filepath.Join(home, "none"),
		"XDG_DATA_DIRS=" + filepath.Join(home, "none"),
		"XDG_RUNTIME_DIR=" + run,
		variableSSH + "=" + filepath.Join(home, ".ssh"),
		"AWS_EC2_METADATA_DISABLED=true",
		"LC_ALL=C",
		"GORACE=atexit_sleep_ms=0", // the race detector would wait a second at every end
	}
}

// command is one call of the program, in a session without a terminal.
func (d *desk) command(args ...string) *exec.Cmd {
	cmd := exec.Command("spacehatch", args...)
	if d.limit != "" {
		cmd = exec.Command("sh", append([]string{"-c", d.limit + `; exec spacehatch "$@"`, "sh"}, args...)...)
	}
	cmd.Env = d.env
	cmd.Dir = d.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// ended is what is left of a command.
type ended struct {
	code        int
	out, errors string
}

func (e ended) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", e.code, e.out, e.errors)
}

// run runs the program to its end.
func (d *desk) run(t *testing.T, stdin string, args ...string) ended {
	t.Helper()
	cmd := d.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	return ended{codeOf(t, err), out.String(), errs.String()}
}

// codeOf returns the exit code; -1 is a signal.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// eventually looks every few milliseconds until true; it gives up after a time
// that no healthy run comes near.
func eventually(t *testing.T, true func() bool, why func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !true(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(why())
		}
	}
}
