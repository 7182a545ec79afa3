//go:build unix

package master

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	alias   = "my-space.hatch"
	startIn = "SPACEHATCH_TEST_START_IN"
	nobody  = 65534
)

// TestMain lets the test binary be its own peer: the ProxyCommand, and a
// spacehatch that starts a master and ends.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "proxy" {
		proxy(os.Args[2])
		return
	}
	if dir := os.Getenv(startIn); dir != "" {
		if err := clientIn(dir).Start(context.Background(), alias); err != nil {
			fmt.Println(err)
		}
		return
	}
	defer os.Exit(m.Run()) //nolint:forbidigo // the main of the tests
}

func proxy(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(os.Stdout, conn)
	_ = os.Stdin.Close()
	_ = os.Stdout.Close()
}

// A space is a real sshd on loopback and a gate before it that counts the
// connections and sees each of them end.
type space struct {
	dir   string
	gate  net.Listener
	came  chan struct{} // a connection came
	ended chan struct{} // a connection ended
	deaf  atomic.Bool   // let nothing through
}

func clientIn(dir string) Client {
	return Client{Config: filepath.Join(dir, "config"), LockDir: dir}
}

func (s *space) client() Client { return clientIn(s.dir) }

// newSpace starts sshd as the user who runs the tests or, since sshd as root
// wants folders of the system's, as nobody.
func newSpace(t *testing.T) *space {
	t.Helper()
	sshd := sshdPath(t)
	// Not t.TempDir: with a test's name in it, it is too long for a socket.
	dir, err := os.MkdirTemp("", "shm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &space{dir: dir, came: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
	for _, key := range []string{"host", "other", "id"} {
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.path(key)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	s.write(t, "sshd_config", fmt.Sprintf("ListenAddress %s\nPort %s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM yes\nPidFile none\n",
		host, port, s.path("host"), s.path("id.pub")))
	server := exec.CommandContext(t.Context(), sshd, "-D", "-e", "-f", s.path("sshd_config"))
	name := runSSHD(t, s, server, address)
	s.open(t, address)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "config", fmt.Sprintf(`Host *
    User %s
    IdentityFile %s
    IdentitiesOnly yes
    IdentityAgent none
    ProxyCommand '%s' proxy %s
    ControlPath %s
    UserKnownHostsFile %s
    StrictHostKeyChecking accept-new
    UpdateHostKeys no
    LocalForward %s 127.0.0.1:1
    ExitOnForwardFailure yes
`, name, s.path("id"), self, s.gate.Addr(), s.path("cm-%C"), s.path("known_hosts"), address))
	t.Cleanup(func() {
		if err := s.client().Stop(context.WithoutCancel(t.Context()), alias); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func (s *space) path(name string) string { return filepath.Join(s.dir, name) }

func (s *space) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sshdPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
			return path
		}
	}
	t.Skip("no sshd here")
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// runSSHD returns the user to sign in as when sshd listens.
func runSSHD(t *testing.T, s *space, server *exec.Cmd, address string) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if me, err = user.LookupId(strconv.Itoa(nobody)); err != nil {
			t.Skip(err)
		}
		for _, name := range []string{"", "host", "id.pub", "sshd_config"} {
			if err := os.Chown(s.path(name), nobody, -1); err != nil {
				t.Fatal(err)
			}
		}
		server.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	said, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	var log strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(log.String(), "Server listening") {
		n, err := said.Read(buffer)
		log.Write(buffer[:n])
		if err != nil {
			t.Fatalf("sshd on %s: %v: %s", address, err, log.String())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	return me.Username
}

// open lets connections through to sshd.
func (s *space) open(t *testing.T, address string) {
	t.Helper()
	var err error
	if s.gate, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = s.gate.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := s.gate.Accept()
			if err != nil {
				return
			}
			s.came <- struct{}{}
			wg.Go(func() {
				defer func() { s.ended <- struct{}{} }()
				defer func() { _ = conn.Close() }()
				if s.deaf.Load() {
					_, _ = io.Copy(io.Discard, conn)
					return
				}
				server, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				defer func() { _ = server.Close() }()
				wg.Go(func() {
					_, _ = io.Copy(server, conn)
					_ = server.(*net.TCPConn).CloseWrite()
				})
				_, _ = io.Copy(conn, server)
			})
		}
	})
}

func (s *space) start(t *testing.T, c Client) {
	t.Helper()
	if err := c.Start(t.Context(), alias); err != nil {
		t.Fatalf("%v", err)
	}
	if !c.Running(t.Context(), alias) {
		t.Fatal("no master answers")
	}
}

