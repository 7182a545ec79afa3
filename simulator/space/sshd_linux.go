package space

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/crypto/ssh"
)

// The numbers of a space's user, sagemaker-user's in a real one.
const (
	userID  = 1000
	groupID = 100
)

// writeSSHD writes all that an sshd in the space reads: its configuration,
// its host key, and a user database in which the user has an empty password,
// the one case in which OpenSSH lets a user in without asking. It returns the
// configuration's path.
func writeSSHD(c Config, shell string, key ed25519.PrivateKey) (string, error) {
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return "", fmt.Errorf("encode the host key: %w", err)
	}
	config, hostKey := filepath.Join(c.Dir, "sshd_config"), filepath.Join(c.Dir, "host_key")
	for _, file := range []struct {
		path, text string
		mode       os.FileMode
	}{
		{hostKey, string(pem.EncodeToMemory(block)), 0o600},
		{config, "HostKey " + strconv.Quote(hostKey) + "\n" + authentication(c) + sshdConfig, 0o600},
		{filepath.Join(c.Dir, "passwd"), fmt.Sprintf(passwd, c.User, userID, groupID, "/home/"+c.User, shell), 0o644},
		{filepath.Join(c.Dir, "group"), fmt.Sprintf(group, groupID), 0o644},
	} {
		if err := os.WriteFile(file.path, []byte(file.text), file.mode); err != nil {
			return "", fmt.Errorf("write the sshd's files: %w", err)
		}
	}
	return config, nil
}

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\n%s::%d:%d::%s:%s\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
	// There is no group tty, so that an sshd that is not root gives a terminal
	// to the user's own group instead of failing to change its group.
	group = "root:x:0:\nusers:x:%d:\nnogroup:x:65534:\n"
)

// authentication says who is let in, and how.
func authentication(c Config) string {
	if c.Key != nil {
		return "AllowUsers " + c.User + "\nAuthorizedKeysFile .ssh/authorized_keys\nPubkeyAuthentication yes\nPasswordAuthentication no\n"
	}
	return "AllowUsers " + c.User + "\nAuthorizedKeysFile none\nPubkeyAuthentication no\nPasswordAuthentication yes\nPermitEmptyPasswords yes\n"
}

// sshdConfig is read by an sshd that runs without privileges and serves one
// connection.
const sshdConfig = `UsePAM no
StrictModes no
PidFile none
KbdInteractiveAuthentication no
AllowTcpForwarding yes
AllowAgentForwarding yes
X11Forwarding no
UseDNS no
PrintMotd no
PrintLastLog no
AcceptEnv ` + acceptedEnv + `
Subsystem sftp internal-sftp
`
