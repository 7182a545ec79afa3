// Package master starts, asks and ends the OpenSSH connection that every other
// ssh to a space shares (ssh_config(5), ControlMaster). It runs OpenSSH and
// leaves it running; it keeps nothing itself.
//
// It must not know how a tunnel is made, what stands in the SSH config beyond
// what ssh -G tells, or what a session is.
package master

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/turn"
)

// DefaultIdle is how long a master stays without a client: every open session
// counts against the space's ten.
const DefaultIdle = 30 * time.Minute

const (
	// askTimeout bounds ssh's questions to itself and to a master, which need
	// no network. A "Match exec" of the user's may take its time.
	askTimeout = 20 * time.Second
	// sweepTimeout bounds the wait for somebody who starts a master meanwhile.
	sweepTimeout = time.Second
	// maxComplaint bounds what is read of ssh's complaints, in bytes.
	maxComplaint = 64 << 10
)

// Client is the OpenSSH client with what it needs to run masters. Its methods
// may be called at the same time, from several processes too.
type Client struct {
	// SSH is the program, by path or by name; empty means "ssh".
	SSH string
	// Config is the configuration to use in place of the user's; empty means
	// the user's.
	Config string
	// LockDir is a folder of our own, such as the runtime folder: two starts of
	// one alias take turns there.
	LockDir string
	// Idle is how long a master stays without a client, in whole seconds; zero
	// means [DefaultIdle].
	Idle time.Duration
	// Socket is what [Client.Locate] gave for the alias of Start, where somebody
	// asked before: it takes a run of ssh. Empty means that Start asks.
	Socket string
	// Env is what ssh, and so its ProxyCommand, finds in its environment beside
	// what is in ours, as key=value.
	Env []string
}

// Running reports whether a master for the alias answers.
func (c Client) Running(ctx context.Context, alias string) bool {
	if !Supported() || !valid(alias) {
		return false
	}
	return c.ask(ctx, "check", alias) == nil
}

// Start starts a master for the alias and returns when it can be used; the
// tunnel behind the alias must be open. Nothing of ours stays open in it and it
// ends by itself. Where one runs already, or where there are none (on Windows,
// or without a ControlPath), Start does nothing. Asking for a password, it would
// have nobody to ask, so it fails instead. Errors are a problem.SSHFailed, or the
// context's.
func (c Client) Start(ctx context.Context, alias string) error {
	if !Supported() {
		return nil
	}
	if !valid(alias) {
		return fmt.Errorf("start ssh master: %q is not an alias", alias)
	}
	// Without it the second of two would find the first one's socket when it is
	// connected already, and stay for ever as a plain connection.
	over, err := c.turn(ctx, alias)
	if err != nil {
		return fmt.Errorf("start ssh master: %w", err)
	}
	defer over()

	socket := c.Socket
	if socket == "" {
		if socket, err = c.Locate(ctx, alias); err != nil || socket == "" {
			return err
		}
	}
	// Each run of ssh takes some milliseconds of a person's time, so a socket
	// that nobody listens on is not asked.
	switch found, err := answers(ctx, socket); {
	case err != nil:
		return failed(alias, "the control socket cannot be used", err)
	case found && c.ask(ctx, "check", alias) == nil:
		return nil
	}
	if err := removeStale(ctx, socket); err != nil {
		return failed(alias, "a stale control socket is in the way", err)
	}
	if err := c.start(ctx, alias); err != nil {
		return err
	}
	// Nobody listened there before, so whoever does now is what was started.
	if found, err := answers(ctx, socket); err != nil || !found {
		return failed(alias, "the connection stands but cannot be shared", err)
	}
	return nil
}

// Stop ends the alias's master and with it every connection through it. That
// there is none is no error; a socket that one left behind is removed.
func (c Client) Stop(ctx context.Context, alias string) error {
	if !Supported() {
		return nil
	}
	if !valid(alias) {
		return fmt.Errorf("stop ssh master: %q is not an alias", alias)
	}
	asked := c.ask(ctx, "exit", alias)
	if asked == nil {
		return nil
	}
	socket, err := c.Locate(ctx, alias)
	if err != nil || socket == "" {
		return err
	}
	if err := removeStale(ctx, socket); err != nil {
		return failed(alias, "the shared connection does not end", errors.Join(asked, err))
	}
	return nil
}

// Sweep removes the alias's control socket where nobody listens on it any more,
// as after a loss of power: until it is gone, every ssh complains of it. near are
// control sockets, among them perhaps this one; where all of them answer, ssh is
// not even asked which one it is.
func (c Client) Sweep(ctx context.Context, alias string, near []string) error {
	dead := func(socket string) bool {
		found, err := answers(ctx, socket)
		return err == nil && !found
	}
	if !slices.ContainsFunc(near, dead) {
		return nil
	}
	socket, err := c.Locate(ctx, alias)
	if err != nil || !slices.Contains(near, socket) || !dead(socket) {
		return err
	}
	// Who starts a master removes it, too, and may have made another one since.
	bounded, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	over, err := c.turn(bounded, alias)
	if err != nil {
		return err
	}
	defer over()
	return removeStale(ctx, socket)
}

// turn waits until nobody else starts a master for the alias, and returns what
// ends the turn.
func (c Client) turn(ctx context.Context, alias string) (over func(), err error) {
	return turn.Take(ctx, filepath.Join(c.LockDir, "master-"+alias+".lock"))
}

