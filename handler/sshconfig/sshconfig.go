// Package sshconfig plans, shows, makes and takes back the changes to the
// user's OpenSSH configuration: a file of our own, ~/.ssh/spacehatch/config,
// and one marked Include at the top of ~/.ssh/config.
//
// It must not know links, sessions, AWS or IDEs, and it asks nobody: whoever
// calls it shows the diff and decides.
package sshconfig

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Suffix ends every alias.
const Suffix = ".hatch"

// ControlSockets lists the control sockets of ours that there are, of whatever
// alias: those in our folder, and in the runtime folder, which they are in where
// ours is too deep.
func ControlSockets(sshDir, runtimeDir string) (found []string) {
	for _, folder := range []string{place(sshDir).folder(), runtimeDir} {
		entries, _ := os.ReadDir(folder) // none where there is none
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), socketPrefix) {
				found = append(found, filepath.Join(folder, e.Name()))
			}
		}
	}
	return found
}

const (
	folderName     = "spacehatch"
	configName     = "config"
	knownHostsName = "known_hosts"
	manifestName   = "created.json"
	backupName     = "ssh-config.backup"
	socketPrefix   = "cm-"

	folderMode = 0o700
	fileMode   = 0o600
)

// ErrChanged is in the chain of the error that Apply gives when a file is no
// longer what it was when the plan was made. Nothing has been written; make a
// new plan.
var ErrChanged = errors.New("the file changed after the plan was made")

// Settings say what the SSH configuration is to hold.
type Settings struct {
	// SSHDir is the folder that OpenSSH reads, absolute ([paths.SSH]). For
	// any other folder OpenSSH is told with -F where to look, which serves
	// tests and rehearsals.
	SSHDir string
	// Program is the absolute path of the spacehatch executable.
	Program string
	// ControlMaster says whether OpenSSH can share connections here; false on
	// Windows.
	ControlMaster bool
	// Hosts are the known spaces. Their order does not matter.
	Hosts []Host
	// Machines are the hosts that are no spaces.
	Machines Machines
	// Options are what a person chose for every space ([ParseOptions]).
	Options []Option
	// SSH is the OpenSSH client, by path or by name; empty means "ssh".
	SSH string
	// RuntimeDir holds the control sockets where SSHDir is too long for them
	// ([paths.Runtime]); empty where there is none.
	RuntimeDir string
	// BackupDir receives the copy of the user's file from before its last
	// change; empty means our folder under SSHDir, which Undo removes.
	BackupDir string
}

// Host is one known space.
type Host struct {
	// Alias is the host name: [a-z0-9.-], at most 253 bytes, ending in
	// [Suffix].
	Alias string
	// ForwardAgent lets the space use the keys of the user's agent for as long
	// as a connection stands.
	ForwardAgent bool
	// Keys offers the user's keys to the space. A space needs none; this is
	// for one whose owner runs an SSH server of another kind.
	Keys bool
	// User logs in to a machine that is no space, which gets the user's keys
	// offered, those of an agent too. Empty for a space.
	User string
}

// Machines are hosts that are no spaces and may not be known: ssh logs in there
// with the user's own keys.
type Machines struct {
	// Patterns are ssh's, such as i-????????.hatch.
	Patterns []string
	// User logs in where ssh is told nothing else.
	User string
}

// holds reports whether the alias is one that a pattern takes in.
func (m Machines) holds(alias string) bool {
	return slices.ContainsFunc(m.Patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, alias)
		return ok && err == nil
	})
}

// ValidAlias reports whether alias may stand in our configuration.
func ValidAlias(alias string) bool {
	name, ok := strings.CutSuffix(alias, Suffix)
	if !ok || name == "" || len(alias) > 253 || strings.Contains(alias, "..") {
		return false
	}
	if first := name[0]; first == '-' || first == '.' {
		return false
	}
	for _, r := range alias {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' {
			return false
		}
	}
	return true
}

// validUser reports whether a name may stand in our configuration.
func validUser(name string) bool {
	return !strings.HasPrefix(name, "-") && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\"'%#=", r)
	})
}

// normal returns the settings checked, with the hosts sorted and each once.
func (s Settings) normal() (Settings, error) {
	fault := func(format string, args ...any) (Settings, error) {
		return Settings{}, fmt.Errorf("ssh config settings: "+format, args...)
	}
	for _, p := range []string{s.SSHDir, s.Program} {
		if !filepath.IsAbs(p) {
			return fault("%q is not an absolute path", p)
		}
		if strings.ContainsFunc(p, isControl) {
			return Settings{}, problem.New(problem.SSHConfigUnsafe,
				"The path "+printable.Quoted(p)+" holds a control character, which an SSH config cannot express.",
				"Move it to a folder with an ordinary name and try again.", nil)
		}
	}
	s.SSHDir = filepath.Clean(s.SSHDir)
	s.Hosts = slices.Clone(s.Hosts)
	slices.SortFunc(s.Hosts, func(a, b Host) int { return strings.Compare(a.Alias, b.Alias) })
	for i, h := range s.Hosts {
		if !ValidAlias(h.Alias) {
			return fault("%q is not an alias", h.Alias)
		}
		if i > 0 && s.Hosts[i-1].Alias == h.Alias {
			return fault("%q is there twice", h.Alias)
		}
		if h.User != "" && !validUser(h.User) {
			return fault("%q is no user", h.User)
		}
	}
	if err := checkOptions(s.Options); err != nil {
		return Settings{}, err
	}
	if s.SSH == "" {
		s.SSH = "ssh"
	}
	if s.BackupDir == "" {
		s.BackupDir = place(s.SSHDir).folder()
	}
	return s, nil
}

// place is an SSH folder and knows what stands where in it.
type place string

func (p place) userConfig() string { return filepath.Join(string(p), configName) }
func (p place) folder() string     { return filepath.Join(string(p), folderName) }
func (p place) config() string     { return filepath.Join(p.folder(), configName) }
func (p place) knownHosts() string { return filepath.Join(p.folder(), knownHostsName) }
func (p place) manifest() string   { return filepath.Join(p.folder(), manifestName) }

// own reports whether OpenSSH reads this folder without being told.
func (p place) own() bool {
	dir, err := paths.SSH()
	return err == nil && filepath.Clean(dir) == string(p)
}

// include is what follows the keyword Include. The short form is the same on
// every machine and free of blanks and of characters that glob reads; OpenSSH
// takes it relative to ~/.ssh.
func (p place) include() string {
	if p.own() {
		return folderName + "/" + configName
	}
	return configWord(p.config())
}

// inConfig writes the path of a file in our folder as our config names it.
func (p place) inConfig(name string) string {
	if p.own() {
		return "~/.ssh/" + folderName + "/" + name
	}
	return configWord(escapePercent(p.folder()) + string(filepath.Separator) + name)
}
