// Package paths says where Spacehatch keeps its files on each system.
//
// It must not know what is in them, and it creates nothing but through the
// functions that say so.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/problem"
)

const program = "spacehatch"

// Config returns the folder of the user's settings
// ($XDG_CONFIG_HOME/spacehatch or what the system has in its place). It may
// not exist.
func Config() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", homeless(fmt.Errorf("find the configuration folder: %w", err))
	}
	return filepath.Join(dir, program), nil
}

// State returns the folder of what must outlive a restart: known spaces,
// remembered consents, backups, logs ($XDG_STATE_HOME/spacehatch or what the
// system has in its place). It may not exist.
func State() (string, error) {
	dir, err := stateHome()
	if err != nil {
		return "", homeless(fmt.Errorf("find the state folder: %w", err))
	}
	return filepath.Join(dir, program), nil
}

// homeless is for a surrounding that says nowhere where the user's files are, as
// that of cron or of a service may be.
func homeless(cause error) error {
	return problem.New(NoHome, "Nothing says where your home folder is.",
		"Set "+homeVariables+" in the environment and run the command again.", cause)
}

// Runtime returns the folder of what lives no longer than the login session:
// the tunnels' sockets and unused sessions ($XDG_RUNTIME_DIR/spacehatch, or an
// owner-only folder of our own where the system has none). It may not exist;
// one that somebody else owns or may look into is an error.
func Runtime() (string, error) {
	dir, err := runtimeHome()
	if err != nil {
		return "", fmt.Errorf("find the runtime folder: %w", err)
	}
	if err := checkOwnerOnly(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the runtime folder is not safe to use: %w", err)
	}
	return dir, nil
}

// MakeRuntime is Runtime for a folder that is needed now: it is created with
// mode 0700.
func MakeRuntime() (string, error) {
	dir, err := Runtime()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("create the runtime folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("create the runtime folder: %w", err)
	}
	return Runtime() // whoever was faster than Mkdir is looked at, too
}

// SSH returns the folder that OpenSSH reads for this user. OpenSSH takes the
// home folder from the user database and ignores $HOME, so this does too. It
// may not exist.
func SSH() (string, error) {
	home, err := databaseHome()
	if err != nil {
		return "", fmt.Errorf("find the home folder: %w", err)
	}
	return filepath.Join(home, ".ssh"), nil
}
