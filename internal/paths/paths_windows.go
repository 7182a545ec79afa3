package paths

import (
	"os"
	"path/filepath"
)

// homeVariables say where the home folder is.
const homeVariables = "AppData and LocalAppData"

func databaseHome() (string, error) { return os.UserHomeDir() }

func stateHome() (string, error) { return os.UserCacheDir() }

func runtimeHome() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, program, "run"), nil
}

// checkOwnerOnly trusts %LocalAppData%, whose access list Windows keeps to the
// user.
func checkOwnerOnly(string) error { return nil }
