package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// Bounds of a stored session in bytes: those of the API for the ID, those of a
// link for the rest.
const (
	maxSessionID  = 256
	maxSecretPart = 64 << 10
)

// sessionFile is a session as it stands on disk, the one place where its
// secrets are written out.
type sessionFile struct {
	Version   int       `json:"version"`
	ID        string    `json:"session_id"`
	StreamURL string    `json:"stream_url"`
	Token     string    `json:"token"`
	Expires   time.Time `json:"expires"`
	Origin    Origin    `json:"origin,omitempty"`
}

func (s *Store) sessionsFolder() string { return filepath.Join(s.runtime, "sessions") }

func (s *Store) sessionPath(alias string) string {
	return filepath.Join(s.sessionsFolder(), alias+".json")
}

// Keep puts an unused session away under the alias, in place of one that is
// there. One that has expired already is not written. A session without an
// expiry is an error: nothing would ever sweep it.
func (s *Store) Keep(ctx context.Context, alias string, session Session) error {
	alias, err := cleanAlias(alias)
	if err != nil {
		return err
	}
	if err := checkSession(session); err != nil {
		return fmt.Errorf("keep a session for %s: %w", alias, err)
	}
	return s.change(ctx, func() error {
		if err := makeFolder(s.runtime); err != nil {
			return err
		}
		if err := makeFolder(s.sessionsFolder()); err != nil {
			return err
		}
		if err := checkFolder(s.sessionsFolder(), othersMayNotRead); err != nil {
			return err
		}
		if err := s.sweep(); err != nil {
			return err
		}
		if s.expired(session) {
			return nil
		}
		return writeFile(s.sessionPath(alias), sessionFile{
			Version:   fileVersion,
			ID:        session.ID,
			StreamURL: session.StreamURL.Reveal(),
			Token:     session.Token.Reveal(),
			Expires:   session.Expires.UTC(),
			Origin:    session.Origin,
		})
	})
}

// Take returns the unused session of the alias and removes it: of any number
// of callers in any number of processes one gets it. Where there is none, or
// it has expired, the error wraps [ErrNone].
func (s *Store) Take(ctx context.Context, alias string) (Session, error) {
	alias, err := cleanAlias(alias)
	if err != nil {
		return Session{}, err
	}
	none := fmt.Errorf("no unused session for %s is stored: %w", alias, ErrNone)
	if entries, err := os.ReadDir(s.sessionsFolder()); errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return Session{}, none
	}
	var taken Session
	err = s.change(ctx, func() error {
		if err := checkFolder(s.sessionsFolder(), othersMayNotRead); err != nil {
			return err
		}
		if err := s.sweep(); err != nil {
			return err
		}
		found, session, err := s.readSession(alias)
		if err != nil {
			return err
		}
		if !found || s.expired(session) {
			return none
		}
		// Removed before it is handed out: rather a session lost than one used
		// twice.
		if err := s.dropSession(alias); err != nil {
			return err
		}
		taken = session
		return nil
	})
	return taken, err
}

// Session takes the unused session of the space's alias. It makes the store a
// [Source].
func (s *Store) Session(ctx context.Context, space Space) (Session, error) {
	return s.Take(ctx, space.Alias)
}

func (s *Store) expired(session Session) bool { return !s.now().Before(session.Expires) }

// sweep removes expired sessions, and what a writer that died left behind:
// under the lock nobody else is writing. A file that cannot be read is left
// for the one who asks for it.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.sessionsFolder())
	if err != nil {
		return storeFailed("read", s.sessionsFolder(), err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp") {
			if err := s.remove(name); err != nil {
				return err
			}
			continue
		}
		alias, ok := strings.CutSuffix(name, ".json")
		if !ok || !validAlias(alias) {
			continue
		}
		if found, session, err := s.readSession(alias); err == nil && found && s.expired(session) {
			if err := s.remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) dropSession(alias string) error { return s.remove(alias + ".json") }

func (s *Store) remove(name string) error {
	path := filepath.Join(s.sessionsFolder(), name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storeFailed("remove", path, err)
	}
	return nil
}

func (s *Store) readSession(alias string) (found bool, session Session, err error) {
	path := s.sessionPath(alias)
	data, err := readFile(path, othersMayNotRead)
	if err != nil || data == nil {
		return false, Session{}, err
	}
	session, err = decodeSession(data)
	if err != nil {
		return false, Session{}, damaged(path, err)
	}
	return true, session, nil
}

// decodeSession reads a session's file. Its errors quote nothing of it:
// encoding/json's would.
func decodeSession(data []byte) (Session, error) {
	var file sessionFile
	if err := json.Unmarshal(data, &file); err != nil {
		return Session{}, errors.New("it is not the JSON of a session")
	}
	if err := checkVersion(file.Version); err != nil {
		return Session{}, err
	}
	session := Session{
		ID:        file.ID,
		StreamURL: secret.New(file.StreamURL),
		Token:     secret.New(file.Token),
		Expires:   file.Expires,
		Origin:    file.Origin,
	}
	return session, checkSession(session)
}

func checkSession(session Session) error {
	switch {
	case session.ID == "" || len(session.ID) > maxSessionID:
		return fmt.Errorf("its id has %d bytes", len(session.ID))
	case session.StreamURL.Empty() || len(session.StreamURL.Reveal()) > maxSecretPart:
		return fmt.Errorf("its stream URL has %d bytes", len(session.StreamURL.Reveal()))
	case session.Token.Empty() || len(session.Token.Reveal()) > maxSecretPart:
		return fmt.Errorf("its token has %d bytes", len(session.Token.Reveal()))
	case session.Expires.IsZero():
		return errors.New("it has no expiry")
	}
	return nil
}

// cleanAlias lower-cases the alias and refuses one that could leave the folder.
func cleanAlias(alias string) (string, error) {
	lower := strings.ToLower(alias)
	if !validAlias(lower) {
		return "", problem.New(problem.UnknownAlias,
			fmt.Sprintf("%s is not the alias of a space.", printable.Quoted(alias)),
			`An alias looks like "my-space.hatch".`, nil)
	}
	return lower, nil
}
