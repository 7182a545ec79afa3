// Package settings reads and writes settings.toml, the file that holds what
// the user chose.
//
// It must not know what the choices do: which IDEs exist, how a link is
// checked, how a log is written. Nothing in the file is secret.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Invalid: settings.toml, or a variable in its place, cannot be used.
const Invalid problem.Code = "settings-invalid"

// maxSize is the most bytes of a settings file; more is not a settings file.
const maxSize = 1 << 20

// Settings are the user's choices, the defaults filled in.
type Settings struct {
	// Editor is the command of the IDE to open where a link does not name one
	// ([a-z0-9-], at most 64 bytes), or empty: what is installed.
	Editor string `json:"editor"`
	// Folder is the absolute path that an IDE opens on a space, or empty: the
	// home folder there.
	Folder string `json:"folder"`
	// TrustedHosts are the hosts beyond AWS's own that a data channel may go
	// to, as host (port 443), host:port or, without encryption and for a
	// simulator on loopback only, ws://host:port; in lower case.
	TrustedHosts []string `json:"trusted_hosts"`
	// SSHOptions are lines for Spacehatch's own part of the SSH config, each
	// "Keyword value". Which keywords may stand there is not checked here.
	SSHOptions []string `json:"ssh_options"`
	// TunnelProfile is safe, large or adaptive.
	TunnelProfile string `json:"tunnel_profile"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `json:"log_level"`
	// Tray: the tray starts by itself with the first connection.
	Tray bool `json:"tray"`
	// IdleNotice is how long a space may be idle before the person is
	// told; zero is never.
	IdleNotice time.Duration `json:"idle_notice"`
	// UpdateCheck: once a day somebody is asked for a newer release.
	UpdateCheck bool `json:"update_check"`
	// KeepAwake: a space is told while somebody works there, so that it does
	// not stop as an idle one.
	KeepAwake bool `json:"keep_awake"`
	// Restrictions come from an administrator's policy alone.
	Restrictions Restrictions `json:"-"`
}

// Defaults are the settings of somebody who chose nothing.
func Defaults() Settings {
	return Settings{TunnelProfile: "safe", LogLevel: "warn", Tray: true, IdleNotice: time.Hour, KeepAwake: true, UpdateCheck: true}
}

// Path returns where settings.toml is. The file may not exist.
func Path() (string, error) {
	dir, err := paths.Config()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "settings.toml"), nil
}

// Load reads the file at path and lets the environment, as lookup tells it
// ([os.LookupEnv]), override it. A missing file gives the defaults. An unknown
// key, a value that does not fit or a broken file give a Problem of code
// [Invalid] that names the file, the line and the key; the file stays as it is.
// A variable that is set but empty counts as not set.
func Load(path string, lookup func(string) (string, bool)) (Settings, error) {
	r, err := Resolve(path, lookup, Policy{})
	return r.Settings, err
}

// Origin says where the value of a setting comes from.
type Origin string

// The origins of the values in settings.toml, each winning over those before.
const (
	Default     Origin = "default"
	File        Origin = "file"
	Environment Origin = "environment"
	// Administrator: a [Policy] says so, and nobody else has a say.
	Administrator Origin = "administrator"
)

// Resolved are the settings in force and where each comes from.
type Resolved struct {
	Settings
	origins map[string]Origin
}

// Origin says where the value of the key comes from; [Default] where nobody
// chose one, or there is no such key.
func (r Resolved) Origin(key string) Origin {
	if origin, ok := r.origins[key]; ok {
		return origin
	}
	return Default
}

// Value returns the value of the key that is in force: a string, a bool or a
// []string. It is nil where there is no such key.
func (r Resolved) Value(key string) any {
	if k, ok := Find(key); ok {
		return k.get(r.Settings)
	}
	return nil
}

// Resolve does what [Load] does, lets a policy have the last word, and remembers
// where each value comes from.
func Resolve(path string, lookup func(string) (string, bool), policy Policy) (Resolved, error) {
	file, err := fromFile(path)
	if err != nil {
		return Resolved{}, err
	}
	r := Resolved{Settings: Defaults(), origins: map[string]Origin{}}
	// Whoever comes later has the last word.
	for _, layer := range []layer{file, fromEnvironment(lookup), policy.layer} {
		find := Find
		if layer.origin == Administrator {
			find = findForPolicy
		}
		if err := layer.into(&r.Settings, find, func(key string) { r.origins[key] = layer.origin }); err != nil {
			return Resolved{}, err
		}
	}
	return r, nil
}

// A layer is one place where values come from.
type layer struct {
	origin Origin
	says   []said
}

// into puts what the layer says into s, and tells of each key.
func (l layer) into(s *Settings, find func(string) (Key, bool), told func(key string)) error {
	for _, said := range l.says {
		err := said.unread
		if k, ok := find(said.key); !ok {
			err = errUnknownKey
		} else if err == nil {
			err = k.fit(s, said.value)
		}
		if err != nil {
			return said.invalid(err)
		}
		told(said.key)
	}
	return nil
}

// said is one value that a layer has, or why it is none, and the Problem where
// it does not fit.
type said struct {
	key     string
	value   any
	unread  error
	invalid func(reason error) error
}

func fromFile(path string) (layer, error) {
	data, err := read(path)
	if err != nil {
		return layer{}, err
	}
	doc, err := parse(path, data)
	if err != nil {
		return layer{}, err
	}
	l := layer{origin: File}
	for _, st := range doc.statements {
		l.says = append(l.says, said{st.key, st.value, nil, func(reason error) error {
			return invalidLine(path, st.line, st.key, reason)
		}})
	}
	return l, nil
}

func fromEnvironment(lookup func(string) (string, bool)) layer {
	l := layer{origin: Environment}
	for _, k := range Keys() {
		if k.Variable == "" {
			continue
		}
		text, ok := lookup(k.Variable)
		if !ok || text == "" {
			continue
		}
		value, err := k.Parse([]string{text})
		l.says = append(l.says, said{k.Name, value, err, func(reason error) error {
			return problem.New(Invalid,
				fmt.Sprintf("The environment variable %s cannot be used: %s.", k.Variable, reason),
				"Correct the variable or unset it.", nil)
		}})
	}
	return l
}

var errUnknownKey = errors.New("there is no such setting")

// read returns the bytes of the file, none where it does not exist.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSize) {
		return nil, problem.New(Invalid, fmt.Sprintf("%s is not a settings file.", path),
			"Move it away and start again.", nil)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, problem.New(Invalid, fmt.Sprintf("The settings in %s cannot be read.", path),
			"Check that the file belongs to you and that you may read it.", err)
	}
	return data, nil
}

func invalidLine(path string, line int, key string, reason error) error {
	hint := "Correct the line; the other settings are kept."
	if errors.Is(reason, errUnknownKey) {
		hint = "The settings are " + names() + ". Correct the key or remove the line."
	}
	return problem.New(Invalid,
		fmt.Sprintf("Line %d of %s cannot be used: %s: %s.", line, path, printable.Quoted(key), reason), hint, nil)
}
