package paths

import (
	"fmt"
	"os"
	"path/filepath"
)

func stateHome() (string, error) { return os.UserConfigDir() }

// runtimeHome is under $TMPDIR, which macOS makes per user and owner-only.
func runtimeHome() (string, error) {
	return filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", program, os.Getuid())), nil
}
