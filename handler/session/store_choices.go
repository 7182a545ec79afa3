package session

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxChoiceFolder is Linux's PATH_MAX, in bytes.
const maxChoiceFolder = 4096

// Choices are what a person chose for one space. They belong to the space, by
// its ARN: under its alias a later space could inherit the user's keys.
type Choices struct {
	// Folder is what the IDE opens there, an absolute path; empty is what
	// holds for every space.
	Folder string `json:"folder,omitempty"`
	// Profile is the one of the AWS configuration whose credentials open the
	// space; empty is whichever belongs to its account.
	Profile string `json:"profile,omitempty"`
	// ForwardAgent lets the space use the keys in the user's SSH agent.
	ForwardAgent bool `json:"forward_agent,omitempty"`
}

type choicesFile struct {
	Version int `json:"version"`
	// Spaces by their ARN.
	Spaces map[string]Choices `json:"spaces"`
}

func (s *Store) choicesPath() string { return filepath.Join(s.state, "choices.json") }

// Choices returns what was chosen for spaces, by their ARN.
func (s *Store) Choices() (map[string]Choices, error) {
	var choices map[string]Choices
	err := s.view(context.Background(), func() (err error) {
		choices, err = s.readChoices()
		return err
	})
	return choices, err
}

// Choose changes what was chosen for the space, named as for [Store.Lookup].
// [Store.Forget] takes it back with the space.
func (s *Store) Choose(ctx context.Context, aliasOrARN string, change func(*Choices)) error {
	return s.changeSpace(ctx, aliasOrARN, func(_ []Space, space Space) error {
		return s.replaceChoices(space.ARN, change)
	})
}

// replaceChoices is called under the lock.
func (s *Store) replaceChoices(arn string, change func(*Choices)) error {
	choices, err := s.readChoices()
	if err != nil {
		return err
	}
	before := choices[arn]
	after := before
	change(&after)
	if after == before {
		return nil
	}
	if err := checkChoices(after); err != nil {
		return fmt.Errorf("remember a choice: %w", err)
	}
	changed := maps.Clone(choices)
	if changed == nil {
		changed = map[string]Choices{}
	}
	changed[arn] = after
	maps.DeleteFunc(changed, func(_ string, c Choices) bool { return c == Choices{} })
	return writeFile(s.choicesPath(), choicesFile{Version: fileVersion, Spaces: changed})
}

// maxProfile bounds the name of a profile, in bytes.
const maxProfile = 512

// ValidProfile reports whether a profile of the AWS configuration can have that
// name; an empty one is none.
func ValidProfile(name string) bool {
	return len(name) <= maxProfile && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

func checkChoices(c Choices) error {
	if c.Folder != "" && (!strings.HasPrefix(c.Folder, "/") || len(c.Folder) > maxChoiceFolder ||
		!utf8.ValidString(c.Folder) || strings.ContainsFunc(c.Folder, unicode.IsControl)) {
		return fmt.Errorf("a folder is no absolute path")
	}
	if !ValidProfile(c.Profile) {
		return fmt.Errorf("a profile has no such name")
	}
	return nil
}

func (s *Store) readChoices() (map[string]Choices, error) {
	return readDecoded(s.choicesPath(), decodeChoices)
}

func decodeChoices(data []byte) (map[string]Choices, error) {
	var file choicesFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if err := checkVersion(file.Version); err != nil {
		return nil, err
	}
	for _, c := range file.Spaces {
		if err := checkChoices(c); err != nil {
			return nil, err
		}
	}
	return file.Spaces, nil
}
