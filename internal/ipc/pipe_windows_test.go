package ipc

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// socketPath is a path for a socket. The folder is removed by os.Remove, which
// is what there is under wine, and fails where something stays behind.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ipc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "s.sock")
}

func listenAt(t *testing.T, path string) *Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// echo answers every connection with what it says, until the listener closes.
func echo(t *testing.T, l *Listener) {
	t.Helper()
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("Accept = %v", err)
				}
				return
			}
			served.Go(func() {
				var words string
				for Receive(conn, &words) == nil {
					if err := Send(conn, words); err != nil {
						t.Error(err)
					}
				}
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		served.Wait()
	})
}

func TestPipeManyAtOnce(t *testing.T) {
	path := socketPath(t)
	echo(t, listenAt(t, path))
	long := strings.Repeat("a message that is longer than a pipe's buffer ", 10_000)
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			conn, err := Dial(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for _, words := range []string{"one", long, "three"} {
				var back string
				if err := errors.Join(Send(conn, words), Receive(conn, &back)); err != nil || back != words {
					t.Errorf("%d bytes came back of %d, %v", len(back), len(words), err)
				}
			}
		})
	}
	clients.Wait()
}

// What was said before the end is heard after it.
func TestPipeEndsAfterTheLastWord(t *testing.T) {
	path := socketPath(t)
	l := listenAt(t, path)
	said := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = errors.Join(Send(conn, "the last word"), conn.Close())
		}
		said <- err
	}()
	conn, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	var words string
	if err := Receive(conn, &words); err != nil || words != "the last word" {
		t.Errorf("%q, %v", words, err)
	}
	if err := Receive(conn, &words); !errors.Is(err, io.EOF) {
		t.Errorf("after the last word: %v", err)
	}
}

func TestPipeDeadlineAndClose(t *testing.T) {
	path := socketPath(t)
	echo(t, listenAt(t, path))
	conn, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past its deadline a read is %v", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	}()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a read outlives its connection")
	}
}

func TestPipeDeadIsReplacedLiveIsNot(t *testing.T) {
	path := socketPath(t)
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrDead) {
		t.Errorf("without a file Dial = %v, want ErrDead", err)
	}
	if err := os.WriteFile(path, []byte(pipePrefix+strings.Repeat("0", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrDead) {
		t.Errorf("Dial = %v, want ErrDead", err)
	}
	l := listenAt(t, path)
	echo(t, l)
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second Listen = %v, want ErrInUse", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket stays behind: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener = %v", err)
	}
}

// A file that names anything but a pipe of ours is not opened, and not swept.
func TestPipeOfOthersIsNotOpened(t *testing.T) {
	path := socketPath(t)
	defer os.Remove(path)
	for _, text := range []string{
		"", `\\.\pipe\other`, `\\server\pipe\spacehatch-` + strings.Repeat("0", 32), pipePrefix + strings.Repeat("0", 31),
		pipePrefix + strings.Repeat("0", 32) + "\n", pipePrefix + strings.Repeat("0", 32) + strings.Repeat("0", 1<<20),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), path); err == nil || errors.Is(err, ErrDead) {
			t.Errorf("Dial of %.60q = %v", text, err)
		}
	}
}

// A pipe that somebody else owns is not spoken to, whatever its name.
func TestPipeOfAnotherOwner(t *testing.T) {
	path := socketPath(t)
	defer os.Remove(path)
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := windows.SecurityDescriptorFromString("O:BAD:P(A;;GA;;;" + me.String() + ")")
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := onlyMe()
	if err != nil {
		t.Fatal(err)
	}
	attributes.SecurityDescriptor = theirs
	l := &Listener{name: pipePrefix + strings.Repeat("1", 32), attributes: attributes}
	if l.next, err = l.instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE); err != nil {
		t.Fatal(err)
	}
	defer l.drop()
	if err := os.WriteFile(path, []byte(l.name), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrStranger) {
		t.Errorf("Dial = %v, want ErrStranger", err)
	}
}

func TestPipeIsTheUsersAlone(t *testing.T) {
	l := listenAt(t, socketPath(t))
	descriptor, err := windows.GetSecurityInfo(l.next, windows.SE_KERNEL_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	if owner, _, err := descriptor.Owner(); err != nil || !owner.Equals(me) {
		t.Errorf("the owner is %v, %v", owner, err)
	}
	text := descriptor.String()
	if strings.Count(text, "(") != 1 || !strings.Contains(text, "(A;;") || !strings.Contains(text, me.String()+")") {
		t.Errorf("who may connect is %s", text)
	}
}

// A stream goes both ways at once, as ssh's does.
func TestPipeBothWaysAtOnce(t *testing.T) {
	path := socketPath(t)
	l := listenAt(t, path)
	const size = 8 << 20
	move := func(conn *Conn) error {
		sent := make(chan error, 1)
		go func() {
			part := make([]byte, 40<<10)
			for left := size; left > 0; left -= min(left, len(part)) {
				if _, err := conn.Write(part[:min(left, len(part))]); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		_, err := io.CopyN(io.Discard, conn, size)
		return errors.Join(err, <-sent)
	}
	there := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = errors.Join(move(conn), conn.Close())
		}
		there <- err
	}()
	conn, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(move(conn), <-there, conn.Close()); err != nil {
		t.Error(err)
	}
}
