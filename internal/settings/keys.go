package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// The keys of settings.toml. All stand at the top level; a key that is not
// here makes the file invalid, so that a slip of the pen is found at once.
const (
	KeyEditor       = "editor"        // string: an IDE's command, such as "code"
	KeyFolder       = "folder"        // string: absolute path on the space
	KeyTray         = "tray"          // true or false
	KeyIdleNotice   = "idle_notice"   // string: a time such as "1h", or "off"
	KeyKeepAwake    = "keep_awake"    // true or false
	KeySSHOptions   = "ssh_options"   // list of "Keyword value"
	KeyTrustedHosts = "trusted_hosts" // list of host[:port]
	KeyUpdateCheck  = "update_check"  // true or false
	KeyLogLevel     = "log_level"     // "debug", "info", "warn" or "error"
)

// KeyProfile is one more: "safe", "large" or "adaptive".
const KeyProfile = "tunnel_profile"

// VariableProfile stands in for it.
const VariableProfile = "SPACEHATCH_TUNNEL_PROFILE"

// VariableStudio is an address that stands in for AWS's own of Studio, where a
// browser gets sessions. It is held to what links are: https below
// .sagemaker.aws, or a trusted host.
const VariableStudio = "SPACEHATCH_STUDIO_URL"

// The environment variables that stand in for keys of the file.
const (
	VariableEditor       = "SPACEHATCH_EDITOR"        // in place of editor
	VariableTrustedHosts = "SPACEHATCH_TRUSTED_HOSTS" // comma-separated, in place of trusted_hosts
	VariableLog          = "SPACEHATCH_LOG"           // in place of log_level
)

// Key is one thing that can be set, and what a person has to know of it.
type Key struct {
	Name string
	// About says what it decides, in a sentence.
	About string
	// Allowed completes "it must be …".
	Allowed string
	// Example is a value as it is typed on a command line.
	Example string
	// Values are all it can be, where they are few.
	Values []string
	// Blank says what an empty value means; empty where none can be.
	Blank string
	// Variable is the environment variable that stands in for it, or empty.
	Variable string

	// Parse makes the value (a string, a bool or a []string) from what was
	// typed. The error completes a sentence for a person.
	Parse func(texts []string) (any, error)

	// put fills the field; errUnfit says that Allowed has to be said.
	put func(*Settings, any) error
	get func(Settings) any
}

// errUnfit says that a value is not what is allowed.
var errUnfit = errors.New("not what is allowed")

// fit checks value and puts it into s. The error says what is wrong with it,
// for a person.
func (k Key) fit(s *Settings, value any) error {
	err := k.put(s, value)
	if errors.Is(err, errUnfit) {
		return errors.New("it must be " + k.Allowed)
	}
	return err
}

