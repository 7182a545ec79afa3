package master

import (
	"errors"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	maxLines = 2   // of ssh's complaints in a sentence
	maxText  = 240 // characters of them
)

// explain makes a problem of what ssh wrote before it gave up.
func explain(alias, complaint string, cause error) error {
	if strings.Contains(complaint, "REMOTE HOST IDENTIFICATION HAS CHANGED") {
		return problem.New(problem.SSHFailed, "The host key of "+alias+" is not the one that was seen before.",
			"If the space was restarted, open it again from Studio or in a terminal, and answer the question about its key with yes.", cause)
	}
	why := meaning(complaint)
	if why == "" {
		why = "it gave no reason"
	}
	return failed(alias, why, cause)
}

func failed(alias, why string, cause error) error {
	if cause == nil {
		cause = errors.New(why)
	}
	return problem.New(problem.SSHFailed, "OpenSSH could not connect to "+alias+": "+strings.TrimRight(why, ".")+".",
		"Open the space from Studio again; if that does not help, run ssh -v "+alias+" and look at what it says.", cause)
}

// meaning returns the last lines of ssh's complaints that say something, as one
// printable line.
func meaning(complaint string) string {
	var lines []string
	for line := range strings.Lines(complaint) {
		line = strings.TrimSpace(line)
		if strings.Trim(line, "@ ") == "" || strings.HasPrefix(line, "Warning: Permanently added") || strings.HasPrefix(line, "debug") {
			continue
		}
		lines = append(lines, line)
	}
	return printable.Text(strings.Join(lines[max(0, len(lines)-maxLines):], "; "), maxText)
}
