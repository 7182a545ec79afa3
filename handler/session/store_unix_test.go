//go:build unix

package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestEverythingIsForTheOwnerAlone(t *testing.T) {
	s, _ := testStore(t)
	remember(t, s, studio("111122223333", "d-abc", "one"))
	if err := s.Keep(t.Context(), "one.hatch", session("s", noon.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	if err := s.Trust(t.Context(), Consent{Account: "1", Region: "r"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{
		"state": 0o700, "state/spaces.json": 0o600, "state/consents.json": 0o600, "state/store.lock": 0o600,
		"run": 0o700, "run/sessions": 0o700, "run/sessions/one.hatch.json": 0o600,
	}
	root := filepath.Dir(s.state)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		if info.Mode().Perm() != want[name] {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
		delete(want, name)
		return nil
	})
	if err != nil || len(want) != 0 {
		t.Errorf("missing: %v, %v", want, err)
	}
}

func TestWhatOthersCanReachIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		mode fs.FileMode
	}{
		"session-readable":  {"run/sessions/one.hatch.json", 0o644},
		"folder-readable":   {"run/sessions", 0o755},
		"spaces-writable":   {"state/spaces.json", 0o620},
		"consents-writable": {"state/consents.json", 0o602},
		"state-writable":    {"state", 0o777},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := testStore(t)
			ctx := t.Context()
			remember(t, s, studio("111122223333", "d-abc", "one"))
			consent := Consent{Account: "1", Region: "r"}
			if err := s.Trust(ctx, consent); err != nil {
				t.Fatal(err)
			}
			if err := s.Keep(ctx, "one.hatch", session("s", noon.Add(time.Minute))); err != nil {
				t.Fatal(err)
			}
			root := filepath.Dir(s.state)
			path := filepath.Join(root, c.path)
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			var err error
			switch {
			case strings.HasPrefix(c.path, "run"):
				_, err = s.Take(ctx, "one.hatch")
			case strings.HasSuffix(c.path, "consents.json"):
				err = s.Trust(ctx, Consent{Account: "2", Region: "r"})
				if s.Trusted(consent) {
					t.Error("trusted from a file that others can write")
				}
			default:
				_, err = s.Remember(ctx, studio("111122223333", "d-abc", "two"))
			}
			golden(t, "problems/unsafe-"+name, strings.ReplaceAll(told(t, err), root, "ROOT"))
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASymbolicLinkIsNoSession(t *testing.T) {
	s, _ := testStore(t)
	if err := s.Keep(t.Context(), "one.hatch", session("s", noon.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "x")
	if err := os.Rename(s.sessionPath("one.hatch"), elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, s.sessionPath("one.hatch")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(t.Context(), "one.hatch"); !errors.Is(err, &problem.Problem{Code: StoreDamaged}) {
		t.Errorf("Take = %v", err)
	}
}

func TestAStateFolderThatCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := OpenStore(filepath.Join(file, "state"), filepath.Join(file, "run"))
	_, err := s.Remember(t.Context(), studio("111122223333", "d-abc", "one"))
	golden(t, "problems/store-failed", strings.ReplaceAll(told(t, err), dir, "ROOT"))
}
