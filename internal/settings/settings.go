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
	"strings"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Invalid: settings.toml, or a variable in its place, cannot be used.
const Invalid problem.Code = "settings-invalid"

// The keys of settings.toml. All stand at the top level; a key that is not
// here makes the file invalid, so that a slip of the pen is found at once.
const (
	KeyEditor       = "editor"        // string: an IDE's command, such as "code"
	KeyFolder       = "folder"        // string: absolute path on the space
	KeyTrustedHosts = "trusted_hosts" // list of host[:port]
	KeyLogLevel     = "log_level"     // "debug", "info", "warn" or "error"
	KeyTray         = "tray"          // true or false
)

// The environment variables that stand in for keys of the file.
const (
	VariableEditor       = "SPACEHATCH_EDITOR"        // in place of editor
	VariableTrustedHosts = "SPACEHATCH_TRUSTED_HOSTS" // comma-separated, in place of trusted_hosts
	VariableLog          = "SPACEHATCH_LOG"           // in place of log_level
)

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
	// LogLevel is debug, info, warn or error.
	LogLevel string `json:"log_level"`
	// Tray: the tray starts by itself with the first connection.
	Tray bool `json:"tray"`
}

// Defaults are the settings of somebody who chose nothing.
func Defaults() Settings { return Settings{LogLevel: "warn", Tray: true} }

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
	s := Defaults()
	data, err := read(path)
	if err != nil {
		return Settings{}, err
	}
	doc, err := parse(path, data)
	if err != nil {
		return Settings{}, err
	}
	for _, st := range doc.statements {
		if err := s.set(st.key, st.value); err != nil {
			return Settings{}, invalidLine(path, st.line, st.key, err)
		}
	}
	for _, v := range []struct{ variable, key string }{
		{VariableEditor, KeyEditor}, {VariableLog, KeyLogLevel}, {VariableTrustedHosts, KeyTrustedHosts},
	} {
		text, ok := lookup(v.variable)
		if !ok || text == "" {
			continue
		}
		var value any = text
		if v.key == KeyTrustedHosts {
			value = splitHosts(text)
		}
		if err := s.set(v.key, value); err != nil {
			return Settings{}, problem.New(Invalid,
				fmt.Sprintf("The environment variable %s cannot be used: %s.", v.variable, err),
				"Correct the variable or unset it.", nil)
		}
	}
	return s, nil
}

// set checks value and puts it into the field of key. The error says what is
// wrong with the value, for a person.
func (s *Settings) set(key string, value any) error {
	switch key {
	case KeyEditor:
		text, err := asText(value)
		if err != nil {
			return err
		}
		if err := checkEditor(text); err != nil {
			return err
		}
		s.Editor = text
	case KeyFolder:
		text, err := asText(value)
		if err != nil {
			return err
		}
		if err := checkFolder(text); err != nil {
			return err
		}
		s.Folder = text
	case KeyLogLevel:
		text, err := asText(value)
		if err != nil {
			return err
		}
		switch text {
		case "debug", "info", "warn", "error":
		default:
			return errors.New(`it must be "debug", "info", "warn" or "error"`)
		}
		s.LogLevel = text
	case KeyTrustedHosts:
		hosts, err := asHosts(value)
		if err != nil {
			return err
		}
		s.TrustedHosts = hosts
	case KeyTray:
		on, ok := value.(bool)
		if !ok {
			return errors.New("it must be true or false")
		}
		s.Tray = on
	default:
		return errUnknownKey
	}
	return nil
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
		hint = "The settings are " + strings.Join(keys(), ", ") + ". Correct the key or remove the line."
	}
	return problem.New(Invalid,
		fmt.Sprintf("Line %d of %s cannot be used: %s: %s.", line, path, printable.Quoted(key), reason), hint, nil)
}

func keys() []string { return []string{KeyEditor, KeyFolder, KeyLogLevel, KeyTray, KeyTrustedHosts} }
