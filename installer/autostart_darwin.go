package installer

import (
	"fmt"
	"os"
	"path/filepath"
)

// loginEntryPath is where launchd looks for a user's agents at login.
func loginEntryPath() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home folder: %w", err)
	}
	return filepath.Join(home, "Library", "LaunchAgents", agentLabel+".plist"), nil
}

func loginEntry(program string) []byte { return launchAgent(program, "tray") }

func isOurLoginEntry(data []byte) bool { return readLaunchAgent(data).label == agentLabel }

func readLoginEntry(data []byte) (program string, on bool) {
	agent := readLaunchAgent(data)
	return agent.program, agent.program != "" && agent.atLoad && !agent.disabled
}
