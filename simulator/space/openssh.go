package space

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// findSSHD returns the full path of the machine's sshd, which OpenSSH wants to
// be started by.
func findSSHD() (string, error) {
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("no sshd on this machine: %w", exec.ErrNotFound)
}

// The commands that show, once, that a server serves.
func opensshProof(user string) string { return `test "$(id -un)" = ` + user + ` && cd && test -w .` }

const embeddedProof = "exit 0" // in every shell

// acceptedEnv are the variables that a client may set, in both servers.
const acceptedEnv = "LANG LC_* COLORTERM NO_COLOR"
