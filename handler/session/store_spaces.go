package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

type spacesFile struct {
	Version int     `json:"version"`
	Spaces  []Space `json:"spaces"`
}

func (s *Store) spacesPath() string { return filepath.Join(s.state, "spaces.json") }

// Spaces returns the known spaces, ordered by alias.
func (s *Store) Spaces() ([]Space, error) {
	var spaces []Space
	err := s.view(context.Background(), func() (err error) {
		spaces, err = s.readSpaces()
		return err
	})
	return spaces, err
}

// Alias returns the alias of the space with space.ARN, or the one it would
// get; it writes nothing. A space keeps its alias until it is forgotten.
func (s *Store) Alias(space Space) (string, error) {
	if err := checkSpace(space); err != nil {
		return "", err
	}
	spaces, err := s.Spaces()
	if err != nil {
		return "", err
	}
	return aliasFor(space, spaces), nil
}

// Remember records the space under its alias, which space.Alias does not
// influence, with the present time as its last use, and returns what was
// recorded. Of a space that is known already, fields that are empty in space
// keep their value.
func (s *Store) Remember(ctx context.Context, space Space) (Space, error) {
	if err := checkSpace(space); err != nil {
		return Space{}, err
	}
	err := s.change(ctx, func() error {
		spaces, err := s.readSpaces()
		if err != nil {
			return err
		}
		space.Alias = aliasFor(space, spaces)
		space.LastUsed = s.now().UTC().Round(0)
		if i := slices.IndexFunc(spaces, func(k Space) bool { return k.ARN == space.ARN }); i >= 0 {
			space = merged(spaces[i], space)
			spaces[i] = space
		} else {
			spaces = append(spaces, space)
		}
		return s.writeSpaces(spaces)
	})
	if err != nil {
		return Space{}, err
	}
	return space, nil
}

// Forget removes the space, named as for [Store.Lookup], its unused session and
// what was chosen for it. Its alias is free for another space from then on.
func (s *Store) Forget(ctx context.Context, aliasOrARN string) error {
	return s.changeSpace(ctx, aliasOrARN, func(spaces []Space, space Space) error {
		// The session first: were the program to die in between, a later space
		// of that alias must not find it.
		if err := s.dropSession(space.Alias); err != nil {
			return err
		}
		if err := s.replaceChoices(space.ARN, func(c *Choices) { *c = Choices{} }); err != nil {
			return err
		}
		return s.writeSpaces(slices.DeleteFunc(spaces, func(k Space) bool { return k.Alias == space.Alias }))
	})
}

// changeSpace runs fn with all known spaces and the one of that name, while no
// other process reads or writes the store. For a name that is not known
// nothing is created.
func (s *Store) changeSpace(ctx context.Context, aliasOrARN string, fn func(spaces []Space, space Space) error) error {
	if _, err := s.Lookup(ctx, aliasOrARN); err != nil {
		return err
	}
	return s.change(ctx, func() error {
		spaces, err := s.readSpaces()
		if err != nil {
			return err
		}
		space, err := find(aliasOrARN, spaces)
		if err != nil {
			return err
		}
		return fn(spaces, space)
	})
}

// Lookup finds a known space by its alias in any case, with or without
// ".hatch", by its ARN, or by its bare name where one space alone has it. No
// such space, or more than one, is a [problem.UnknownAlias] whose hint names
// the aliases there are.
func (s *Store) Lookup(ctx context.Context, aliasOrARN string) (Space, error) {
	var spaces []Space
	err := s.view(ctx, func() (err error) {
		spaces, err = s.readSpaces()
		return err
	})
	if err != nil {
		return Space{}, err
	}
	return find(aliasOrARN, spaces)
}

