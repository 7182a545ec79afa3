package ipc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A socket is a named pipe here, and the file at its path holds the pipe's
// name. The name is random: nobody can take it in advance.
const pipePrefix = `\\.\pipe\spacehatch-`

// pipeName is what the file at a socket's path holds.
var pipeName = regexp.MustCompile(`^\\\\\.\\pipe\\spacehatch-[0-9a-f]{32}$`)

const (
	// maxName bounds what is read of such a file.
	maxName = 256
	// pipeBuffer is how many bytes each way wait in a pipe.
	pipeBuffer = 64 << 10
	// probeTime is how long a live process may take to let another one in.
	probeTime = 2 * time.Second
	// busyWait is how long a wait for a busy pipe may overlook the end of its
	// context.
	busyWait = 50 * time.Millisecond
)

// Listener accepts connections of the same user only.
type Listener struct {
	path, name string
	attributes *windows.SecurityAttributes
	stop       windows.Handle // an event: Close was called
	stopOnce   sync.Once

	mu   sync.Mutex     // held by accept
	next windows.Handle // the instance that the next client gets
	// waits is what the system writes into while next waits for a client. It is
	// here and no variable of await: those stand on a stack, which may move.
	waits windows.Overlapped
}

func listen(path string) (*Listener, error) {
	failed := func(err error) (*Listener, error) {
		return nil, fmt.Errorf("listen on %s: %w", filepath.Base(path), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	if probe, err := dial(ctx, path); err == nil {
		_ = probe.Close()
		return failed(ErrInUse)
	}
	attributes, err := onlyMe()
	if err != nil {
		return failed(err)
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	l := &Listener{path: path, name: pipePrefix + hex.EncodeToString(random), attributes: attributes}
	if l.stop, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return failed(err)
	}
	if l.next, err = l.instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE); err != nil {
		return failed(errors.Join(err, windows.CloseHandle(l.stop)))
	}
	// It gets its name when it listens: what is seen and not listening is swept.
	unnamed := path + "~"
	err = os.WriteFile(unnamed, []byte(l.name), 0o600)
	if err == nil {
		err = os.Rename(unnamed, path)
	}
	if err != nil {
		return failed(errors.Join(err, l.close()))
	}
	return l, nil
}

// onlyMe is the list of who may open a pipe: the user has every right, nobody
// else has any. The user owns it also where an administrator's process would
// have it owned by all administrators.
func onlyMe() (*windows.SecurityAttributes, error) {
	me, err := self()
	if err != nil {
		return nil, err
	}
	descriptor, err := windows.SecurityDescriptorFromString(fmt.Sprintf("O:%[1]sD:P(A;;GA;;;%[1]s)", me))
	if err != nil {
		return nil, fmt.Errorf("make the list of who may connect: %w", err)
	}
	return &windows.SecurityAttributes{
		Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: descriptor,
	}, nil
}

// instance makes one end of the pipe, for one client.
func (l *Listener) instance(flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(l.name)
	if err != nil {
		return 0, err
	}
	return windows.CreateNamedPipe(name,
		windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED|flags,
		windows.PIPE_TYPE_BYTE|windows.PIPE_READMODE_BYTE|windows.PIPE_REJECT_REMOTE_CLIENTS,
		windows.PIPE_UNLIMITED_INSTANCES, pipeBuffer, pipeBuffer, 0, l.attributes)
}

func (l *Listener) accept() (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.next == 0 {
			return nil, net.ErrClosed
		}
		gone, err := l.await(l.next)
		if err != nil {
			return nil, errors.Join(err, l.drop())
		}
		if gone {
			if err := windows.DisconnectNamedPipe(l.next); err != nil {
				return nil, errors.Join(err, l.drop())
			}
			continue
		}
		// The next instance is there before this one is used, so that the pipe
		// never looks dead.
		taken := l.next
		if l.next, err = l.instance(0); err != nil {
			l.next = 0
			_ = windows.CloseHandle(taken)
			return nil, fmt.Errorf("wait for the next connection: %w", err)
		}
		return newConn(taken, l.name)
	}
}

