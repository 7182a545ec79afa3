package session

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
)

// maxAnswers bounds the questions that are remembered; the oldest goes first.
const maxAnswers = 256

// answersFile holds questions that need not be asked again, the oldest first.
type answersFile struct {
	Version int      `json:"version"`
	Settled []string `json:"settled"`
}

func (s *Store) answersPath() string { return filepath.Join(s.state, "answers.json") }

// Settle remembers that the question named key need not be asked again:
// because it was answered, or because its answer was found out. A key names a
// thing on this machine and holds no secret.
func (s *Store) Settle(ctx context.Context, key string) error {
	return s.change(ctx, func() error {
		settled, err := s.readAnswers()
		if err != nil || slices.Contains(settled, key) {
			return err
		}
		settled = append(settled, key)
		settled = settled[max(0, len(settled)-maxAnswers):]
		if err := writeFile(s.answersPath(), answersFile{Version: fileVersion, Settled: settled}); err != nil {
			return fmt.Errorf("remember an answer: %w", err)
		}
		return nil
	})
}

// Unsettle forgets what [Store.Settle] remembered: the question may be asked
// again. One that was never settled is no error.
func (s *Store) Unsettle(ctx context.Context, key string) error {
	if !s.Settled(key) {
		return nil // nothing is created for a question that was not asked
	}
	return s.change(ctx, func() error {
		settled, err := s.readAnswers()
		if err != nil {
			return err
		}
		settled = slices.DeleteFunc(settled, func(k string) bool { return k == key })
		return writeFile(s.answersPath(), answersFile{Version: fileVersion, Settled: settled})
	})
}

// Settled reports whether the question named key was settled. It is false
// where that cannot be read: then it is asked again.
func (s *Store) Settled(key string) bool {
	var settled []string
	err := s.view(context.Background(), func() (err error) {
		settled, err = s.readAnswers()
		return err
	})
	return err == nil && slices.Contains(settled, key)
}

func (s *Store) readAnswers() ([]string, error) { return readDecoded(s.answersPath(), decodeAnswers) }

func decodeAnswers(data []byte) ([]string, error) {
	var file answersFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	return file.Settled, checkVersion(file.Version)
}
