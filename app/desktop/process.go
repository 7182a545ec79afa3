package desktop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/ipc"
)

// ErrNoWindow says that no window could be opened: there is no display, no
// such program, or it did not come up in time.
var ErrNoWindow = errors.New("no window could be opened")

const (
	// comeUp is how long a window may take to be there. Half a second is usual;
	// a machine that swaps takes longer.
	comeUp = 20 * time.Second
	// letGo is how long a window may take to notice that it is on its own.
	letGo = 2 * time.Second
)

// Process is a running spacehatch-desktop. Its methods are for one goroutine,
// and none of them waits for the program but Leave and End, for a short time.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.ReadCloser
	screens chan json.RawMessage // holds the next one; a newer one takes its place
	sent    chan struct{}        // closed when no more screens are written
	acts    chan view.Act
	quit    chan struct{} // closed by who no longer reads acts
	gone    chan struct{} // closed when no more acts will come
	letGo   time.Duration // see the constant
}

// Start starts program and shows the first screen; it returns when the window
// is there. Every failure before that is [ErrNoWindow], and leaves nothing
// running. Who started one calls [Process.Leave] or [Process.End].
func Start(ctx context.Context, program string, first view.Screen) (*Process, error) {
	ctx, cancel := context.WithTimeout(ctx, comeUp)
	defer cancel()
	return start(ctx, command(program), first)
}

// command is the other program in its only mode: it shows what it is told.
func command(program string) *exec.Cmd { return exec.Command(program, "show") }

func start(ctx context.Context, cmd *exec.Cmd, first view.Screen) (*Process, error) {
	failed := func(err error) (*Process, error) { return nil, fmt.Errorf("%w: %w", ErrNoWindow, err) }
	in, err := cmd.StdinPipe()
	if err != nil {
		return failed(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return failed(err)
	}
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	p := &Process{
		cmd: cmd, in: in, out: out,
		screens: make(chan json.RawMessage, 1), sent: make(chan struct{}),
		acts: make(chan view.Act), quit: make(chan struct{}), gone: make(chan struct{}), letGo: letGo,
	}
	go p.send()
	go p.receive()
	p.Show(first)
	if err := p.awaitReady(ctx); err != nil {
		p.kill()
		return failed(err)
	}
	return p, nil
}

func (p *Process) awaitReady(ctx context.Context) error {
	select {
	case act, ok := <-p.acts:
		if !ok {
			return errors.New("the program ended")
		}
		if act.Kind != view.Ready {
			return fmt.Errorf("the program began with %q", act.Kind)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send writes screens until there are no more, or nobody reads them.
func (p *Process) send() {
	defer close(p.sent)
	for s := range p.screens {
		if ipc.Send(p.in, s) != nil {
			return
		}
	}
}

// receive passes acts on until the program closes its end or says what cannot
// be read. It goes on reading for nobody: a program that writes to a closed
// pipe is ended by the system, and with it a window that is to stay.
func (p *Process) receive() {
	defer close(p.gone)
	defer close(p.acts)
	for {
		var act view.Act
		if ipc.Receive(p.out, &act) != nil {
			return
		}
		select {
		case p.acts <- act:
		case <-p.quit:
		}
	}
}

// Show shows the next screen as it is now; of several that come faster than
// the program takes them, the last one. That the window is gone is not an error
// here: [Process.Acts] says so.
func (p *Process) Show(s view.Screen) {
	next, err := json.Marshal(s)
	if err != nil {
		return // views are plain values, so there is no such error
	}
	select {
	case <-p.screens:
	default:
	}
	p.screens <- next
}

// Acts brings what the person does. It is closed when the window is gone.
func (p *Process) Acts() <-chan view.Act { return p.acts }

// Leave lets the window go on by itself with what it shows: it closes when
// the person, or the time, closes it.
func (p *Process) Leave() {
	p.release()
}

// End closes the window.
func (p *Process) End() {
	p.Show(view.Screen{Close: true})
	p.release()
}

// release waits until the program has closed its end, and stops reading where
// it does not.
func (p *Process) release() {
	close(p.quit)
	close(p.screens)
	enough, stop := context.WithTimeout(context.Background(), p.letGo)
	defer stop()
	for _, end := range []struct {
		done <-chan struct{}
		pipe io.Closer
	}{{p.sent, p.in}, {p.gone, p.out}} {
		select {
		case <-end.done:
		case <-enough.Done():
		}
		_ = end.pipe.Close()
		<-end.done
	}
	// Not waited for: the window may stay much longer than this program. The
	// system takes care of what it leaves.
	_ = p.cmd.Process.Release()
}

func (p *Process) kill() {
	close(p.quit)
	close(p.screens)
	_ = p.cmd.Process.Kill()
	_, _ = p.in.Close(), p.out.Close()
	<-p.sent
	<-p.gone
	_ = p.cmd.Wait() // that it was killed is no news
}
