package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Consent is what a person agreed to once and for all: links to the spaces of
// one Studio domain.
type Consent struct {
	Account string `json:"account"` // 12 digits, never empty
	// Domain is the Studio domain; empty for HyperPod, which has none, and
	// then it covers no Studio domain.
	Domain string `json:"domain,omitempty"`
	Region string `json:"region"` // never empty
}

type consentsFile struct {
	Version  int       `json:"version"`
	Consents []Consent `json:"consents"`
}

func (s *Store) consentsPath() string { return filepath.Join(s.state, "consents.json") }

// Trust remembers the consent. One without account or region is an error: it
// would stand for more than the person saw.
func (s *Store) Trust(ctx context.Context, consent Consent) error {
	if consent.Account == "" || consent.Region == "" {
		return problem.New(problem.Rejected,
			"This domain cannot be remembered, because the link does not tell its AWS account and region.",
			"Answer Connect each time.", nil)
	}
	return s.change(ctx, func() error {
		consents, err := s.readConsents()
		if err != nil || slices.Contains(consents, consent) {
			return err
		}
		return s.writeConsents(append(consents, consent))
	})
}

// Trusted reports whether the person agreed to exactly this before. It is
// false where that cannot be read: then the person is asked again.
func (s *Store) Trusted(consent Consent) bool {
	consents, err := s.Trusts()
	return err == nil && consent.Account != "" && consent.Region != "" && slices.Contains(consents, consent)
}

// Trusts returns all remembered consents, ordered by account, region, domain.
func (s *Store) Trusts() ([]Consent, error) {
	var consents []Consent
	err := s.view(context.Background(), func() (err error) {
		consents, err = s.readConsents()
		return err
	})
	return consents, err
}

// Distrust takes the consent back. One that was never given is no error.
func (s *Store) Distrust(ctx context.Context, consent Consent) error {
	if consents, err := s.Trusts(); err != nil || !slices.Contains(consents, consent) {
		return err
	}
	return s.change(ctx, func() error {
		consents, err := s.readConsents()
		if err != nil {
			return err
		}
		return s.writeConsents(slices.DeleteFunc(consents, func(c Consent) bool { return c == consent }))
	})
}

func (s *Store) readConsents() ([]Consent, error) {
	return readDecoded(s.consentsPath(), decodeConsents)
}

func decodeConsents(data []byte) ([]Consent, error) {
	var file consentsFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if err := checkVersion(file.Version); err != nil {
		return nil, err
	}
	for _, consent := range file.Consents {
		if consent.Account == "" || consent.Region == "" {
			return nil, errors.New("a consent has no account or region")
		}
	}
	return file.Consents, nil
}

func (s *Store) writeConsents(consents []Consent) error {
	slices.SortFunc(consents, func(a, b Consent) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Domain, b.Domain))
	})
	if err := writeFile(s.consentsPath(), consentsFile{Version: fileVersion, Consents: consents}); err != nil {
		return fmt.Errorf("remember the consents: %w", err)
	}
	return nil
}