// pid asks ssh for the master's process.
func (s *space) pid(t *testing.T) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ssh", "-F", s.path("config"), "-O", "check", "--", alias).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := regexp.MustCompile(`pid=(\d+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("no process in %s", out)
	}
	pid, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestStartAndStop(t *testing.T) {
	s := newSpace(t)
	c := s.client()
	if c.Running(t.Context(), alias) {
		t.Fatal("a master before the start")
	}
	s.start(t, c)
	s.start(t, c) // there is one: nothing happens
	if n := len(s.came); n != 1 {
		t.Errorf("%d connections", n)
	}
	if err := c.Stop(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if c.Running(t.Context(), alias) {
		t.Error("still running")
	}
	if err := c.Stop(t.Context(), alias); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestRunACommand(t *testing.T) {
	s := newSpace(t)
	c := s.client()
	if err := c.Run(t.Context(), alias, "true"); err == nil {
		t.Error("without a master there is nothing to run it through")
	}
	if n := len(s.came); n != 0 {
		t.Errorf("%d connections for a command that must not make one", n)
	}
	s.start(t, c)
	// An account without a shell says so, which is an answer from the space.
	const noShell = "This account is currently not available"
	if err := c.Run(t.Context(), alias, "exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3") && !strings.Contains(err.Error(), noShell) {
		t.Errorf("a command that fails: %v", err)
	}
	if err := c.Run(t.Context(), alias, "cat"); err != nil && !strings.Contains(err.Error(), noShell) {
		t.Errorf("a command that reads: %v", err)
	}
	if n := len(s.came); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestEndsByItself without a client, which ssh -M -N alone never does.
func TestEndsByItself(t *testing.T) {
	s := newSpace(t)
	c := s.client()
	c.Idle = time.Second
	s.start(t, c)
	<-s.ended
}

// TestHoldsNothingOfOurs: whoever waits for the end of our output gets it while
// the master lives on.
func TestHoldsNothingOfOurs(t *testing.T) {
	s := newSpace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), startIn+"="+s.dir)
	out, err := cmd.CombinedOutput() // returns when the last writer has closed the pipe
	if err != nil || len(out) != 0 {
		t.Fatalf("%v: %s", err, out)
	}
	if !s.client().Running(t.Context(), alias) {
		t.Error("the master ended with its starter")
	}
}

// TestStaleSocket: over the socket of a master that was killed, ssh would
// connect without becoming one.
func TestManyStartsMakeOneMaster(t *testing.T) {
	s := newSpace(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := s.client().Start(t.Context(), alias); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(s.came); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// wrapped is a client whose ssh is a script that notes each run and then does
// what instead says.
func (s *space) wrapped(t *testing.T, instead string) (c Client, runs func() []string) {
	t.Helper()
	script := s.path("ssh.sh")
	s.write(t, "ssh.sh", "#!/bin/sh\necho \"$*\" >>'"+s.path("runs")+"'\n"+instead+"\nexec ssh \"$@\"\n")
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	c = s.client()
	c.SSH = script
	return c, func() []string {
		data, err := os.ReadFile(s.path("runs"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
}

// TestStartRunsSSHTwice: a person waits for each run.
func TestStartRunsSSHTwice(t *testing.T) {
	s := newSpace(t)
	c, runs := s.wrapped(t, "")
	if err := c.Start(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	got := runs()
	if len(got) != 2 || !strings.Contains(got[0], "-G ") || !strings.Contains(got[1], "-M ") {
		t.Errorf("ssh ran %d times: %q", len(got), got)
	}
	s.start(t, s.client()) // it is a master
}

func TestAnSSHThatBecomesNoMaster(t *testing.T) {
	s := newSpace(t)
	c, _ := s.wrapped(t, "case \" $* \" in *' -M '*) exit 0;; esac")
	err := c.Start(t.Context(), alias)
	if p := problem.From(err); p.Code != problem.SSHFailed || !strings.Contains(p.Sentence, "cannot be shared") {
		t.Errorf("error %v", err)
	}
}

// TestAnothersSocket: what listens there and is no master stays.
func TestAnothersSocket(t *testing.T) {
	s := newSpace(t)
	config, err := os.ReadFile(s.path("config"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "config", "ControlPath "+s.path("other.sock")+"\n"+string(config))
	l, err := net.Listen("unix", s.path("other.sock"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // a master may have taken its place
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = l.Close() }() // before the clean-up, which finds no stranger
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	})
	if err := s.client().Start(t.Context(), alias); !errors.Is(err, fs.ErrExist) || len(s.came) != 0 {
		t.Errorf("error %v, %d connections", err, len(s.came))
	}
	if _, err := os.Lstat(s.path("other.sock")); err != nil {
		t.Error(err)
	}
}

func TestHostKeyChanged(t *testing.T) {
	s := newSpace(t)
	other, err := os.ReadFile(s.path("other.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "known_hosts", alias+" "+string(other))
	c := s.client()
	err = c.Start(t.Context(), alias)
	if p := problem.From(err); p.Code != problem.SSHFailed || !strings.Contains(p.Sentence, "host key") {
		t.Fatalf("error %v", err)
	}
	<-s.ended
	if c.Running(t.Context(), alias) {
		t.Error("a master over a host key that is not the pinned one")
	}
	// Without the pin, as after a restart that AWS vouches for, all is well.
	if err := os.Remove(s.path("known_hosts")); err != nil {
		t.Fatal(err)
	}
	s.start(t, c)
}

func TestGivingUpEndsSSH(t *testing.T) {
	s := newSpace(t)
	s.deaf.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := s.client().Start(ctx, alias)
		done <- err
	}()
	<-s.came
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-s.ended // the ProxyCommand went, too
}

func TestWithoutControlPath(t *testing.T) {
	s := newSpace(t)
	config, err := os.ReadFile(s.path("config"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "config", "ControlPath none\n"+string(config))
	if err := s.client().Start(t.Context(), alias); err != nil || len(s.came) != 0 {
		t.Errorf("%v, %d connections", err, len(s.came))
	}
	if s.client().Running(t.Context(), alias) {
		t.Error("a master without a socket")
	}
}

// TestTheEnvironmentOfAMaster: no program may ask for a password in a window of
// its own, and the ProxyCommand finds what it was meant to.
func TestTheEnvironmentOfAMaster(t *testing.T) {
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	dir := t.TempDir()
	script, found := filepath.Join(dir, "ssh"), filepath.Join(dir, "found")
	text := "#!/bin/sh\necho \"$SSH_ASKPASS_REQUIRE $FOR_THE_PROXY\" >'" + found + "'\nexit 1\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	c := Client{SSH: script, LockDir: dir, Socket: filepath.Join(dir, "c"), Env: []string{"FOR_THE_PROXY=1"}}
	if err := c.Start(t.Context(), alias); problem.From(err).Code != problem.SSHFailed {
		t.Errorf("%v", err)
	}
	if got, err := os.ReadFile(found); err != nil || string(got) != "never 1\n" {
		t.Errorf("found %q, %v", got, err)
	}
}

// TestWhatASpaceSaysIsBounded: a command on the space may print without an end.
func TestWhatASpaceSaysIsBounded(t *testing.T) {
	dir := t.TempDir()
	const much = 64 << 20
	script := filepath.Join(dir, "ssh")
	text := fmt.Sprintf("#!/bin/sh\nhead -c %d /dev/zero\necho 'no room' >&2\nexit 1\n", much)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	c := Client{SSH: script, LockDir: dir}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := c.Run(t.Context(), alias, "true")
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("the command failed and that was not told")
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > much/4 {
		t.Errorf("%d bytes were kept of %d", took, much)
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte("ControlPath "+dir+"/c\nProxyCommand false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no OpenSSH client here")
	}
	c := Client{Config: config, LockDir: dir}
	err := c.Start(t.Context(), alias)
	if p := problem.From(err); p.Code != problem.SSHFailed || !strings.Contains(p.Sentence, "losed") {
		t.Errorf("a tunnel that ends at once: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context(), alias); problem.From(err).Code != problem.SSHFailed {
		t.Errorf("a file in place of the socket: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "c")); err != nil {
		t.Errorf("it was removed: %v", err)
	}
	c.SSH = "ssh-that-is-not-in-the-path"
	if err := c.Start(t.Context(), alias); problem.From(err).Code != problem.NotSupported {
		t.Errorf("no ssh: %v", err)
	}
	for _, bad := range []string{"", "-oProxyCommand=x", "a b", "A.hatch", "../x", "a/b"} {
		if err := c.Start(t.Context(), bad); err == nil || c.Running(t.Context(), bad) {
			t.Errorf("%q is taken for an alias", bad)
		}
		if err := c.Stop(t.Context(), bad); err == nil {
			t.Errorf("%q is taken for an alias", bad)
		}
	}
}
