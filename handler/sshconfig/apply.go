package sshconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// files are the three ways in which a plan touches the disk.
type files interface {
	Mkdir(path string, mode fs.FileMode) error
	// Write replaces the file in one step. like, where it is not nil, is the
	// file whose group the new one gets.
	Write(path string, data []byte, mode fs.FileMode, like fs.FileInfo) error
	Remove(path string) error
}

type disk struct{}

func (disk) Mkdir(path string, mode fs.FileMode) error { return os.Mkdir(path, mode) }
func (disk) Remove(path string) error                  { return os.Remove(path) }

func (disk) Write(path string, data []byte, mode fs.FileMode, like fs.FileInfo) error {
	if err := atomicfile.Write(path, data, mode); err != nil || like == nil {
		return err
	}
	return keepGroup(path, like)
}

// Apply makes the changes, in an order in which any interruption leaves the
// user's config as it was or as it shall be, and a state that OpenSSH can read.
// Then it asks OpenSSH (ssh -G) what it sees. Where a step fails or OpenSSH
// disagrees, everything is put back and a problem returned:
// problem.SSHConfigUnsafe or problem.SSHConfigIneffective. [ErrChanged] is in
// its chain if a file is no longer what the plan was made from.
func (p *Plan) Apply(ctx context.Context) error {
	for _, s := range p.steps {
		if err := s.unchanged(); err != nil {
			return err
		}
	}
	for i, s := range p.steps {
		err := ctx.Err()
		if err == nil {
			err = s.do(p.files)
		}
		if err != nil {
			return p.putBack(i+1, s.failed(err))
		}
	}
	if p.verify == nil {
		return nil
	}
	if err := p.verify(ctx); err != nil {
		return p.putBack(len(p.steps), err)
	}
	return nil
}

// putBack reverses the first n steps and returns why; the last of them may not
// have happened.
func (p *Plan) putBack(n int, why error) error {
	var failed error
	for i := n - 1; i >= 0; i-- {
		err := p.steps[i].reverse(p.files)
		// A step that did not happen leaves nothing to remove or to make.
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			failed = errors.Join(failed, err)
		}
	}
	if failed == nil {
		return why
	}
	return problem.New(problem.SSHConfigUnsafe,
		"Changing the SSH config failed, and so did putting everything back.",
		"Look at "+printable.Quoted(p.at.userConfig())+"; spacehatch ssh-config undo takes out what is ours.", errors.Join(why, failed))
}

func (s step) do(f files) error {
	switch {
	case s.Action == Remove:
		err := f.Remove(s.before.target)
		if s.socket() && errors.Is(err, fs.ErrNotExist) {
			return nil // its ssh was faster
		}
		return err
	case s.Folder:
		return f.Mkdir(s.before.target, s.mode)
	default:
		return f.Write(s.before.target, s.after, s.mode, s.before.info)
	}
}

func (s step) reverse(f files) error {
	switch {
	case s.Folder && s.Action == Remove:
		return f.Mkdir(s.before.target, s.before.mode())
	case s.Action == Create:
		return f.Remove(s.before.target)
	case !s.before.info.Mode().IsRegular():
		return nil // a socket: its end is gone anyway
	default:
		return f.Write(s.before.target, s.before.data, s.before.mode(), s.before.info)
	}
}

// socket reports whether the step is about the socket of an ssh, which takes it
// along at its end: that may be any moment.
func (s step) socket() bool {
	return s.before.exists && s.before.info.Mode().Type() == fs.ModeSocket
}

// unchanged reports ErrChanged where the path is not as it was.
func (s step) unchanged() error {
	changed := func(err error) error {
		return problem.New(problem.SSHConfigUnsafe, "The SSH config "+printable.Quoted(s.Path)+" changed in the meantime; nothing was written.",
			"Run the command again and look at the new diff.", errors.Join(ErrChanged, err))
	}
	info, err := os.Lstat(s.before.target)
	if !s.before.exists {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return changed(err)
	}
	if s.socket() && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode() != s.before.info.Mode() {
		return changed(err)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	data, err := readBounded(s.before.target)
	if err != nil || !bytes.Equal(data, s.before.data) {
		return changed(err)
	}
	return nil
}

func (s step) failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("change the SSH config: %w", err)
	}
	return problem.New(problem.SSHConfigUnsafe,
		"The SSH config could not be changed: "+printable.Quoted(s.Path)+" cannot be written. Nothing was lost.",
		"Check the permissions of the folder and the space on the disk, then run the command again.", err)
}
