package session

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func testStore(t *testing.T) (*Store, *clock) {
	t.Helper()
	dir := t.TempDir()
	s := OpenStore(filepath.Join(dir, "state"), filepath.Join(dir, "run"))
	c := &clock{now: noon}
	s.now = c.Now
	return s, c
}

func session(id string, expires time.Time) Session {
	return Session{ID: id, StreamURL: secret.New("wss://host/v1/data-channel/" + id + "?sig=canary-url"),
		Token: secret.New("canary-token+/=" + id), Expires: expires}
}

func remember(t *testing.T, s *Store, space Space) Space {
	t.Helper()
	got, err := s.Remember(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNothingIsCreatedByReading(t *testing.T) {
	s, _ := testStore(t)
	if alias, err := s.Alias(studio("111122223333", "d-abc", "my-space")); err != nil || alias != "my-space.hatch" {
		t.Errorf("Alias = %q, %v", alias, err)
	}
	if spaces, err := s.Spaces(); err != nil || len(spaces) != 0 {
		t.Errorf("Spaces = %v, %v", spaces, err)
	}
	if _, err := s.Take(t.Context(), "my-space.hatch"); !errors.Is(err, ErrNone) {
		t.Errorf("Take = %v", err)
	}
	if s.Trusted(Consent{Account: "111122223333", Region: "us-east-1"}) {
		t.Error("trusted without consent")
	}
	if err := s.Distrust(t.Context(), Consent{Account: "1", Region: "r"}); err != nil {
		t.Error(err)
	}
	_, err := s.Lookup(t.Context(), "my-space")
	golden(t, "problems/lookup-nothing-known", told(t, err))
	if err := s.Forget(t.Context(), "my-space"); !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) {
		t.Errorf("Forget = %v", err)
	}
	for _, dir := range []string{s.state, s.runtime} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestRememberKeepsTheAliasAndWhatItKnew(t *testing.T) {
	s, c := testStore(t)
	space := studio("111122223333", "d-abc", "My-Space")
	space.Alias, space.Scheme, space.AppType = "../evil", "cursor", "CodeEditor"
	first := remember(t, s, space)
	if first.Alias != "my-space.hatch" || !first.LastUsed.Equal(noon) {
		t.Errorf("remembered %+v", first)
	}
	other := remember(t, s, studio("111122223333", "d-xyz", "My-Space"))
	if other.Alias != "my-space.d-xyz.hatch" {
		t.Errorf("remembered %+v", other)
	}
	c.advance(time.Hour)
	parsed, err := ParseARN(space.ARN)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Kind, parsed.UserProfile = UnifiedStudio, "alice"
	again := remember(t, s, parsed)
	want := first
	want.Kind, want.UserProfile, want.LastUsed = UnifiedStudio, "alice", noon.Add(time.Hour)
	if again != want {
		t.Errorf("remembered %+v, want %+v", again, want)
	}
	spaces, err := s.Spaces()
	if err != nil || len(spaces) != 2 || spaces[0] != other || spaces[1] != want {
		t.Errorf("Spaces = %+v, %v", spaces, err)
	}
	text, err := os.ReadFile(s.spacesPath())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "spaces.json", string(text))
	if _, err := s.Remember(t.Context(), Space{Name: "x"}); !errors.Is(err, &problem.Problem{Code: problem.Rejected}) {
		t.Errorf("a space without ARN: %v", err)
	}
}

func TestLookup(t *testing.T) {
	s, c := testStore(t)
	ctx := t.Context()
	for _, space := range []Space{
		studio("111122223333", "d-abc", "my-space"), studio("111122223333", "d-xyz", "my-space"),
		studio("111122223333", "d-abc", "Solo"), studio("111122223333", "d-abc", "Twin"), studio("111122223333", "d-abc", "twin"),
	} {
		remember(t, s, space)
		c.advance(time.Minute)
	}
	for name, want := range map[string]string{
		"my-space.hatch": "my-space.hatch", "MY-space.Hatch": "my-space.hatch", "my-space.d-xyz": "my-space.d-xyz.hatch",
		"solo": "solo.hatch", "SOLO": "solo.hatch", "Twin": "twin.hatch", "twin": "twin.d-abc.hatch",
		"arn:aws:sagemaker:us-east-1:111122223333:space/d-xyz/my-space": "my-space.d-xyz.hatch",
	} {
		if got, err := s.Lookup(ctx, name); err != nil || got.Alias != want {
			t.Errorf("Lookup(%s) = %s, %v; want %s", name, got.Alias, err, want)
		}
	}
	_, err := s.Lookup(ctx, "my-space")
	golden(t, "problems/lookup-ambiguous", told(t, err))
	_, err = s.Lookup(ctx, "nowhere\x1b[0m")
	golden(t, "problems/lookup-unknown", told(t, err))
	for _, name := range []string{"s1", "s2", "s3", "s4", "s5"} {
		remember(t, s, studio("111122223333", "d-abc", name))
	}
	_, err = s.Lookup(ctx, "nowhere")
	golden(t, "problems/lookup-unknown-of-many", told(t, err))
}

func TestForgetTakesTheSessionToo(t *testing.T) {
	s, _ := testStore(t)
	ctx := t.Context()
	remember(t, s, studio("111122223333", "d-abc", "one"))
	remember(t, s, studio("111122223333", "d-abc", "two"))
	if err := s.Keep(ctx, "one.hatch", session("s", noon.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(ctx, "ONE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, "one.hatch"); !errors.Is(err, ErrNone) {
		t.Errorf("Take = %v", err)
	}
	if spaces, err := s.Spaces(); err != nil || len(spaces) != 1 || spaces[0].Alias != "two.hatch" {
		t.Errorf("Spaces = %v, %v", spaces, err)
	}
}

func TestASessionIsTakenOnce(t *testing.T) {
	s, _ := testStore(t)
	ctx := t.Context()
	want := session("second", noon.Add(time.Minute))
	for _, kept := range []Session{session("first", noon.Add(time.Minute)), want} {
		if err := s.Keep(ctx, "My-Space.hatch", kept); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Session(ctx, Space{Alias: "my-space.hatch"})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("took %+v, %v", got, err)
	}
	if _, err := s.Take(ctx, "my-space.hatch"); !errors.Is(err, ErrNone) {
		t.Errorf("took it twice: %v", err)
	}
}

func TestExpiredSessionsAreSwept(t *testing.T) {
	s, c := testStore(t)
	ctx := t.Context()
	for _, alias := range []string{"a.hatch", "b.hatch"} {
		if err := s.Keep(ctx, alias, session(alias, noon.Add(time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep(ctx, "late.hatch", session("late", noon.Add(2*time.Minute))); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	if _, err := s.Take(ctx, "a.hatch"); !errors.Is(err, ErrNone) {
		t.Errorf("an expired session: %v", err)
	}
	if err := s.Keep(ctx, "old.hatch", session("old", noon)); err != nil {
		t.Errorf("keep an expired one: %v", err)
	}
	if left := folder(t, s.sessionsFolder()); left != "late.hatch.json" {
		t.Errorf("left: %s", left)
	}
	if got, err := s.Take(ctx, "late.hatch"); err != nil || got.ID != "late" {
		t.Errorf("took %v, %v", got, err)
	}
}

func folder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

func TestKeepRefusesHalfASessionAndAStrangeAlias(t *testing.T) {
	s, _ := testStore(t)
	whole := session("s", noon.Add(time.Minute))
	for name, broken := range map[string]Session{
		"id":     {StreamURL: whole.StreamURL, Token: whole.Token, Expires: whole.Expires},
		"url":    {ID: "s", Token: whole.Token, Expires: whole.Expires},
		"token":  {ID: "s", StreamURL: whole.StreamURL, Expires: whole.Expires},
		"expiry": {ID: "s", StreamURL: whole.StreamURL, Token: whole.Token},
	} {
		if err := s.Keep(t.Context(), "a.hatch", broken); err == nil {
			t.Errorf("kept without %s", name)
		}
	}
	for _, alias := range []string{"", "a", "../a.hatch", "a/b.hatch", `a\b.hatch`, ".hatch", "a.b.c.hatch", "a.hatch\n"} {
		if err := s.Keep(t.Context(), alias, whole); !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) {
			t.Errorf("Keep(%q) = %v", alias, err)
		}
		if _, err := s.Take(t.Context(), alias); !errors.Is(err, &problem.Problem{Code: problem.UnknownAlias}) {
			t.Errorf("Take(%q) = %v", alias, err)
		}
	}
}

// A process that died between write and rename leaves its temporary file.
func TestACrashBeforeTheRenameIsHarmless(t *testing.T) {
	s, _ := testStore(t)
	ctx := t.Context()
	space := remember(t, s, studio("111122223333", "d-abc", "one"))
	if err := s.Keep(ctx, space.Alias, session("s", noon.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		filepath.Join(s.state, ".spaces.json.123.tmp"), filepath.Join(s.state, ".consents.json.123.tmp"),
		filepath.Join(s.sessionsFolder(), ".one.hatch.json.123.tmp"),
	} {
		if err := os.WriteFile(path, []byte(`{"version":1,"tok`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Lookup(ctx, "one"); err != nil || got != space {
		t.Errorf("Lookup = %v, %v", got, err)
	}
	if got, err := s.Take(ctx, space.Alias); err != nil || got.ID != "s" {
		t.Errorf("Take = %v, %v", got, err)
	}
	if left := folder(t, s.sessionsFolder()); left != "" {
		t.Errorf("half a secret stays: %s", left)
	}
	if err := s.Trust(ctx, Consent{Account: "1", Region: "r"}); err != nil {
		t.Error(err)
	}
}

func TestDamagedFilesAreNamedAndKept(t *testing.T) {
	expires := `,"expires":"2026-08-01T12:01:00Z"}`
	alias := `{"version":1,"spaces":[{"arn":"x","alias":"../x"}]}`
	for name, c := range map[string]struct{ file, content string }{
		"spaces-empty":     {"state/spaces.json", ""},
		"spaces-cut":       {"state/spaces.json", `{"version":1,"spaces":[{"ali`},
		"spaces-newer":     {"state/spaces.json", `{"version":2}`},
		"spaces-alias":     {"state/spaces.json", alias},
		"spaces-twice":     {"state/spaces.json", `{"version":1,"spaces":[{"arn":"x","alias":"x.hatch"},{"arn":"y","alias":"x.hatch"}]}`},
		"consents-cut":     {"state/consents.json", `[`},
		"consents-wide":    {"state/consents.json", `{"version":1,"consents":[{"region":"us-east-1"}]}`},
		"choices-cut":      {"state/choices.json", `{"version":1,"spaces":{"x`},
		"choices-folder":   {"state/choices.json", `{"version":1,"spaces":{"x":{"folder":"C:\\"}}}`},
		"session-cut":      {"run/sessions/one.hatch.json", `{"version":1,"token":"canary-token`},
		"session-expiry":   {"run/sessions/one.hatch.json", `{"version":1,"session_id":"s","stream_url":"u","token":"t","expires":"canary-token"}`},
		"session-no-token": {"run/sessions/one.hatch.json", `{"version":1,"session_id":"s","stream_url":"canary-url"` + expires},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := testStore(t)
			ctx := t.Context()
			remember(t, s, studio("111122223333", "d-abc", "one"))
			if err := s.Keep(ctx, "one.hatch", session("s", noon.Add(time.Minute))); err != nil {
				t.Fatal(err)
			}
			root := filepath.Dir(s.state)
			path := filepath.Join(root, filepath.FromSlash(c.file))
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var err error
			switch filepath.Base(path) {
			case "spaces.json":
				_, err = s.Remember(ctx, studio("111122223333", "d-abc", "two"))
				if _, reading := s.Spaces(); reading == nil {
					t.Error("Spaces is content with it")
				}
			case "consents.json":
				err = s.Trust(ctx, Consent{Account: "1", Region: "r"})
				if s.Trusted(Consent{Account: "1", Region: "r"}) || s.Trusted(Consent{Region: "us-east-1"}) {
					t.Error("trusted from a damaged file")
				}
			case "choices.json":
				err = s.Choose(ctx, "one.hatch", func(c *Choices) { c.ForwardAgent = true })
				if choices, reading := s.Choices(); reading == nil || choices != nil {
					t.Error("Choices is content with it")
				}
			default:
				_, err = s.Take(ctx, "one.hatch")
			}
			text := strings.ReplaceAll(told(t, err), filepath.ToSlash(root), "ROOT")
			if strings.Contains(text, "canary") {
				t.Errorf("a secret shows:\n%s", text)
			}
			golden(t, "problems/damaged-"+name, text)
			if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, []byte(c.content)) {
				t.Errorf("the file became %q, %v", left, err)
			}
		})
	}
}

func TestConsents(t *testing.T) {
	s, _ := testStore(t)
	ctx := t.Context()
	given := Consent{Account: "111122223333", Domain: "d-abc", Region: "us-east-1"}
	for range 2 {
		if err := s.Trust(ctx, given); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Trusted(given) {
		t.Error("not trusted after consent")
	}
	for _, other := range []Consent{
		{Account: "111122223333", Region: "us-east-1"},
		{Account: "111122223333", Domain: "d-xyz", Region: "us-east-1"},
		{Account: "111122223333", Domain: "d-abc", Region: "eu-west-1"},
		{Account: "444455556666", Domain: "d-abc", Region: "us-east-1"},
		{},
	} {
		if s.Trusted(other) {
			t.Errorf("%+v is trusted", other)
		}
	}
	if all, err := s.Trusts(); err != nil || len(all) != 1 || all[0] != given {
		t.Errorf("Trusts = %v, %v", all, err)
	}
	if err := s.Distrust(ctx, given); err != nil || s.Trusted(given) {
		t.Errorf("still trusted, %v", err)
	}
	err := s.Trust(ctx, Consent{Region: "us-east-1"})
	golden(t, "problems/consent-too-wide", told(t, err))
}

func TestAHeldLockEndsWithTheContext(t *testing.T) {
	s, _ := testStore(t)
	remember(t, s, studio("111122223333", "d-abc", "one"))
	holder := flock.New(s.lockPath())
	if err := holder.Lock(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Unlock() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Remember(ctx, studio("111122223333", "d-abc", "two")); !errors.Is(err, context.Canceled) {
		t.Errorf("Remember = %v", err)
	}
	if _, err := s.Lookup(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lookup = %v", err)
	}
}

func FuzzStoredFiles(f *testing.F) {
	f.Add([]byte(`{"version":1,"spaces":[{"arn":"x","alias":"x.hatch"}]}`))
	f.Add([]byte(`{"version":1,"consents":[{"account":"1","region":"r"}]}`))
	f.Add([]byte(`{"version":1,"spaces":{"arn":{"folder":"/x","forward_agent":true}}}`))
	f.Add([]byte(`{"version":1,"session_id":"s","stream_url":"u","token":"t","expires":"2026-08-01T12:01:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if spaces, err := decodeSpaces(data); err == nil {
			for _, space := range spaces {
				if !validAlias(space.Alias) || space.ARN == "" {
					t.Errorf("let through: %+v", space)
				}
			}
		}
		if consents, err := decodeConsents(data); err == nil {
			for _, consent := range consents {
				if consent.Account == "" || consent.Region == "" {
					t.Errorf("let through: %+v", consent)
				}
			}
		}
		if choices, err := decodeChoices(data); err == nil {
			for _, c := range choices {
				if checkChoices(c) != nil {
					t.Errorf("let through: %+v", c)
				}
			}
		}
		if s, err := decodeSession(data); err == nil && (s.ID == "" || s.Token.Empty() || s.StreamURL.Empty() || s.Expires.IsZero()) {
			t.Errorf("let through: %+v", s)
		}
	})
}
