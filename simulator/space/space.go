// Package space is what stands behind the simulator's gateway: one Studio
// space with an agent, which speaks the agent's side of the data channel with
// the flaws of AWS's own, and an SSH server with a home folder.
//
// It must not know WebSockets, tokens, stream URLs or links, nor who else uses
// the gateway: what reaches it are whole messages over a [Channel].
package space

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// User is the only name that can log in to a Studio space, without key or
// password: whoever holds a session has shown already who he is.
const User = "sagemaker-user"

// SSHPort is the port on which the space's SSH server seems to listen. Nothing
// really listens: a login without password on a loopback port would be open to
// every user of the machine.
const SSHPort = "22"

// Server names the kind of SSH server in a space.
type Server string

// The kinds of server.
const (
	// Auto is OpenSSH where it can be had, else Embedded.
	Auto Server = "auto"
	// OpenSSH is the machine's own sshd, in namespaces where sagemaker-user
	// exists. Linux only.
	OpenSSH Server = "openssh"
	// Embedded is the server that is part of this program.
	Embedded Server = "embedded"
)

// Config describes a space.
type Config struct {
	Name string // for logs
	// Dir is a folder for this space alone. New makes it, Close removes it
	// with everything in it. Its parent must exist.
	Dir    string
	Server Server // empty: Auto
	// User is the only name that can log in, [User] where it is empty. It is
	// put into scripts as it is.
	User string
	// Key is a private key that the server demands, as an EC2 instance does.
	// Its public half is in the home folder's authorized_keys. nil demands none.
	Key ed25519.PrivateKey
	Log *slog.Logger
}

// Info tells what a space became.
type Info struct {
	Server  Server // OpenSSH or Embedded
	Version string // what the server calls itself, "SSH-2.0-…"
	// Reason says, for a person, how the server runs or why it is not
	// OpenSSH.
	Reason  string
	Home    string // the space's home folder as this machine sees it
	HostKey string // one line in authorized_keys form
}

// sshServer serves SSH connections.
type sshServer interface {
	// serve takes over conn and returns when the connection has ended. It
	// ends it when ctx is done.
	serve(ctx context.Context, conn *net.TCPConn)
	// close ends every process that the server started.
	close() error
}

// Space is one simulated space. Its methods may be called concurrently.
type Space struct {
	config Config
	home   string
	log    *slog.Logger

	mu      sync.Mutex
	machine *machine // nil when closed
}

// machine is one life of a space, from start to restart.
type machine struct {
	server sshServer
	info   Info
	cancel context.CancelFunc
	ctx    context.Context
	served sync.WaitGroup
}

// New makes the space's folder and starts its SSH server, which has been
// logged in to once when New returns. ctx bounds the start only. An error
// leaves nothing behind.
func New(ctx context.Context, config Config) (*Space, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.User == "" {
		config.User = User
	}
	s := &Space{config: config, home: filepath.Join(config.Dir, "home"), log: config.Log.With("space", config.Name)}
	for _, dir := range []string{config.Dir, s.home} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("make the space's folder: %w", err), removeAll(config.Dir))
		}
	}
	if err := s.letIn(config.Key); err != nil {
		return nil, errors.Join(err, removeAll(config.Dir))
	}
	m, err := s.boot(ctx)
	if err != nil {
		return nil, errors.Join(err, removeAll(config.Dir))
	}
	s.machine = m
	return s, nil
}

// letIn writes the key's public half where SSH servers look for it.
func (s *Space) letIn(key ed25519.PrivateKey) error {
	if key == nil {
		return nil
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return fmt.Errorf("read the user's key: %w", err)
	}
	folder := filepath.Join(s.home, ".ssh")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("let the user's key in: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "authorized_keys"), ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o600); err != nil {
		return fmt.Errorf("let the user's key in: %w", err)
	}
	return nil
}

