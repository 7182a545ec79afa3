package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

const (
	// maxHabits bounds the regions and the waits that are remembered.
	maxHabits = 512
	// maxWait is the longest wait that says anything about the next one.
	maxWait = 24 * time.Hour
)

// SpaceFilter is which spaces of a region a person wants to see.
type SpaceFilter struct {
	Domain      string `json:"domain,omitempty"`
	UserProfile string `json:"user_profile,omitempty"`
}

// habitsFile holds what makes the next time easier, and harms nobody if it is
// lost.
type habitsFile struct {
	Version int                    `json:"version"`
	Filters map[string]SpaceFilter `json:"filters,omitempty"` // by region
	// Profiles are those of the AWS configuration that reach an account, by the
	// account.
	Profiles map[string]knownProfile `json:"profiles,omitempty"`
	// Waits are milliseconds, by a space's ARN, a space and what was waited for.
	Waits map[string]int64 `json:"waits_ms,omitempty"`
}

// knownProfile is what a search for a profile found.
type knownProfile struct {
	Name string    `json:"name,omitempty"` // empty: there is none
	At   time.Time `json:"at"`
}

func (s *Store) habitsPath() string { return filepath.Join(s.state, "habits.json") }

// Filter is what was wanted last in the region; the zero filter where nothing
// is known, or cannot be read.
func (s *Store) Filter(region string) SpaceFilter { return s.habits().Filters[region] }

// RememberFilter remembers it. The zero filter forgets.
func (s *Store) RememberFilter(ctx context.Context, region string, f SpaceFilter) error {
	if s.Filter(region) == f {
		return nil
	}
	return s.changeHabits(ctx, func(h *habitsFile) {
		if f == (SpaceFilter{}) {
			delete(h.Filters, region)
			return
		}
		if h.Filters == nil {
			h.Filters = map[string]SpaceFilter{}
		}
		makeRoom(h.Filters, region)
		h.Filters[region] = f
	})
}

// searchedFor is how long nobody looks again for a profile that was not there:
// every ssh that needs a session would.
const searchedFor = time.Hour

// Profile implements [Memory].
func (s *Store) Profile(account string) (profile string, searched bool) {
	known, ok := s.habits().Profiles[account]
	age := s.now().Sub(known.At)
	return known.Name, ok && known.Name == "" && age >= 0 && age < searchedFor
}

// RememberProfile implements [Memory].
func (s *Store) RememberProfile(ctx context.Context, account, profile string) error {
	if !ValidProfile(profile) || account == "" {
		return nil
	}
	return s.changeHabits(ctx, func(h *habitsFile) {
		if h.Profiles == nil {
			h.Profiles = map[string]knownProfile{}
		}
		makeRoom(h.Profiles, account)
		h.Profiles[account] = knownProfile{profile, s.now()}
	})
}

// Took is how long AWS took last time for what was wanted of the space with
// that ARN; 0 where nothing is known.
func (s *Store) Took(arn, what string) time.Duration {
	return time.Duration(s.habits().Waits[arn+" "+what]) * time.Millisecond
}

// RememberTook remembers it.
func (s *Store) RememberTook(ctx context.Context, arn, what string, took time.Duration) error {
	if took <= 0 || took > maxWait {
		return nil
	}
	return s.changeHabits(ctx, func(h *habitsFile) {
		if h.Waits == nil {
			h.Waits = map[string]int64{}
		}
		key := arn + " " + what
		makeRoom(h.Waits, key)
		h.Waits[key] = max(1, took.Milliseconds())
	})
}

// makeRoom takes any entry out of a full map that does not have the key.
func makeRoom[V any](m map[string]V, key string) {
	if _, there := m[key]; there || len(m) < maxHabits {
		return
	}
	delete(m, slices.Sorted(maps.Keys(m))[0])
}

func (s *Store) habits() habitsFile {
	var h habitsFile
	err := s.view(context.Background(), func() (err error) {
		h, err = readDecoded(s.habitsPath(), decodeHabits)
		return err
	})
	if err != nil {
		return habitsFile{}
	}
	return h
}

func (s *Store) changeHabits(ctx context.Context, change func(*habitsFile)) error {
	return s.change(ctx, func() error {
		h, err := readDecoded(s.habitsPath(), decodeHabits)
		if err != nil {
			return err
		}
		h.Version = fileVersion
		change(&h)
		if err := writeFile(s.habitsPath(), h); err != nil {
			return fmt.Errorf("remember for the next time: %w", err)
		}
		return nil
	})
}

func decodeHabits(data []byte) (habitsFile, error) {
	var h habitsFile
	if err := json.Unmarshal(data, &h); err != nil {
		return habitsFile{}, err
	}
	for _, ms := range h.Waits {
		if ms < 0 || ms > maxWait.Milliseconds() {
			return habitsFile{}, errors.New("a wait is not one")
		}
	}
	return h, checkVersion(h.Version)
}
