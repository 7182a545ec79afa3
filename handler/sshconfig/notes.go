package sshconfig

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	ssh_config "github.com/kevinburke/ssh_config"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// addingUp are the options of which ssh takes every occurrence, so that a block
// before the user's cannot take them away, and what they do to a space.
var addingUp = [...]struct{ keyword, says string }{
	{"remoteforward", "lets spaces reach a port of this machine (RemoteForward)"},
	{"localforward", "opens a forwarded port with every connection (LocalForward)"},
	{"dynamicforward", "opens a SOCKS port with every connection (DynamicForward)"},
	{"setenv", "sends environment variables of its own to spaces (SetEnv)"},
}

// notes reads the user's config as ssh and as an IDE does and says what it will
// do to our hosts. A config that ssh itself refuses is a problem.
func (c client) notes(ctx context.Context, user file, hosts []Host) ([]string, error) {
	options, err := c.throughInclude(ctx, user.target, anyHost)
	if r, ok := errors.AsType[*refusal](err); ok {
		if strings.Contains(r.text, c.at.config()) {
			return nil, nil // it is our own file that is broken, and about to be mended
		}
		if strings.Contains(r.text, "Bad owner or permissions") {
			return nil, unsafe(user.path, "has an owner or permissions that OpenSSH refuses",
				"Run chmod go-w "+printable.Quoted(user.target)+" and try again.", err)
		}
		return nil, unsafe(user.path, "has an error that makes OpenSSH refuse it ("+strings.TrimRight(r.firstLine(), ".")+")",
			"Mend that line and run the command again.", err)
	}
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, o := range addingUp {
		if len(options[o.keyword]) > 0 {
			notes = append(notes, "Your SSH config "+o.says+".")
		}
	}
	for _, names := range options["sendenv"] {
		// What every distribution's own configuration sends.
		if names != "LANG" && !strings.HasPrefix(names, "LC_") {
			notes = append(notes, "Your SSH config sends environment variables to spaces (SendEnv "+printable.Text(names, 60)+").")
		}
	}
	for _, pattern := range ownEntries(user.data, hosts) {
		notes = append(notes, "Your SSH config has an entry "+printable.Quoted(pattern)+" for a space; Spacehatch's comes before it.")
	}
	return slices.Compact(notes), nil
}

// ownEntries returns the patterns of the user's Host lines that were written for
// our hosts. A config that the parser cannot read has none: ssh has read it.
func ownEntries(data []byte, hosts []Host) []string {
	config, err := ssh_config.DecodeBytes(hostLines(data))
	if err != nil {
		return nil
	}
	var found []string
	for _, h := range config.Hosts {
		for _, pattern := range h.Patterns {
			text := pattern.String()
			if strings.HasPrefix(text, "!") || strings.Trim(text, "*?.") == "" {
				continue // for everybody, or for nobody
			}
			one := ssh_config.Host{Patterns: []*ssh_config.Pattern{pattern}}
			if one.Matches(anyHost) || slices.ContainsFunc(hosts, func(h Host) bool { return one.Matches(h.Alias) }) {
				found = append(found, text)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// maxHostLine bounds a line for the parser, whose time grows with the square of
// a word's length.
const maxHostLine = 1 << 10

// hostLines keeps the parser to what it is asked for: it opens the files that
// are included, and gives up at the Match lines that it does not know.
func hostLines(data []byte) []byte {
	var kept bytes.Buffer
	for at := 0; at < len(data); {
		line, next := cutLine(data, at)
		if len(line) <= maxHostLine && len(line) > len("Host") && strings.EqualFold(line[:len("Host")], "Host") &&
			strings.ContainsRune(" \t=", rune(line[len("Host")])) {
			kept.WriteString(line + "\n")
		}
		at = next
	}
	return kept.Bytes()
}