// boot starts a machine with a host key of its own.
func (s *Space) boot(ctx context.Context) (*machine, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	var refused error
	switch s.config.Server {
	case Auto, OpenSSH, "":
		server, how, err := startOpenSSH(ctx, s.config, key, s.log)
		if err == nil {
			m, err := s.prove(ctx, server, key, opensshProof(s.config.User), Info{Server: OpenSSH, Reason: how})
			if err == nil {
				return m, nil
			}
			refused = err
		} else {
			refused = err
		}
		if s.config.Server == OpenSSH {
			return nil, fmt.Errorf("start the machine's own sshd: %w", refused)
		}
	case Embedded:
		refused = errors.New("it was asked for")
	default:
		return nil, fmt.Errorf("unknown kind of SSH server %q", s.config.Server)
	}
	server, err := newEmbedded(s.config, s.home, key, s.log)
	if err != nil {
		return nil, err
	}
	return s.prove(ctx, server, key, embeddedProof, Info{Server: Embedded, Reason: "embedded server: " + refused.Error()})
}

// prove logs in once, so that a server that cannot serve is found at the start
// and not by the first user. It closes the server on an error.
func (s *Space) prove(ctx context.Context, server sshServer, key ed25519.PrivateKey, proof string, info Info) (*machine, error) {
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the host key: %w", err), server.close())
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m := &machine{server: server, info: info, ctx: life, cancel: cancel}
	m.info.Home = s.home
	m.info.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	conn, err := m.dialSSH(ctx)
	if err == nil {
		m.info.Version, err = login(ctx, conn, s.config, signer.PublicKey(), proof)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log in to the SSH server: %w", err), m.stop())
	}
	return m, nil
}

// Name returns the space's name.
func (s *Space) Name() string { return s.config.Name }

// Info tells what the space is now. It is zero after Close.
func (s *Space) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine == nil {
		return Info{}
	}
	return s.machine.info
}

// Dial connects to a TCP port as the agent inside the space does. Port 22 is
// the space's SSH server; any other is one of this machine's loopback ports.
// host must be empty or a name of the loopback: a space reaches nothing else.
func (s *Space) Dial(ctx context.Context, host, port string) (net.Conn, error) {
	switch host {
	case "", "localhost", "127.0.0.1", "::1":
	default:
		return nil, fmt.Errorf("dial %s: a simulated space reaches its own ports only", host)
	}
	if port != SSHPort {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	}
	s.mu.Lock()
	m := s.machine
	s.mu.Unlock()
	if m == nil {
		return nil, errors.New("the space is stopped")
	}
	return m.dialSSH(ctx)
}

// dialSSH gives one end of a loopback connection to the SSH server.
func (m *machine) dialSSH(ctx context.Context) (net.Conn, error) {
	ours, theirs, err := loopback(ctx)
	if err != nil {
		return nil, err
	}
	if m.ctx.Err() != nil {
		return nil, errors.Join(errors.New("the space is stopped"), ours.Close(), theirs.Close())
	}
	m.served.Go(func() { m.server.serve(m.ctx, theirs) })
	return ours, nil
}

// stop ends every connection and every process of the machine.
func (m *machine) stop() error {
	m.cancel()
	err := m.server.close()
	m.served.Wait()
	return err
}

// Restart ends everything that runs in the space and starts its SSH server
// anew, with a new host key as a real space has after a restart. The home
// folder stays.
func (s *Space) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine == nil {
		return errors.New("restart the space: it is closed")
	}
	stopped := s.machine.stop()
	s.machine = nil
	m, err := s.boot(ctx)
	if err != nil {
		return errors.Join(stopped, err)
	}
	s.machine = m
	return stopped
}

// Close ends everything that runs in the space, waits for it, and removes the
// space's folder.
func (s *Space) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stopped error
	if s.machine != nil {
		stopped = s.machine.stop()
		s.machine = nil
	}
	return errors.Join(stopped, removeAll(s.config.Dir))
}

// removeAll removes dir even where programs in the space have left read-only
// folders behind, as git and Go do.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the space's folder: %w", err)
	}
	return nil
}
