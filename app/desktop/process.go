package desktop

import (
	"context"
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

// Process is a running spacehatch-desktop. Its methods are for one goroutine.
type Process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	acts chan view.Act
	quit chan struct{} // closed by who no longer reads acts
	gone chan struct{} // closed when nothing more will come
}

// Start starts program and shows the first screen; it returns when the window
// is there. Every failure before that is [ErrNoWindow], and leaves nothing
// running. Who started one calls [Process.Leave] or [Process.End].
func Start(ctx context.Context, program string, first view.Screen) (*Process, error) {
	ctx, cancel := context.WithTimeout(ctx, comeUp)
	defer cancel()
	return start(ctx, exec.Command(program, "connection"), first)
}

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
		acts: make(chan view.Act), quit: make(chan struct{}), gone: make(chan struct{}),
	}
	go p.receive()
	err = ipc.Send(in, first)
	if err == nil {
		err = p.awaitReady(ctx)
	}
	if err != nil {
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

// receive passes acts on until the program closes its end or says what cannot
// be read.
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
			return
		}
	}
}

// Show shows the next screen. That the window is gone is not an error here:
// [Process.Acts] says so.
func (p *Process) Show(s view.Screen) { _ = ipc.Send(p.in, s) }

// Acts brings what the person does. It is closed when the window is gone.
func (p *Process) Acts() <-chan view.Act { return p.acts }

// Leave lets the window go on by itself with what it shows: it closes when
// the person, or the time, closes it.
func (p *Process) Leave() {
	close(p.quit)
	_ = p.in.Close()
	p.release()
}

// End closes the window.
func (p *Process) End() {
	close(p.quit)
	p.Show(view.Screen{Close: true})
	_ = p.in.Close()
	p.release()
}

// release waits until the program has closed its end, and stops reading where
// it does not.
func (p *Process) release() {
	t := time.NewTimer(letGo)
	defer t.Stop()
	select {
	case <-p.gone:
	case <-t.C:
	}
	_ = p.out.Close()
	<-p.gone
	// Not waited for: the window may stay much longer than this program. The
	// system takes care of what it leaves.
	_ = p.cmd.Process.Release()
}

func (p *Process) kill() {
	close(p.quit)
	_ = p.cmd.Process.Kill()
	_ = p.out.Close()
	<-p.gone
	_ = p.cmd.Wait() // that it was killed is no news
}
