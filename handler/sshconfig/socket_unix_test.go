//go:build unix

package sshconfig

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// vanishing is a disk on which an ssh takes its socket along just before it is
// removed.
type vanishing struct{ disk }

func (v vanishing) Remove(path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return v.disk.Remove(path)
}

// An ssh that ends while everything is taken back is no failure.
func TestASocketGoesWhileItIsTakenBack(t *testing.T) {
	needSSH(t)
	for name, during := range map[string]func(t *testing.T, p *Plan, socket string){
		"between plan and removal": func(t *testing.T, _ *Plan, socket string) {
			if err := os.Remove(socket); err != nil {
				t.Fatal(err)
			}
		},
		"at the removal": func(_ *testing.T, p *Plan, _ string) { p.files = vanishing{} },
		"not at all":     func(*testing.T, *Plan, string) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := home(t)
			apply(t, s)
			// A socket's path has a limit that the home folder may exceed.
			t.Chdir(filepath.Join(s.SSHDir, "spacehatch"))
			socket := socketPrefix + "0123"
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			defer func() { _ = l.Close() }()
			p, err := NewUndo(t.Context(), s.SSHDir)
			if err != nil {
				t.Fatal(err)
			}
			during(t, p, socket)
			if err := p.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(filepath.Join(s.SSHDir, "spacehatch")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("our folder stays: %v", err)
			}
		})
	}
}
