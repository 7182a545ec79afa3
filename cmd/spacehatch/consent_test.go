//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/spacehatch/spacehatch/simulator/gateway"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// question is how the consent ends.
const question = "Enter  Cancel\r\n\r\n"

// seat is a program at a terminal, with somebody who reads and types.
type seat struct {
	cmd  *exec.Cmd
	tty  *os.File
	said buffer
	at   int           // what was understood so far
	read chan struct{} // closed when the terminal is
}

// sit starts the program at a terminal of its own.
func (d *desk) sit(t *testing.T, args ...string) *seat {
	t.Helper()
	cmd := d.command(args...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	s := &seat{cmd: cmd, tty: tty, read: make(chan struct{})}
	go func() {
		defer close(s.read)
		chunk := make([]byte, 4096)
		for {
			n, err := tty.Read(chunk)
			_, _ = s.said.Write(chunk[:n])
			if err != nil {
				return // nobody has the terminal any more
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = tty.Close()
		<-s.read
	})
	return s
}

// expect waits until text was said, after whatever was expected before.
func (s *seat) expect(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() bool {
		said := s.said.String()[s.at:]
		i := strings.Index(said, text)
		if i >= 0 {
			s.at += i + len(text)
		}
		return i >= 0
	}, func() string { return "nobody said " + text + " in:\n" + s.said.String() })
}

func (s *seat) typed(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// end waits for the program's end, and until nobody has its terminal.
func (s *seat) end(t *testing.T) (code int, said string) {
	t.Helper()
	code = codeOf(t, s.cmd.Wait())
	eventually(t, func() bool {
		select {
		case <-s.read:
			return true
		default:
			return false
		}
	}, func() string { return "somebody holds on to the terminal" })
	return code, s.said.String()
}

// Whoever does not say yes, in whatever way, leaves nothing behind.
func TestNoConsentNoTrace(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for _, c := range []struct {
		name  string
		keys  string
		leave func(*testing.T, *seat)
	}{
		{name: "Enter", keys: "\n"},
		{name: "no", keys: "no\n"},
		{name: "something else", keys: "yes\n"},
		{name: "a space before it", keys: " \n"},
		{name: "the end of input", keys: "\x04"},
		{name: "Ctrl-C", keys: "\x03"},
		{name: "a signal", leave: func(t *testing.T, p *seat) {
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "the terminal hangs up", leave: func(t *testing.T, p *seat) {
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.at(s)
			p := d.sit(t, "open", "--editor", "none", s.link(t, "space=my-space"))
			p.expect(t, "A link asks Spacehatch to open this space:")
			p.expect(t, "my-space")
			p.expect(t, "111122223333")
			p.expect(t, "d-simulated0001")
			p.expect(t, question)
			waits := p.tunnelProcess(t)
			if c.leave != nil {
				c.leave(t, p)
			} else {
				p.typed(t, c.keys)
			}
			code, said := p.end(t)
			if code != exitCancelled || !strings.Contains(said, "Cancelled") {
				t.Errorf("exit code %d:\n%s", code, said)
			}
			d.untouched(t, waits)
		})
	}
}

// tunnelProcess returns the tunnel process that the program at this seat has
// started. Before it is released it is in no list.
func (p *seat) tunnelProcess(t *testing.T) int {
	t.Helper()
	found := 0
	eventually(t, func() bool {
		all, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range all {
			stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
			line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			_, after, _ := strings.Cut(string(stat), ") ")
			if fields := strings.Fields(after); len(fields) > 1 && fields[1] == strconv.Itoa(p.cmd.Process.Pid) &&
				strings.Contains(string(line), "--handed-over") {
				found, err = strconv.Atoi(filepath.Base(dir))
				return err == nil
			}
		}
		return false
	}, func() string { return "no tunnel process is started" })
	return found
}

// untouched checks that no process, socket or file is left. Who asked for the
// link has waited for the tunnel's end, so nothing is waited for here.
func (d *desk) untouched(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the tunnel process %d goes on: %v", pid, err)
	}
	if left := d.sockets(t); len(left) != 0 {
		t.Errorf("sockets are left: %v", left)
	}
	if err := filepath.WalkDir(filepath.Dir(d.home), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			text, _ := os.ReadFile(path)
			t.Errorf("there is %s: %s", path, text)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for _, args := range [][]string{{"open", "-"}, {"open", "--json", "-"}} {
		d := newDesk(t)
		d.at(s)
		got := d.run(t, s.link(t, "space=my-space"), args...)
		if got.code != exitCancelled || !strings.Contains(got.out+got.errors, "there is no terminal to ask on") {
			t.Errorf("%v: %v", args, got)
		}
		if left := d.sockets(t); len(left) != 0 {
			t.Errorf("sockets are left: %v", left)
		}
		d.untouched(t, 1<<22) // beyond every process
	}
	// The other questions.
	for _, args := range [][]string{{"ssh-config", "apply"}, {"uninstall"}} {
		d := newDesk(t)
		got := d.run(t, "y\n", args...)
		if got.code != exitCancelled || !strings.Contains(got.errors, "there is no terminal to ask on") {
			t.Errorf("%v: %v", args, got)
		}
		d.untouched(t, 1<<22)
	}
}

// A tunnel that cannot open yet is ended all the same.
func TestNoConsentWhileTheTunnelIsDialled(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	link := s.link(t, "space=my-space")
	s.Gateway().SetFaults(gateway.Faults{Silence: true})
	p := d.sit(t, "open", link)
	p.expect(t, question)
	dials := p.tunnelProcess(t)
	p.typed(t, "\n")
	if code, said := p.end(t); code != exitCancelled || !strings.Contains(said, "Cancelled; nothing was changed.") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	d.untouched(t, dials)
}

// Once is once; remembered is until uninstall.
func TestConsentIsRemembered(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	open := func(answer string, configure bool) string {
		t.Helper()
		p := d.sit(t, "open", "--editor", "none", s.link(t, "space=my-space"))
		if answer != "" {
			p.expect(t, question)
			p.typed(t, answer+"\n")
		}
		if configure {
			p.expect(t, "Update your SSH config?")
			p.expect(t, "+Include ")
			p.expect(t, "[Y/n] ")
			p.typed(t, "perhaps\n")
			p.expect(t, "Please answer y or n: ")
			p.typed(t, "\n")
		}
		code, said := p.end(t)
		if code != exitOK || !strings.Contains(said, "my-space is open. `ssh "+alias+"` works") {
			t.Fatalf("exit code %d:\n%s", code, said)
		}
		d.awaitTunnel(t, registry.Connected)
		if got := d.run(t, "", "close", alias); got.code != exitOK {
			t.Fatalf("close: %v", got)
		}
		d.noSocket(t)
		return said
	}
	open("c", true)
	if said := open("r", false); !strings.Contains(said, "allowed, and remembered") || !strings.Contains(said, "already set up") {
		t.Error(said)
	}
	said := open("", false)
	if strings.Contains(said, "A link asks") || !strings.Contains(said, "this domain is trusted") {
		t.Error(said)
	}
	// One account, domain and region: another domain is another question.
	p := d.sit(t, "open", s.link(t, "space=MyProject"))
	p.expect(t, question)
	p.typed(t, "\n")
	if code, said := p.end(t); code != exitCancelled {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

// A no to the diff leaves the user's file alone.
func TestTheSSHConfigIsDeclined(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	const mine = "Host other\n    User me\n"
	config := filepath.Join(d.home, ".ssh", "config")
	if err := os.Mkdir(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	p := d.sit(t, "open", "--editor", "none", s.link(t, "space=my-space"))
	p.expect(t, question)
	p.typed(t, "c\n")
	p.expect(t, "[Y/n] ")
	p.typed(t, "n\n")
	if code, said := p.end(t); code != exitCancelled || !strings.Contains(said, "was not changed") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	if got, err := os.ReadFile(config); err != nil || string(got) != mine {
		t.Errorf("the config is %q, %v", got, err)
	}
	d.noSocket(t)
}

func TestYesAsksNothingAndRemembersNothing(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	got := d.run(t, s.link(t, "space=my-space"), "open", "--yes", "--json", "--editor", "none", "-")
	if got.code != exitOK || got.errors != "" {
		t.Fatalf("%v", got)
	}
	all := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	var steps []string
	for i, line := range all {
		var e struct {
			Event, Step, Progress, Alias, Folder, Editor string
			ARN                                          string `json:"space_arn"`
			Problem                                      any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if i == len(all)-1 {
			if e.Event != "ready" || e.Alias != alias || e.ARN != arn || e.Folder != "/home/sagemaker-user" || e.Editor != "" {
				t.Errorf("the last line is %s", line)
			}
			break
		}
		if e.Event != "step" || e.Problem != nil {
			t.Errorf("%s", line)
		}
		if e.Progress == "done" || e.Progress == "skipped" {
			steps = append(steps, e.Step+" "+e.Progress)
		}
	}
	want := "link done, consent skipped, ssh-config done, tunnel done, ssh done, editor skipped"
	if got := strings.Join(steps, ", "); got != want {
		t.Errorf("steps: %s\nwant:  %s", got, want)
	}
	// A second link while the first connection stands takes no new tunnel.
	got = d.run(t, s.link(t, "space=my-space"), "open", "--yes", "--editor", "none", "-")
	if got.code != exitOK || !strings.Contains(got.out, "already connected") || len(d.tunnels(t)) != 1 {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "close", "--all"); got.code != exitOK || got.out != "Closed "+alias+".\n" {
		t.Errorf("close: %v", got)
	}
	d.noSocket(t)
	p := d.sit(t, "open", s.link(t, "space=my-space"))
	p.expect(t, question)
	p.typed(t, "\x03")
	if code, said := p.end(t); code != exitCancelled {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
