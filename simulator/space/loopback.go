package space

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
)

// loopback makes one TCP connection through the loopback and returns its two
// ends. The port is open for as long as that takes, and what anybody else
// sends to it is turned away: only the connection that we made ourselves is
// taken.
func loopback(ctx context.Context) (client net.Conn, server *net.TCPConn, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("make a loopback connection: %w", err)
	}
	defer func() { _ = l.Close() }()
	var d net.Dialer
	if client, err = d.DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, fmt.Errorf("make a loopback connection: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("make a loopback connection: %w", err), client.Close())
		}
		if tcp, ok := conn.(*net.TCPConn); ok && conn.RemoteAddr().String() == client.LocalAddr().String() {
			return client, tcp, nil
		}
		_ = conn.Close() // a stranger
	}
}

// login connects as the space's user, expects the key as host key, and runs
// command. It closes conn and returns the server's version.
func login(ctx context.Context, conn net.Conn, config Config, key ssh.PublicKey, command string) (version string, err error) {
	var auth []ssh.AuthMethod
	if config.Key != nil {
		signer, err := ssh.NewSignerFromKey(config.Key)
		if err != nil {
			return "", errors.Join(fmt.Errorf("read the user's key: %w", err), conn.Close())
		}
		auth = append(auth, ssh.PublicKeys(signer))
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, "space", &ssh.ClientConfig{
		User:            config.User,
		Auth:            auth,
		HostKeyCallback: ssh.FixedHostKey(key),
	})
	if err != nil {
		return "", errors.Join(err, conn.Close())
	}
	client := ssh.NewClient(c, channels, requests)
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return "", fmt.Errorf("open a session: %w", err)
	}
	if out, err := session.CombinedOutput(command); err != nil {
		return "", fmt.Errorf("run a command: %w: %.200q", err, out)
	}
	return string(c.ServerVersion()), nil
}
