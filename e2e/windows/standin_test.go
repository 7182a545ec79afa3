//go:build linux

package windows

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

// standIns answer for the programs of others: for ssh.exe Linux's OpenSSH does,
// an IDE is told that it has its extension and writes down what it was to open.
type standIns struct {
	c        *computer
	listener net.Listener
	serving  sync.WaitGroup
	opened   chan []string // what an IDE was started with
}

type (
	started struct {
		Name string   `json:"name"`
		Args []string `json:"args"`
	}
	said struct {
		Out, Err string
		Code     int
	}
)

func newStandIns(c *computer) (*standIns, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &standIns{c: c, listener: l, opened: make(chan []string, 10)}
	s.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed below
			}
			s.serving.Go(func() {
				defer func() { _ = conn.Close() }()
				var program started
				if json.NewDecoder(conn).Decode(&program) == nil {
					_ = json.NewEncoder(conn).Encode(s.answer(program))
				}
			})
		}
	})
	return s, nil
}

func (s *standIns) address() string { return s.listener.Addr().String() }

func (s *standIns) close() error {
	err := s.listener.Close()
	s.serving.Wait()
	return err
}

func (s *standIns) answer(program started) said {
	switch {
	case strings.EqualFold(program.Name, "ssh.exe"):
		return s.ssh(program.Args)
	case slices.Contains(program.Args, "--version"):
		return said{Out: "1.104.0\r\n0123456789abcdef0123456789abcdef01234567\r\nx64\r\n"}
	case slices.Contains(program.Args, "--list-extensions"):
		return said{Out: "ms-vscode-remote.remote-ssh@0.120.0\r\n"}
	}
	s.opened <- program.Args
	return said{}
}

// ssh has Linux's OpenSSH say what a configuration means. It reads the same
// files: the user's home has the folder .ssh of Windows.
func (s *standIns) ssh(args []string) said {
	args = slices.Clone(args)
	for i, arg := range args {
		if len(arg) > 2 && arg[1] == ':' {
			args[i] = s.c.unix(arg)
		}
	}
	var out, errs strings.Builder
	cmd := s.c.Command(context.Background(), "ssh", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	answer := said{Out: out.String(), Err: errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		answer.Code = exit.ExitCode()
	} else if err != nil {
		return said{Err: err.Error(), Code: 255}
	}
	return answer
}
