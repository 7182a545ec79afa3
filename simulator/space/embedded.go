package space

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// embedded is an SSH server in this process. Its sessions run as the user of
// the simulator, with the space's home folder as $HOME.
type embedded struct {
	config  *ssh.ServerConfig
	user    string
	home    string
	log     *slog.Logger
	started leftovers
}

func newEmbedded(c Config, home string, key ed25519.PrivateKey, log *slog.Logger) (*embedded, error) {
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("read the host key: %w", err)
	}
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-Spacehatch-Simulator",
	}
	if c.Key == nil {
		config.NoClientAuth = true
		config.NoClientAuthCallback = func(conn ssh.ConnMetadata) (*ssh.Permissions, error) {
			if conn.User() != c.User {
				return nil, fmt.Errorf("there is no user %q", conn.User())
			}
			return nil, nil
		}
	} else {
		own, err := ssh.NewSignerFromKey(c.Key)
		if err != nil {
			return nil, fmt.Errorf("read the user's key: %w", err)
		}
		config.PublicKeyCallback = func(conn ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
			if conn.User() != c.User || !bytes.Equal(offered.Marshal(), own.PublicKey().Marshal()) {
				return nil, fmt.Errorf("this key does not open %q", conn.User())
			}
			return nil, nil
		}
	}
	config.AddHostKey(signer)
	return &embedded{config: config, user: c.User, home: home, log: log}, nil
}

// serve runs one connection. When it ends, so do the processes that it has
// started and that are still in their process group.
func (e *embedded) serve(ctx context.Context, conn *net.TCPConn) {
	ctx, cancel := context.WithCancel(ctx)
	var channelsServed sync.WaitGroup
	defer channelsServed.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	server, channels, requests, err := ssh.NewServerConn(conn, e.config)
	if err != nil {
		e.log.Debug("an SSH connection was not made", "error", err)
		_ = conn.Close()
		return
	}
	channelsServed.Go(func() { ssh.DiscardRequests(requests) })
	for channel := range channels {
		channelsServed.Go(func() { e.channel(ctx, channel) })
	}
	_ = server.Close()
}

func (e *embedded) channel(ctx context.Context, offered ssh.NewChannel) {
	switch offered.ChannelType() {
	case "session":
		channel, requests, err := offered.Accept()
		if err != nil {
			return // the connection ended
		}
		newSession(e, channel).run(ctx, requests)
	case "direct-tcpip", "direct-streamlocal@openssh.com":
		e.forward(ctx, offered)
	default:
		_ = offered.Reject(ssh.UnknownChannelType, "not offered by this server")
	}
}

// forward joins the channel with a socket. Each direction ends on its own, as
// programs that shut down one half of a connection expect.
func (e *embedded) forward(ctx context.Context, offered ssh.NewChannel) {
	network, address, err := forwardTarget(offered)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(conn, channel)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		ssh.DiscardRequests(requests) // until the client has closed the channel
		_ = conn.Close()
	})
	_, _ = io.Copy(channel, conn)
	_ = channel.CloseWrite()
	both.Wait()
	_ = channel.Close()
}

// forwardTarget reads where a direct channel is to lead (RFC 4254 part 7.2,
// OpenSSH's PROTOCOL part 2.4).
func forwardTarget(offered ssh.NewChannel) (network, address string, err error) {
	if offered.ChannelType() == "direct-tcpip" {
		var target struct {
			Host       string
			Port       uint32
			OriginHost string
			OriginPort uint32
		}
		if err := ssh.Unmarshal(offered.ExtraData(), &target); err != nil {
			return "", "", errors.New("the request cannot be read")
		}
		return "tcp", net.JoinHostPort(target.Host, fmt.Sprint(target.Port)), nil
	}
	var target struct {
		Path     string
		Reserved string
		Port     uint32
	}
	if err := ssh.Unmarshal(offered.ExtraData(), &target); err != nil {
		return "", "", errors.New("the request cannot be read")
	}
	return "unix", target.Path, nil
}

// close ends what the connections have left running in the background.
func (e *embedded) close() error {
	e.started.kill()
	return nil
}

// environ is what a session starts with.
func (e *embedded) environ() []string {
	env := []string{
		"HOME=" + e.home, "USER=" + e.user, "LOGNAME=" + e.user, "SHELL=" + shell(),
		"SSH_CONNECTION=127.0.0.1 0 127.0.0.1 22",
	}
	for _, name := range []string{"PATH", "TMPDIR", "SystemRoot", "TEMP", "TMP", "PATHEXT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// acceptsEnv reports whether a client may set the variable.
func acceptsEnv(name string) bool {
	for pattern := range strings.FieldsSeq(acceptedEnv) {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}
