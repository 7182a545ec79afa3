package doctor

import (
	"bufio"
	"os"
	"strings"
)

// systemName is what os-release(5) calls the distribution.
func systemName() string {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return "Linux"
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
			return "Linux, " + strings.Trim(name, `"'`)
		}
	}
	return "Linux"
}
