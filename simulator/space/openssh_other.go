//go:build !linux

package space

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
)

// startOpenSSH fails: without Linux' namespaces the machine's sshd knows no
// user named sagemaker-user.
func startOpenSSH(context.Context, string, string, ed25519.PrivateKey, *slog.Logger) (sshServer, string, error) {
	if sshd, err := findSSHD(); err != nil {
		return nil, "", err
	} else {
		return nil, "", errors.New(sshd + " knows no user " + User + " on this system")
	}
}