// await waits for a client of a pipe's instance; gone says that one came and
// left already. It is net.ErrClosed where the listener was closed.
func (l *Listener) await(pipe windows.Handle) (gone bool, err error) {
	connected, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = windows.CloseHandle(connected) }()
	l.waits = windows.Overlapped{HEvent: connected}
	switch err := windows.ConnectNamedPipe(pipe, &l.waits); {
	case err == nil, errors.Is(err, windows.ERROR_PIPE_CONNECTED):
		return false, nil
	case errors.Is(err, windows.ERROR_NO_DATA):
		return true, nil
	case !errors.Is(err, windows.ERROR_IO_PENDING):
		return false, fmt.Errorf("wait for a connection: %w", err)
	}
	which, err := windows.WaitForMultipleObjects([]windows.Handle{connected, l.stop}, false, windows.INFINITE)
	if err != nil || which != windows.WAIT_OBJECT_0 {
		// The system writes into it until the call has ended.
		_ = windows.CancelIoEx(pipe, &l.waits)
		var none uint32
		_ = windows.GetOverlappedResult(pipe, &l.waits, &none, true)
		if err == nil {
			err = net.ErrClosed
		}
		return false, err
	}
	var none uint32
	err = windows.GetOverlappedResult(pipe, &l.waits, &none, false)
	return errors.Is(err, windows.ERROR_NO_DATA) || errors.Is(err, windows.ERROR_BROKEN_PIPE), nil
}

// drop gives up the instance that nobody has; the lock is held.
func (l *Listener) drop() error {
	if l.next == 0 {
		return nil
	}
	err := windows.CloseHandle(l.next)
	l.next = 0
	return err
}

func (l *Listener) close() error {
	var err error
	l.stopOnce.Do(func() {
		if named, readErr := readName(l.path); readErr == nil && named == l.name {
			err = os.Remove(l.path)
		}
		err = errors.Join(err, windows.SetEvent(l.stop)) // ends an accept
		l.mu.Lock()
		defer l.mu.Unlock()
		err = errors.Join(err, l.drop(), windows.CloseHandle(l.stop))
	})
	return err
}

// readName returns the name of the pipe behind a socket's path.
func readName(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	name, err := io.ReadAll(io.LimitReader(file, maxName))
	if err != nil {
		return "", err
	}
	if !pipeName.Match(name) {
		return "", errors.New("not a socket")
	}
	return string(name), nil
}

func dial(ctx context.Context, path string) (*Conn, error) {
	failed := func(err error) (*Conn, error) {
		return nil, fmt.Errorf("reach %s: %w", filepath.Base(path), err)
	}
	name, err := readName(path)
	if errors.Is(err, fs.ErrNotExist) {
		return failed(ErrDead)
	}
	if err != nil {
		return failed(err)
	}
	pipe, err := openPipe(ctx, name)
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return failed(ErrDead)
	}
	if err != nil {
		return failed(err)
	}
	if err := checkOwner(pipe); err != nil {
		_ = windows.CloseHandle(pipe)
		return failed(err)
	}
	return newConn(pipe, name)
}

// openPipe opens the other end. The process there learns nothing of us that it
// could use in our name (SECURITY_ANONYMOUS).
func openPipe(ctx context.Context, name string) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		pipe, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil,
			windows.OPEN_EXISTING, windows.FILE_FLAG_OVERLAPPED|windows.SECURITY_SQOS_PRESENT|windows.SECURITY_ANONYMOUS, 0)
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) {
			return pipe, err
		}
		// Between two accepts. That it waited in vain is no error.
		_, _, _ = waitNamedPipe.Call(uintptr(unsafe.Pointer(path)), uintptr(busyWait.Milliseconds()))
	}
}

var waitNamedPipe = windows.NewLazySystemDLL("kernel32.dll").NewProc("WaitNamedPipeW")

// checkOwner: whoever found the name of a pipe whose process is dead could have
// made one of that name and wait for us there. Only its owner can be ours; to
// give a thing to another owner takes the right to restore others' files.
func checkOwner(pipe windows.Handle) error {
	descriptor, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("look who owns the pipe: %w", err)
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return fmt.Errorf("look who owns the pipe: %w", err)
	}
	me, err := self()
	if err != nil {
		return err
	}
	if owner == nil || !owner.Equals(me) {
		return ErrStranger
	}
	return nil
}

// self is the user of this process.
func self() (*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("look who we are: %w", err)
	}
	return user.User.Sid, nil
}