// Keys returns the keys of settings.toml in the order in which a person reads
// them.
func Keys() []Key {
	return []Key{
		{
			Name: KeyEditor, About: "The IDE that opens a space whose link names none.",
			Allowed: `the command of an IDE, such as "code" or "cursor"`, Example: "code",
			Blank: "the first that is installed", Variable: VariableEditor, Parse: one,
			put: putText(func(s *Settings) *string { return &s.Editor }, isEditor),
			get: func(s Settings) any { return s.Editor },
		},
		{
			Name: KeyFolder, About: "The folder that the IDE opens on a space.",
			Allowed: `an absolute path on the space, such as "/home/sagemaker-user"`, Example: "/home/sagemaker-user/project",
			Blank: "the home folder", Parse: one,
			put: putText(func(s *Settings) *string { return &s.Folder }, isFolder),
			get: func(s Settings) any { return s.Folder },
		},
		{
			Name: KeyTray, About: "The icon in the panel comes with the first connection.",
			Allowed: "true or false", Example: "false", Values: []string{"true", "false"}, Parse: Bool,
			put: putBool(func(s *Settings) *bool { return &s.Tray }),
			get: func(s Settings) any { return s.Tray },
		},
		{
			Name: KeyIdleNotice, About: "How long a space may be idle before you are told.",
			Allowed: `a time between "1m" and "168h", or "off"`, Example: "30m", Parse: one,
			put: putIdleNotice,
			get: func(s Settings) any { return duration(s.IdleNotice) },
		},
		{
			Name: KeyKeepAwake, About: "Your work through Spacehatch keeps a space from stopping as an idle one.",
			Allowed: "true or false", Example: "false", Values: []string{"true", "false"}, Parse: Bool,
			put: putBool(func(s *Settings) *bool { return &s.KeepAwake }),
			get: func(s Settings) any { return s.KeepAwake },
		},
		{
			Name: KeySSHOptions, About: "Options of OpenSSH for every space, instead of Spacehatch's own.",
			Allowed: `a list of options as they stand in an SSH config, such as ["Compression no"]`,
			Example: "'Compression no' 'ServerAliveInterval 30'", Blank: "none", Parse: many,
			put: putList(func(s *Settings) *[]string { return &s.SSHOptions }, maxOptions, asOption),
			get: func(s Settings) any { return s.SSHOptions },
		},
		{
			Name: KeyTrustedHosts, About: "Hosts beyond AWS's own that a connection may go to.",
			Allowed: `a list of hosts such as ["host:port"]`, Example: "proxy.example.com:8443",
			Blank: "none", Variable: VariableTrustedHosts, Parse: splitHosts,
			put: putList(func(s *Settings) *[]string { return &s.TrustedHosts }, maxHosts, asHost),
			get: func(s Settings) any { return s.TrustedHosts },
		},
		{
			Name: KeyProfile, About: "How hard an upload pushes AWS: large is faster on a long way, and AWS may end such a connection.",
			Allowed: `"safe", "large" or "adaptive"`, Example: "adaptive", Values: profiles(),
			Variable: VariableProfile, Parse: one,
			put: putText(func(s *Settings) *string { return &s.TunnelProfile }, func(name string) bool { return slices.Contains(profiles(), name) }),
			get: func(s Settings) any { return s.TunnelProfile },
		},
		{
			Name: KeyUpdateCheck, About: "Whether to ask once a day for a newer release; nothing is downloaded.",
			Allowed: "true or false", Example: "false", Values: []string{"true", "false"}, Parse: Bool,
			put: putBool(func(s *Settings) *bool { return &s.UpdateCheck }),
			get: func(s Settings) any { return s.UpdateCheck },
		},
		{
			Name: KeyLogLevel, About: "How much is written to the log.",
			Allowed: `"debug", "info", "warn" or "error"`, Example: "debug", Values: levels(),
			Variable: VariableLog, Parse: one,
			put: putText(func(s *Settings) *string { return &s.LogLevel }, func(level string) bool { return slices.Contains(levels(), level) }),
			get: func(s Settings) any { return s.LogLevel },
		},
	}
}

func profiles() []string { return []string{"safe", "large", "adaptive"} }

func levels() []string { return []string{"debug", "info", "warn", "error"} }

// Find returns the key of that name.
func Find(name string) (Key, bool) {
	keys := Keys()
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// Default returns the value that holds where nobody chose one.
func (k Key) Default() any { return k.get(Defaults()) }

// Refuse is the Problem of a value that does not fit, for the reason given.
func (k Key) Refuse(reason error) *problem.Problem {
	return problem.New(Invalid, fmt.Sprintf("%s was not changed: %s.", k.Name, reason),
		"For example: `spacehatch settings set "+k.Name+" "+k.Example+"`.", nil)
}

// Unknown is the Problem of a key that there is none of.
func Unknown(name string) *problem.Problem {
	return problem.New(Invalid, fmt.Sprintf("There is no setting %s.", printable.Quoted(name)),
		"The settings are "+names()+".", nil)
}

// names lists the keys for a sentence.
func names() string {
	var all []string
	for _, k := range Keys() {
		all = append(all, k.Name)
	}
	return strings.Join(all, ", ")
}

// Text writes a value of a setting as it is typed: an empty one as nothing, a
// list with commas.
func Text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	case []string:
		return strings.Join(value, ", ")
	}
	return ""
}

// one is a text, of which there must be one.
func one(texts []string) (any, error) {
	if len(texts) != 1 {
		return nil, errors.New("it takes one value")
	}
	return texts[0], nil
}

func many(texts []string) (any, error) { return texts, nil }

// Bool reads true or false in the words that people use for them.
func Bool(texts []string) (any, error) {
	if _, err := one(texts); err != nil {
		return nil, err
	}
	switch strings.ToLower(texts[0]) {
	case "true", "on", "yes":
		return true, nil
	case "false", "off", "no":
		return false, nil
	}
	return nil, errors.New("it must be true or false")
}

func splitHosts(texts []string) (any, error) {
	hosts := []string{}
	for h := range strings.SplitSeq(strings.Join(texts, ","), ",") {
		if h = strings.TrimSpace(h); h != "" {
			hosts = append(hosts, h)
		}
	}
	return hosts, nil
}
