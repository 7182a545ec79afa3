package settings

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// policyPath is where macOS puts what a device manager has decided; only the
// system writes there.
const policyPath = "/Library/Managed Preferences/io.github.spacehatch.plist"

// SystemPolicy reads what an administrator has decided for this machine.
func SystemPolicy() (Policy, error) {
	if _, err := os.Stat(policyPath); errors.Is(err, fs.ErrNotExist) {
		return Policy{}, nil
	}
	// The file is a binary one, which the system's own tool reads.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, "/usr/bin/plutil", "-convert", "json", "-o", "-", policyPath).Output()
	var values map[string]any
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil {
		return Policy{}, problem.New(Invalid, "Your administrator's policy in "+policyPath+" cannot be read.", "Tell your administrator.", err)
	}
	return policyOf(policyPath, values)
}
