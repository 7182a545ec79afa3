package handler

import (
	"strings"
	"testing"
	"time"
)

// withValue is a good link with one value replaced.
func withValue(name, value string) string {
	s := samples()[1]
	for i, p := range s.values {
		if p.name == name {
			s.values[i].value = value
		}
		if p.name == "session" && name == "session" {
			s.stream = strings.Replace(s.stream, "/data-channel/s?", "/data-channel/"+value+"?", 1)
		}
	}
	return "spacehatch://connect/sagemaker?" + s.query(times(1), times(1), true, false)
}

// The hostile links show that one more is refused.
func TestBoundsAreWithin(t *testing.T) {
	for name, raw := range map[string]string{
		"a token of 16 KiB":                       withValue("token", strings.Repeat("t", maxParameter)),
		"a token of 16 KiB of escapes":            withValue("token", strings.Repeat("=", maxParameter)),
		"a session id of 256 bytes":               withValue("session", strings.Repeat("s", maxSessionID)),
		"a link of 64 KiB":                        fill(withValue("token", "t"), maxLink),
		"a session id as IAM users would have it": withValue("session", "alice+x=y,z@example.com-0a_b"),
		"an e-mail address as user profile":       withValue("user_profile", "alice@example.com"),
	} {
		l, err := Parse(raw)
		if err == nil {
			err = Policy{}.Check(l)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(fill(withValue("token", "t"), maxLink+1)); err == nil {
		t.Error("a link of 64 KiB and a byte was read")
	}
}

// fill adds parameters that nobody knows until the link has n bytes.
func fill(raw string, n int) string {
	for len(raw) < n {
		piece := "&x=" + strings.Repeat("x", 10000)
		raw += piece[:min(len(piece), n-len(raw))]
	}
	return raw
}

func TestExpires(t *testing.T) {
	for _, c := range []struct {
		params string
		want   time.Time
	}{
		{"", time.Time{}},
		{"&X-Amz-Date=20260801T120000Z", time.Time{}},
		{"&X-Amz-Expires=60", time.Time{}},
		{"&X-Amz-Expires=60&X-Amz-Date=20260801T235930Z", time.Date(2026, 8, 2, 0, 0, 30, 0, time.UTC)},
		{"&X-Amz-Expires=604800&X-Amz-Date=20260801T000000Z", time.Date(2026, 8, 8, 0, 0, 0, 0, time.UTC)},
	} {
		l, err := Parse(withValue("token", "t") + c.params)
		if err != nil || !l.Session.Expires.Equal(c.want) {
			t.Errorf("%q: %v %v, want %v", c.params, l.Session.Expires, err, c.want)
		}
	}
}
