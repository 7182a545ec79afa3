//go:build linux

package windows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/e2e/stage"
)

// computer is a Windows in wine, with a user of its own.
type computer struct {
	*stage.Person
	programs string // the folder of prepare
	drive    string // where C: is
	studio   *stage.Studio
	standIns *standIns
}

// wine64 is the program itself: the script in front of it, /usr/bin/wine, asks
// for a 32-bit wine as well.
const wine64 = "/usr/lib/wine/wine64"

func newComputer(ctx context.Context, programs string) (made *computer, err error) {
	if _, err := os.Stat(wine64); err != nil {
		return nil, fmt.Errorf("%w: it is in Debian's package wine64", err)
	}
	person, err := stage.NewPerson(ctx, programs)
	if err != nil {
		return nil, err
	}
	c := &computer{Person: person, programs: programs, drive: filepath.Join(person.Work, "wine", "drive_c")}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := c.Own(filepath.Dir(c.drive)); err != nil {
		return nil, err
	}
	if c.standIns, err = newStandIns(c); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(programs, addressName), []byte(c.standIns.address()), 0o644); err != nil {
		return nil, err
	}
	c.Env = append(c.Env, "WINEPREFIX="+filepath.Dir(c.drive), "WINEARCH=win64", "WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree,mshtml=", // no .NET and no browser, which wine would ask for
		"SPACEHATCH_LOG=debug")
	if _, errs, err := finish(c.wine(ctx, "wineboot", "--init")); err != nil {
		return nil, fmt.Errorf("start wine: %w\n%s", err, errs)
	}
	// Linux's OpenSSH reads what spacehatch.exe writes. Programs is a folder that
	// every Windows has.
	for _, each := range [][]string{
		{"mkdir", c.unix(c.local("Programs"))},
		{"cp", filepath.Join(programs, randomName), c.unix(`C:\windows\system32\` + randomName)},
		{"cp", filepath.Join(programs, standInName), c.unix(`C:\windows\system32\ssh.exe`)},
		{"cp", filepath.Join(programs, addressName), c.unix(`C:\users\Public\` + addressName)},
		{"ln", "-s", c.unix(c.profile(`.ssh`)), filepath.Join(c.Home, ".ssh")},
	} {
		if err := call(c.Command(ctx, each[0], each[1:]...)); err != nil {
			return nil, err
		}
	}
	c.studio, err = stage.StartStudio(ctx, func(ctx context.Context) *exec.Cmd {
		return c.Command(ctx, filepath.Join(programs, commandLine), "simulator", "--json")
	})
	return c, err
}

func (c *computer) close() error {
	var fails []error
	if c.studio != nil {
		fails = append(fails, c.studio.Close())
	}
	if _, err := os.Stat(c.drive); err == nil {
		server := c.Command(context.Background(), "/usr/lib/wine/wineserver64", "--kill", "--wait")
		if err := server.Run(); err != nil {
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 { // 2: none runs
				fails = append(fails, fmt.Errorf("end wine: %w", err))
			}
		}
		fails = append(fails, call(c.Command(context.Background(), "/usr/lib/wine/wineserver64", "--wait")))
	}
	if c.standIns != nil {
		fails = append(fails, c.standIns.close())
	}
	return errors.Join(append(fails, c.Person.Close())...)
}

// wine is a command that runs a program of Windows.
func (c *computer) wine(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := c.Command(ctx, wine64, append([]string{name}, args...)...)
	cmd.Dir = c.Work // not the home, where wine finds drives of its own
	if c.studio != nil {
		for _, variable := range c.studio.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			if strings.HasPrefix(value, "/") {
				value = `Z:` + strings.ReplaceAll(value, "/", `\`)
			}
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// profile is a path in the user's profile.
func (c *computer) profile(path string) string { return `C:\users\` + c.Name + `\` + path }

// local is a path in %LocalAppData%.
func (c *computer) local(path string) string { return c.profile(`AppData\Local\` + path) }

// installed is where the installer puts a program.
func (c *computer) installed(name string) string { return c.local(`Programs\Spacehatch\` + name) }

// unix is where a file of Windows is on this machine.
func (c *computer) unix(path string) string {
	rest := strings.ReplaceAll(path[2:], `\`, "/")
	if strings.HasPrefix(path, "Z:") {
		return rest
	}
	return c.drive + rest
}

// there reports whether a file of Windows exists.
func (c *computer) there(path string) bool {
	_, err := os.Lstat(c.unix(path))
	return err == nil
}

// log is what the programs have logged.
func (c *computer) log() string {
	text, _ := os.ReadFile(c.unix(c.local(`spacehatch\spacehatch.log`))) // it may not be there
	return string(text)
}

func (c *computer) read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(c.unix(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// run runs a program of Windows and returns what it printed on standard output;
// a failure ends the test with all that was said.
func (c *computer) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	// Not the test's context, which ends before its cleaning up.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, errs, err := finish(c.wine(ctx, name, args...))
	if err != nil {
		t.Fatalf("%s %q: %v\nstdout: %s\nstderr: %s", name, args, err, out, errs)
	}
	return out
}

// finish runs a program of Windows. What it says goes to files: wine's own
// processes, which the first one starts, would keep pipes open.
func finish(cmd *exec.Cmd) (out, errs string, err error) {
	var texts [2]string
	for i, stream := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		file, err := os.CreateTemp("", "wine-")
		if err != nil {
			return "", "", err
		}
		*stream = file
		defer func() {
			_, _ = file.Close(), os.Remove(file.Name())
		}()
		defer func(i int) {
			data, _ := os.ReadFile(file.Name())
			texts[i] = string(data)
			out, errs = texts[0], texts[1]
		}(i)
	}
	return "", "", cmd.Run()
}

// install runs the installer; the uninstaller runs at the end of the test, and
// files and registry have to be as they were.
func (c *computer) install(t *testing.T) {
	t.Helper()
	before := c.look(t)
	c.run(t, `Z:`+filepath.Join(c.programs, setupName), "/S")
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			t.Logf("spacehatch.log:\n%s", c.log())
		}
		c.uninstall(t)
		before.same(t, c.look(t))
	})
}

// uninstall runs the uninstaller, which goes on in a copy of itself.
func (c *computer) uninstall(t *testing.T) {
	t.Helper()
	cmd := c.wine(context.Background(), c.installed("uninstall.exe"), "/S")
	if _, errs, err := finish(cmd); err != nil {
		t.Errorf("uninstall: %v\n%s", err, errs)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := stage.Until(ctx, func() (bool, error) {
		running, err := c.Processes()
		return !slices.ContainsFunc(running, func(p stage.Process) bool { return strings.Contains(p.Args, "~nsu") }), err
	}); err != nil {
		t.Errorf("the uninstaller does not end: %v", err)
	}
}
