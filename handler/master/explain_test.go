package master

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func TestMeaning(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n": "kex_exchange_identification: Connection closed by remote host; Connection closed by UNKNOWN port 65535",
		"one\ntwo\n\nWarning: Permanently added 'x' (ED25519) to the list of known hosts.\nthree\n":                    "two; three",
		"@@@@@@@@\n@   @\n": "",
		"a\x1b]0;title\x07": "a?]0;title?",
	} {
		if got := meaning(in); got != want {
			t.Errorf("meaning(%q) = %q, want %q", in, got, want)
		}
	}
	p := problem.From(explain("a.hatch", "Permission denied (publickey).\n", errors.New("exit status 255")))
	if p.Sentence != "OpenSSH could not connect to a.hatch: Permission denied (publickey)." {
		t.Errorf("sentence %q", p.Sentence)
	}
	if p := problem.From(explain("a.hatch", "", errors.New("x"))); !strings.HasSuffix(p.Sentence, "gave no reason.") {
		t.Errorf("sentence %q", p.Sentence)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("x\ny\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		p := problem.From(explain("a.hatch", text, errors.New("x")))
		if strings.ContainsFunc(p.Sentence, func(r rune) bool { return !unicode.IsPrint(r) }) || len(p.Sentence) > 2000 {
			t.Errorf("sentence %q", p.Sentence)
		}
	})
}
