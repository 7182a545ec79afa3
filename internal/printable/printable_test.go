package printable

import (
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"my-space", 20, "my-space"},
		{"ünïcode 空間", 20, "ünïcode 空間"},
		{"a\nb\r\tc\x00", 20, "a?b??c?"},
		{"\x1b[31mred", 20, "?[31mred"},
		{"abc\u202edef\u2066g", 20, "abc?def?g"}, // direction marks
		{"zero\u200bwidth", 20, "zero?width"},
		{"bad \xff\xfe", 20, "bad ??"},
		{"abcdef", 3, "abc…"},
		{"abc", 3, "abc"},
		{"", 3, ""},
	} {
		if got := Text(c.in, c.limit); got != c.want {
			t.Errorf("Text(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
	if got := Quoted("a\nb"); got != `"a?b"` {
		t.Errorf("Quoted = %s", got)
	}
}

func TestASCII(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"ssm.example", 20, "ssm.example"},
		{"\u0430ws", 20, `\u0430ws`}, // a Cyrillic look-alike
		{"a\x1b[2Jb\u202ec", 20, `a\x1b[2Jb\u202ec`},
		{"\xff", 20, `\xff`},
		{"abcdef", 3, "abc..."},
	} {
		if got := ASCII(c.in, c.limit); got != c.want {
			t.Errorf("ASCII(%q, %d) = %s, want %s", c.in, c.limit, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b]0;title\a", 10)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		if limit < 0 || limit > 1<<16 {
			return
		}
		got := Text(in, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit+1 {
			t.Errorf("Text(%q, %d) = %q", in, limit, got)
		}
		if again := Text(got, limit+1); again != got {
			t.Errorf("a second pass turns %q into %q", got, again)
		}
	})
}
