package space

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// newSpace makes a space that ends with the test.
func newSpace(t *testing.T, kind Server) *Space {
	t.Helper()
	s, err := New(t.Context(), Config{Name: "my-space", Dir: filepath.Join(t.TempDir(), "it's a space"), Server: kind,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.config.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is left behind: %v", err)
		}
	})
	return s
}

// servers are the kinds that this machine has: OpenSSH must work where there
// is an sshd and the kernel lets users have namespaces.
func servers(t *testing.T) []Server {
	t.Helper()
	_, err := findSSHD()
	if err == nil {
		err = exec.Command("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "mount", "-t", "proc", "proc", "/proc").Run()
	}
	if err != nil {
		t.Logf("only the embedded server is tested: %v", err)
		return []Server{Embedded}
	}
	return []Server{Embedded, OpenSSH}
}

// eachServer runs a test against every kind of server.
func eachServer(t *testing.T, test func(t *testing.T, s *Space)) {
	for _, kind := range servers(t) {
		t.Run(string(kind), func(t *testing.T) {
			s := newSpace(t, kind)
			if got := s.Info().Server; got != kind {
				t.Fatalf("server is %s: %s", got, s.Info().Reason)
			}
			test(t, s)
		})
	}
}

func dial(t *testing.T, s *Space) *ssh.Client {
	t.Helper()
	conn, err := s.Dial(t.Context(), "", SSHPort)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.Info().HostKey))
	if err != nil {
		t.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(conn, "space", &ssh.ClientConfig{User: User, HostKeyCallback: ssh.FixedHostKey(key)})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(c, channels, requests)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newTestSession(t *testing.T, client *ssh.Client) *ssh.Session {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func TestProgramsRunAsSSHSays(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		client := dial(t, s)
		for _, c := range []struct {
			name, command, stdin, stdout, stderr, err string
		}{
			{"output", "echo out; echo err >&2", "", "out\n", "err\n", ""},
			{"exit status", "exit 37", "", "", "", "Process exited with status 37"},
			{"no such program", "/nonexistent/program 2>/dev/null", "", "", "", "Process exited with status 127"},
			{"end of input", "cat; echo end", "some\nlines", "some\nlinesend\n", "", ""},
			{"input not read", "exit 0", strings.Repeat("x", 1<<20), "", "", ""},
			{"bytes as they are", `printf 'a\r\n\000\377\n'`, "", "a\r\n\x00\xff\n", "", ""},
			{"signal", "kill -TERM $$", "", "", "", "Process exited with status 143 from signal TERM"},
			{"user", "echo $USER $LOGNAME", "", User + " " + User + "\n", "", ""},
			{"home is where one starts", `cd; h=$(pwd -P); cd "$OLDPWD"; [ "$(pwd -P)" = "$h" ] && test -w . && echo yes`, "", "yes\n", "", ""},
			{"background with its output elsewhere", "sleep 1000 >/dev/null 2>&1 </dev/null & echo started", "", "started\n", "", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				session := newTestSession(t, client)
				var stdout, stderr bytes.Buffer
				session.Stdin, session.Stdout, session.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
				got := ""
				if err := session.Run(c.command); err != nil && !errors.Is(err, io.EOF) {
					got = err.Error()
				}
				if got != c.err || stdout.String() != c.stdout || stderr.String() != c.stderr {
					t.Errorf("got %q, stdout %q, stderr %q\nwant %q, %q, %q", got, stdout.String(), stderr.String(), c.err, c.stdout, c.stderr)
				}
			})
		}
	})
}

