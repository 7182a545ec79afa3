package paths

import (
	"fmt"
	"os"
	"path/filepath"
)

func stateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}

func runtimeHome() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return filepath.Join(dir, program), nil
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", program, os.Getuid())), nil
}