// start runs ssh until it has gone into the background as a master.
//
//   - ControlPersist together with -f makes the master count the time without a
//     client; a mere -M -N stays for ever. It also keeps the ProxyCommand from
//     holding on to our standard error.
//   - ClearAllForwardings: what a "Host *" forwards belongs to the user's own
//     ssh commands, and would fail there if it stood here already.
//   - Standard error is a file and no pipe: whoever keeps it open, nobody waits.
func (c Client) start(ctx context.Context, alias string) error {
	complaints, err := os.CreateTemp("", "spacehatch-ssh-*")
	if err != nil {
		return fmt.Errorf("start ssh master: %w", err)
	}
	defer func() {
		_ = complaints.Close()
		_ = os.Remove(complaints.Name())
	}()
	idle := c.Idle
	if idle == 0 {
		idle = DefaultIdle
	}
	cmd := c.command(ctx, "-M", "-N", "-f", "-T",
		"-o", "ControlPersist="+strconv.Itoa(max(1, int(idle.Seconds()))),
		"-o", "ClearAllForwardings=yes",
		"-o", "LogLevel=ERROR",
		"--", alias)
	cmd.Env = append(append(os.Environ(), "SSH_ASKPASS_REQUIRE=never"), c.Env...)
	cmd.Stderr = complaints
	detach(cmd)
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("start ssh master: %w", ctx.Err())
	}
	text := make([]byte, maxComplaint)
	n, readErr := complaints.ReadAt(text, 0)
	if readErr != nil && !errors.Is(readErr, io.EOF) {
		err = errors.Join(err, readErr)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return problem.New(problem.NotSupported, "The OpenSSH client was not found on this machine.",
			"Install OpenSSH (the program ssh) and try again.", err)
	}
	return explain(alias, string(text[:n]), err)
}

// ask sends a control command to the alias's master; an error means that none
// took it. Where one hangs up, ssh would make a connection in its place, and
// use up the session that waits for the real one: this ssh has no way to.
func (c Client) ask(ctx context.Context, what, alias string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if out, err := output(c.command(ctx, "-O", what, "-o", "ProxyCommand=false", "--", alias)); err != nil {
		return fmt.Errorf("ssh -O %s: %w: %s", what, err, meaning(out))
	}
	return nil
}

// Run runs a command on the space, through the alias's master. It has no input,
// and what it prints is thrown away. Where there is no master that is an error,
// and nothing was connected. Command is given to a shell there, so it must hold
// nothing from outside.
func (c Client) Run(ctx context.Context, alias, command string) error {
	if !Supported() {
		return problem.New(problem.NotSupported, "This system's OpenSSH shares no connections.", "", nil)
	}
	if !valid(alias) {
		return fmt.Errorf("run a command on the space: %q is not an alias", alias)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := c.command(ctx, "-n", "-T", "-o", "ProxyCommand=false", "-o", "ClearAllForwardings=yes", "-o", "LogLevel=ERROR", "--", alias, command)
	if out, err := output(cmd); err != nil {
		return fmt.Errorf("run a command on the space: %w: %s", err, meaning(out))
	}
	return nil
}

// Locate returns the path of the alias's control socket, empty where the
// configuration gives none or this system has no masters.
func (c Client) Locate(ctx context.Context, alias string) (string, error) {
	if !Supported() || !valid(alias) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := c.command(ctx, "-G", "--", alias)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", problem.New(problem.NotSupported, "The OpenSSH client was not found on this machine.",
				"Install OpenSSH (the program ssh) and try again.", err)
		}
		return "", explain(alias, complaint.String(), err)
	}
	for line := range strings.Lines(out.String()) {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.EqualFold(keyword, "controlpath") && filepath.IsAbs(value) {
			return value, nil
		}
	}
	return "", nil
}

// output runs a command and returns the end of what it says: a space may say
// more than this machine can hold.
func output(cmd *exec.Cmd) (string, error) {
	var end tail
	cmd.Stdout, cmd.Stderr = &end, &end
	err := cmd.Run()
	return string(end), err
}

// tail keeps the last maxComplaint bytes written to it.
type tail []byte

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	keep := p[max(0, len(p)-maxComplaint):]
	over := max(0, len(*t)+len(keep)-maxComplaint)
	*t = append(append((*t)[:0], (*t)[over:]...), keep...)
	return len(p), nil
}

func (c Client) command(ctx context.Context, args ...string) *exec.Cmd {
	program := c.SSH
	if program == "" {
		program = "ssh"
	}
	if c.Config != "" {
		args = append([]string{"-F", c.Config}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// removeStale removes a socket that nobody listens on: over one, ssh would
// connect without becoming a master, and never end.
func removeStale(ctx context.Context, socket string) error {
	switch found, err := answers(ctx, socket); {
	case err != nil:
		return err
	case found:
		return fmt.Errorf("%s is in use: %w", socket, fs.ErrExist)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// answers reports whether somebody listens on the socket. What is there and is
// no socket is an error.
func answers(ctx context.Context, socket string) (bool, error) {
	info, err := os.Lstat(socket)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return false, fmt.Errorf("%s is not a socket: %w", socket, fs.ErrInvalid)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err == nil {
		return true, conn.Close()
	}
	if refused(err) {
		return false, nil
	}
	return false, err
}

// valid reports whether alias is a host name that ssh can take for nothing else.
func valid(alias string) bool {
	if alias == "" || len(alias) > 253 || alias[0] == '-' || alias[0] == '.' {
		return false
	}
	return strings.Trim(alias, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
