//go:build !linux

package space

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
)

// startOpenSSH fails: without Linux' namespaces the machine's sshd knows no
// such user.
func startOpenSSH(_ context.Context, c Config, _ ed25519.PrivateKey, _ *slog.Logger) (sshServer, string, error) {
	if sshd, err := findSSHD(); err != nil {
		return nil, "", err
	} else {
		return nil, "", errors.New(sshd + " knows no user " + c.User + " on this system")
	}
}
