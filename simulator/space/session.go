package space

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// session is one session channel of the embedded server (RFC 4254 part 6): it
// collects what the client asks for, then runs one program.
type session struct {
	server  *embedded
	channel ssh.Channel
	env     []string
	term    *terminal // nil: none asked for

	running sync.WaitGroup
	process *process // nil: none started
	busy    bool     // a shell, command or subsystem was started
	// follower is what is to run once the client has the reply: a program may
	// end, and the channel close, before that.
	follower func()
}

// process is a program that a session runs.
type process struct {
	cmd    *exec.Cmd
	pty    *os.File // our end of its terminal, nil: none
	stdin  io.WriteCloser
	stdout io.Reader
	stderr io.Reader // nil where there is a terminal
}

// terminal is a requested terminal; sizes in characters and pixels.
type terminal struct {
	name                         string
	columns, rows, width, height uint32
}

func newSession(e *embedded, channel ssh.Channel) *session {
	return &session{server: e, channel: channel}
}

// run serves the channel's requests until it ends, then ends the program.
func (s *session) run(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.running.Wait()
	defer cancel()
	for request := range requests {
		ok := s.request(ctx, request)
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
		if s.follower != nil {
			s.running.Go(s.follower)
			s.follower = nil
		}
	}
}

func (s *session) request(ctx context.Context, request *ssh.Request) (ok bool) {
	switch request.Type {
	case "env":
		var v struct{ Name, Value string }
		if ssh.Unmarshal(request.Payload, &v) != nil || !acceptsEnv(v.Name) {
			return false
		}
		s.env = append(s.env, v.Name+"="+v.Value)
		return true
	case "pty-req":
		var v struct {
			Term                         string
			Columns, Rows, Width, Height uint32
			Modes                        string
		}
		if s.busy || ssh.Unmarshal(request.Payload, &v) != nil {
			return false
		}
		s.term = &terminal{name: v.Term, columns: v.Columns, rows: v.Rows, width: v.Width, height: v.Height}
		return terminals
	case "window-change":
		var v struct{ Columns, Rows, Width, Height uint32 }
		if s.term == nil || ssh.Unmarshal(request.Payload, &v) != nil {
			return false
		}
		s.term.columns, s.term.rows, s.term.width, s.term.height = v.Columns, v.Rows, v.Width, v.Height
		return s.process != nil && s.process.pty != nil && resize(s.process.pty, s.term) == nil
	case "signal":
		var v struct{ Name string }
		if s.process == nil || ssh.Unmarshal(request.Payload, &v) != nil {
			return false
		}
		return signal(s.process.cmd, v.Name) == nil
	case "shell":
		return s.start(ctx, shellCommand(""))
	case "exec":
		var v struct{ Command string }
		if ssh.Unmarshal(request.Payload, &v) != nil {
			return false
		}
		return s.start(ctx, shellCommand(v.Command))
	case "subsystem":
		var v struct{ Name string }
		if s.busy || ssh.Unmarshal(request.Payload, &v) != nil || v.Name != "sftp" {
			return false
		}
		return s.startSFTP()
	default:
		return false
	}
}

// startSFTP serves the file transfer protocol in this process.
func (s *session) startSFTP() bool {
	server, err := sftp.NewServer(s.channel, sftp.WithServerWorkingDirectory(s.server.home))
	if err != nil {
		s.server.log.Warn("the file transfer server does not start", "error", err)
		return false
	}
	s.busy = true
	s.follower = func() {
		status := uint32(0)
		if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
			status = 1
		}
		_ = server.Close()
		s.exitStatus(status)
		_ = s.channel.Close()
	}
	return true
}

func (s *session) start(ctx context.Context, cmd *exec.Cmd) bool {
	if s.busy {
		return false
	}
	s.busy = true
	cmd.Dir = s.server.home
	cmd.Env = append(s.server.environ(), s.env...)
	p, err := launch(cmd, s.term)
	if err != nil {
		s.server.log.Warn("a program of the space does not start", "error", err)
		return false
	}
	s.process = p
	s.follower = func() { s.follow(ctx, p) }
	return true
}

// follow carries the program's bytes, ends it when ctx is done, and tells the
// client how it ended.
func (s *session) follow(ctx context.Context, p *process) {
	stop := context.AfterFunc(ctx, func() { hangUp(p.cmd) })
	s.running.Go(func() {
		_, _ = io.Copy(p.stdin, s.channel)
		if p.pty == nil {
			_ = p.stdin.Close() // the client has closed its half
		}
	})
	var output sync.WaitGroup
	output.Go(func() { _, _ = io.Copy(s.channel, p.stdout) })
	if p.stderr != nil {
		output.Go(func() { _, _ = io.Copy(s.channel.Stderr(), p.stderr) })
		output.Wait() // a background process holds a session open, as with OpenSSH
	}
	err := p.cmd.Wait()
	stop()
	if p.pty != nil {
		// What the program wrote last is still in the terminal; but a process
		// that it left in the background must not keep the session.
		hangUpGroup(p.cmd)
		finishTerminal(p.pty, output.Wait)
		_ = p.pty.Close()
	}
	s.server.started.add(p.cmd)
	if name, ok := killedBy(err); ok {
		payload := ssh.Marshal(struct {
			Signal string
			Core   bool
			Text   string
			Lang   string
		}{Signal: name})
		_, _ = s.channel.SendRequest("exit-signal", false, payload)
	} else {
		s.exitStatus(uint32(p.cmd.ProcessState.ExitCode()))
	}
	_ = s.channel.Close()
}

func (s *session) exitStatus(status uint32) {
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
}
