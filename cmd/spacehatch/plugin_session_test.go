//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/spacehatch/spacehatch/simulator/gateway"
)

// Every form in which callers hand a session over works, the first byte on
// standard output is the SSH server's, and no secret of the session can be seen
// while it runs or afterwards.
func TestPluginForSSH(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]func(d *desk, args []string) []string{
		"as the AWS CLI": func(_ *desk, args []string) []string { return args },
		"by environment": func(d *desk, args []string) []string {
			d.env = append(d.env, pluginVariable+"="+args[0])
			return append([]string{pluginVariable}, args[1:]...)
		},
		"as the toolkit for IDEs": func(_ *desk, args []string) []string { return args[:3] },
	} {
		d, s := newDesk(t), newStudio(t)
		d.signedIn(s)
		d.env = append(d.env, "SPACEHATCH_LOG=debug")
		args := s.pluginCall(t, gateway.Request{})
		secrets := regexp.MustCompile(`"TokenValue":"([^"]+)"|cell-number=([^"]+)"`).FindAllStringSubmatch(args[0], -1)
		if len(secrets) != 2 {
			t.Fatalf("no secrets in %s", args[0])
		}
		r := d.start(t, append([]string{pluginName}, form(d, args)...)...)
		r.expect(t, banner)
		if !strings.HasPrefix(string(r.read), banner) {
			t.Errorf("%s: standard output begins with %q", name, r.read)
		}
		shown, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(r.cmd.Process.Pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		r.signal(t, syscall.SIGHUP) // as ssh ends it
		e := r.end(t)
		if e.code != exitOK || e.errors != "" {
			t.Errorf("%s: %v", name, e)
		}
		log, err := os.ReadFile(filepath.Join(d.state, "spacehatch.log"))
		if err != nil || !bytes.Contains(log, []byte("for a caller of the plugin")) {
			t.Errorf("%s: the log: %v", name, err)
		}
		for _, secret := range secrets {
			if text := secret[1] + secret[2]; bytes.Contains(shown, []byte(text)) || bytes.Contains(log, []byte(text)) {
				t.Errorf("%s: a secret is in the command line or the log", name)
			}
		}
		if n := s.Gateway().Count(testInstance); n != 0 {
			t.Errorf("%s: %d sessions are open after the end", name, n)
		}
	}
}

// echoes answers each connection with what comes on it.
func echoes(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// forwards starts the plugin for a port and returns the local one.
func (d *desk) forwards(t *testing.T, s studio, port string) (*running, string) {
	t.Helper()
	r := d.start(t, append([]string{pluginName}, s.pluginCall(t, gateway.Request{Forward: true, Port: port, LocalPort: "0"})...)...)
	r.expect(t, "Waiting for connections...\n")
	opened := regexp.MustCompile(`(?m)^Port (\d+) opened for sessionId alice-\S+\.$`).FindSubmatch(r.read)
	if opened == nil {
		t.Fatalf("said %q", r.read)
	}
	return r, string(opened[1])
}

// Many connections at once go on while the socket under them is lost again and
// again, each with its own bytes.
func TestForwardedConnectionsOutliveTheSocket(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	r, local := d.forwards(t, s, echoes(t))
	const connections, rounds, piece = 8, 12, 32 << 10
	turn := make([]chan struct{}, rounds) // closed when everybody may go on
	for i := range turn {
		turn[i] = make(chan struct{})
	}
	var all sync.WaitGroup
	var rounded [rounds]sync.WaitGroup
	for i := range rounded {
		rounded[i].Add(connections)
	}
	for range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", "127.0.0.1:"+local)
			if err != nil {
				t.Error(err)
				for i := range rounded {
					rounded[i].Done()
				}
				return
			}
			defer func() { _ = conn.Close() }()
			for i := range rounds {
				sent, got := make([]byte, piece), make([]byte, piece)
				_, _ = rand.Read(sent)
				go func() { _, _ = conn.Write(sent) }()
				if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("round %d: %v, or other bytes than were sent", i, err)
				}
				rounded[i].Done()
				<-turn[i]
			}
		})
	}
	for i := range rounds {
		rounded[i].Wait()
		switch i % 3 {
		case 0:
			s.Gateway().CloseSockets("")
		case 1:
			s.Gateway().Drop("")
		}
		close(turn[i])
	}
	all.Wait()
	if n := s.Gateway().Counters().Reconnects; n == 0 {
		t.Error("no socket was lost")
	}
	r.interrupt(t)
	if e := r.end(t); e.code != exitOK || e.errors != "" || !strings.Contains(e.out, "Exiting session with sessionId: alice-") {
		t.Error(e)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:"+local); err == nil {
		t.Error("the port is open after the end")
	}
	if n := s.Gateway().Count(testInstance); n != 0 {
		t.Errorf("%d sessions are open after the end", n)
	}
}

// A port on which nobody listens ends that connection, with a word, and not the
// session.
func TestForwardedPortThatNobodyServes(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	r, local := d.forwards(t, s, port)
	for range 2 {
		conn, err := net.Dial("tcp", "127.0.0.1:"+local)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read: %v", err)
		}
		_ = conn.Close()
	}
	want := fmt.Sprintf("The agent could not connect to the port %s.\n", port)
	eventually(t, func() bool { return r.errors.String() == want+want }, func() string { return "said " + r.errors.String() })
	r.interrupt(t)
	if e := r.end(t); e.code != exitOK {
		t.Error(e)
	}
}

// The end of the session ends the forwarding, with its reason and a failure
// that scripts see.
func TestForwardingEndsWithItsSession(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	r, local := d.forwards(t, s, echoes(t))
	conn, err := net.Dial("tcp", "127.0.0.1:"+local)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	s.Gateway().TerminateSpace(testInstance, "An administrator ended it.")
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	if e := r.end(t); e.code != exitFailed || !strings.Contains(e.errors, "An administrator ended it.") || strings.Contains(e.errors, "the space") {
		t.Error(e)
	}
}

// A session with a terminal gets one sentence that says what to use instead.
func TestPluginHasNoTerminal(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	e := d.run(t, "", append([]string{pluginName}, s.pluginCall(t, gateway.Request{SessionType: "Standard_Stream"})...)...)
	if e.code != exitFailed || e.out != "" || strings.Count(e.errors, "\n") != 2 ||
		!strings.Contains(e.errors, "a terminal (Standard_Stream)") || !strings.Contains(e.errors, "AWS's own session-manager-plugin") {
		t.Error(e)
	}
}
