package api

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// Identity is somebody who may call. Everybody of the API's own account who
// proves an identity may do everything that a policy ([Server.SetPolicy]) or a
// [Fault] does not deny; other accounts may only ask who they are.
type Identity struct {
	AccessKeyID     string
	SecretAccessKey secret.String
	SessionToken    secret.String // empty for a user's long-lived key
	ARN             string        // as GetCallerIdentity gives it
	UserID          string        // as GetCallerIdentity gives it
	// Expires is when the session token stops working; zero means never.
	Expires time.Time
}

func (id Identity) account() string { return accountOf(id.ARN) }

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// AssumedRole makes credentials like those of a role's session, new at every
// call: a key that leaks opens nothing. They expire after life, never where it
// is 0.
func AssumedRole(account, role, session string, life time.Duration) Identity {
	raw := make([]byte, 30)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	id := Identity{
		AccessKeyID:     "ASIA" + base32.StdEncoding.EncodeToString(raw[:10]),
		SecretAccessKey: secret.New(base64.StdEncoding.EncodeToString(raw)),
		SessionToken:    secret.New(Awkward("IQoJ", 96)),
		ARN:             "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session,
		UserID:          "AROASIMULATED0000000:" + session,
	}
	if life > 0 {
		id.Expires = time.Now().Add(life)
	}
	return id
}

// Awkward returns prefix and the base 64 of n random bytes, made so that it
// holds both a plus and a slash: they are what careless readers of links break.
func Awkward(prefix string, n int) string {
	for {
		raw := make([]byte, n)
		_, _ = rand.Read(raw)
		if text := base64.StdEncoding.EncodeToString(raw); strings.Contains(text, "+") && strings.Contains(text, "/") {
			return prefix + text
		}
	}
}

// maxAdmitted bounds the identities that are remembered beside config's.
const maxAdmitted = 1000

// admit makes a role's session and lets it in.
func (s *Server) admit(account, role, session string, life time.Duration) Identity {
	id := AssumedRole(account, role, session, life)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.admitted) == maxAdmitted {
		s.admitted = s.admitted[1:]
	}
	s.admitted = append(s.admitted, id)
	return id
}

func (s *Server) identity(key string) (Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ids := range [][]Identity{s.config.Identities, s.admitted} {
		if i := slices.IndexFunc(ids, func(id Identity) bool { return id.AccessKeyID == key }); i >= 0 {
			return ids[i], true
		}
	}
	return Identity{}, false
}