func find(name string, spaces []Space) (Space, error) {
	alias := strings.ToLower(name)
	var exact, similar []Space
	for _, space := range spaces {
		switch {
		case space.Alias == alias, space.ARN == name:
			return space, nil
		case space.Name == name:
			exact = append(exact, space)
			similar = append(similar, space)
		case strings.EqualFold(space.Name, name), space.Alias == alias+aliasSuffix:
			similar = append(similar, space)
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(similar) == 1:
		return similar[0], nil
	case len(similar) > 1:
		return Space{}, problem.New(problem.UnknownAlias,
			fmt.Sprintf("There are %d spaces named %s.", len(similar), printable.Quoted(name)),
			"Say which one: "+aliasList(similar)+".", nil)
	}
	return Space{}, unknownAlias(name, spaces)
}

func unknownAlias(name string, spaces []Space) *problem.Problem {
	hint := "Open the space once from Studio: click Open in VS Code there."
	if len(spaces) > 0 {
		hint = "Known are: " + aliasList(spaces) + "."
	}
	return problem.New(problem.UnknownAlias,
		fmt.Sprintf("Spacehatch knows no space named %s.", printable.Quoted(name)), hint, nil)
}

// aliasList names the spaces, the last used first, a sentence's worth of them.
func aliasList(spaces []Space) string {
	const most = 8
	ordered := slices.Clone(spaces)
	slices.SortStableFunc(ordered, func(a, b Space) int { return b.LastUsed.Compare(a.LastUsed) })
	var names []string
	for _, space := range ordered[:min(most, len(ordered))] {
		names = append(names, space.Alias)
	}
	list := strings.Join(names, ", ")
	if more := len(ordered) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// merged returns the newer record with the older one's values where it is
// empty.
func merged(older, newer Space) Space {
	newer.Kind = cmp.Or(newer.Kind, older.Kind)
	for _, field := range []struct{ to, from *string }{
		{&newer.Partition, &older.Partition},
		{&newer.Region, &older.Region},
		{&newer.Account, &older.Account},
		{&newer.Domain, &older.Domain},
		{&newer.Name, &older.Name},
		{&newer.UserProfile, &older.UserProfile},
		{&newer.AppType, &older.AppType},
		{&newer.RefreshURL, &older.RefreshURL},
		{&newer.Scheme, &older.Scheme},
		{&newer.User, &older.User},
		{&newer.Profile, &older.Profile},
	} {
		*field.to = cmp.Or(*field.to, *field.from)
	}
	return newer
}

func checkSpace(space Space) error {
	if space.ARN == "" || len(space.ARN) > maxARN {
		return problem.New(problem.Rejected,
			fmt.Sprintf("The space %s has no valid identifier.", space.label()),
			"Open the space again from Studio.", fmt.Errorf("identifier of %d bytes", len(space.ARN)))
	}
	return nil
}

func (s *Store) readSpaces() ([]Space, error) { return readDecoded(s.spacesPath(), decodeSpaces) }

// decodeSpaces reads spaces.json. It lets no alias through that would not be
// safe in a file name or an SSH config, whoever edited the file.
func decodeSpaces(data []byte) ([]Space, error) {
	var file spacesFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if err := checkVersion(file.Version); err != nil {
		return nil, err
	}
	aliases, arns := map[string]bool{}, map[string]bool{}
	for _, space := range file.Spaces {
		switch {
		case !validAlias(space.Alias):
			return nil, fmt.Errorf("%s is not an alias", printable.Quoted(space.Alias))
		case checkSpace(space) != nil:
			return nil, fmt.Errorf("%s has no identifier", printable.Quoted(space.Alias))
		case aliases[space.Alias] || arns[space.ARN]:
			return nil, errors.New("a space is in it twice")
		}
		aliases[space.Alias], arns[space.ARN] = true, true
	}
	return file.Spaces, nil
}

func (s *Store) writeSpaces(spaces []Space) error {
	slices.SortFunc(spaces, func(a, b Space) int { return strings.Compare(a.Alias, b.Alias) })
	return writeFile(s.spacesPath(), spacesFile{Version: fileVersion, Spaces: spaces})
}