func TestEnvironmentOfTheClient(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		session := newTestSession(t, dial(t, s))
		if err := session.Setenv("LC_TEST", "yes"); err != nil {
			t.Error(err)
		}
		if err := session.Setenv("LD_PRELOAD", "no"); err == nil {
			t.Error("LD_PRELOAD is accepted")
		}
		out, err := session.Output("echo $LC_TEST$LD_PRELOAD")
		if err != nil || string(out) != "yes\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

func TestTerminal(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		session := newTestSession(t, dial(t, s))
		if err := session.RequestPty("xterm-test", 33, 111, ssh.TerminalModes{}); err != nil {
			t.Fatal(err)
		}
		if _, err := session.StdinPipe(); err != nil { // left open: at its end sshd lets go of the terminal
			t.Fatal(err)
		}
		stdout, err := session.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Start(`stty size; echo $TERM; trap 'stty size; exit 3' WINCH; echo waiting; while :; do sleep 0.05; done`); err != nil {
			t.Fatal(err)
		}
		expect(t, stdout, "33 111", "xterm-test", "waiting")
		if err := session.WindowChange(40, 120); err != nil {
			t.Fatal(err)
		}
		expect(t, stdout, "40 120")
		var exit *ssh.ExitError
		if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 3 {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestLoginShell(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		session := newTestSession(t, dial(t, s))
		if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
			t.Fatal(err)
		}
		stdin, err := session.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := session.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Shell(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(stdin, "echo $0 $((6*7)); exit 5\n")
		expect(t, stdout, "bash 42")
		var exit *ssh.ExitError
		if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 5 {
			t.Errorf("ended with %v", err)
		}
	})
}

// A terminal session ends with its program, even where a process that has
// left the process group still holds the terminal.
func TestATerminalIsNotHeldByTheBackground(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		fifo := filepath.Join(s.Info().Home, "fifo")
		if err := exec.Command("mkfifo", fifo, fifo+"2").Run(); err != nil {
			t.Fatal(err)
		}
		held, err := os.OpenFile(fifo, os.O_RDWR, 0) // its closing ends the background process
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = held.Close() }()
		session := newTestSession(t, dial(t, s))
		if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
			t.Fatal(err)
		}
		out, err := session.Output("cd; setsid sh -c 'echo >fifo2; exec cat <fifo' & read x <fifo2; echo last; exit 4")
		var exit *ssh.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != 4 || !strings.Contains(string(out), "last") {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// expect reads until each text was seen, in this order.
func expect(t *testing.T, r io.Reader, texts ...string) {
	t.Helper()
	var seen []byte
	one := make([]byte, 1)
	for _, text := range texts {
		for !bytes.Contains(seen, []byte(text)) {
			if _, err := io.ReadFull(r, one); err != nil {
				t.Fatalf("%v; wanted %q, got %q", err, text, seen)
			}
			seen = append(seen, one[0])
		}
		_, seen, _ = bytes.Cut(seen, []byte(text))
	}
}

func TestSignalReachesTheProgram(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		session := newTestSession(t, dial(t, s))
		stdout, err := session.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Start(`trap 'echo caught; exit 9' TERM; sleep 1000 >/dev/null 2>&1 & echo ready; wait`); err != nil {
			t.Fatal(err)
		}
		expect(t, stdout, "ready")
		if err := session.Signal(ssh.SIGTERM); err != nil {
			t.Fatal(err)
		}
		var exit *ssh.ExitError
		if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 9 {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestFileTransfer(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		client, err := sftp.NewClient(dial(t, s))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		f, err := client.Create("sent")
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte("0123456789abcdef"), 20000)
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(s.Info().Home, "sent"))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes arrived, %v", len(got), err)
		}
	})
}

func TestForward(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	socket := filepath.Join(t.TempDir(), "s")
	u, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.Close() }()
	for _, listener := range []net.Listener{l, u} {
		go func() { // answers after the end of what it was sent
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				got, _ := io.ReadAll(conn)
				_, _ = fmt.Fprintf(conn, "got %d", len(got))
				_ = conn.Close()
			}
		}()
	}
	eachServer(t, func(t *testing.T, s *Space) {
		client := dial(t, s)
		for _, listener := range []net.Listener{l, u} {
			conn, err := client.Dial(listener.Addr().Network(), listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(make([]byte, 300000)); err != nil {
				t.Fatal(err)
			}
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != "got 300000" {
				t.Errorf("%s: %q, %v", listener.Addr().Network(), got, err)
			}
		}
		if _, err := client.Dial("tcp", "127.0.0.1:1"); err == nil {
			t.Error("a closed port can be reached")
		}
	})
}

func TestOnlyOneUser(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		conn, err := s.Dial(t.Context(), "", SSHPort)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _, _, err = ssh.NewClientConn(conn, "space", &ssh.ClientConfig{User: "root", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err == nil {
			t.Error("root logged in")
		}
	})
}

// TestTheEndOfTheConnectionEndsItsProgram waits for the program's pipe to
// close, which happens when the last process that holds it is gone.
func TestTheEndOfTheConnectionEndsItsProgram(t *testing.T) {
	s := newSpace(t, Embedded)
	client := dial(t, s)
	session := newTestSession(t, client)
	stdout, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(s.Info().Home, "fifo")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	if err := session.Start("exec 5>fifo; echo ready; sleep 1000 & trap '' HUP; wait"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	expect(t, stdout, "ready")
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(f); err != nil { // ends when the programs have ended
		t.Fatal(err)
	}
}

func TestTheEndOfTheSpaceEndsWhatRunsInTheBackground(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		fifo := filepath.Join(s.Info().Home, "fifo")
		if err := exec.Command("mkfifo", fifo).Run(); err != nil {
			t.Fatal(err)
		}
		session := newTestSession(t, dial(t, s))
		if err := session.Start("nohup sleep 1000 >fifo 2>/dev/null </dev/null & echo"); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(fifo)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if err := session.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRestartChangesTheHostKeyAndKeepsTheHome(t *testing.T) {
	eachServer(t, func(t *testing.T, s *Space) {
		before := s.Info()
		if err := newTestSession(t, dial(t, s)).Run("mkdir -p kept/in && chmod 500 kept"); err != nil {
			t.Fatal(err)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.Info().HostKey == before.HostKey {
			t.Error("the host key is the old one")
		}
		if err := newTestSession(t, dial(t, s)).Run("test -d kept/in"); err != nil {
			t.Error(err)
		}
	})
}

func TestDialReachesTheLoopbackOnly(t *testing.T) {
	s := newSpace(t, Embedded)
	if conn, err := s.Dial(t.Context(), "192.0.2.1", "80"); err == nil {
		_ = conn.Close()
		t.Error("another machine was dialled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if conn, err := s.Dial(ctx, "", SSHPort); err == nil {
		_ = conn.Close()
		t.Error("a cancelled call dials")
	}
}

func TestAnUnknownKindIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if _, err := New(t.Context(), Config{Dir: dir, Server: "telnet"}); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder is left behind")
	}
}
