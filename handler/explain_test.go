package handler

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
)

func TestExplainAllowed(t *testing.T) {
	got, err := json.Marshal(Explain(documented(t)[0].Link, Policy{}, func(s session.Space) string { return s.Name + ".hatch" }))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"sagemaker","alias":"my-space.hatch",` +
		`"space_arn":"arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space",` +
		`"account":"111122223333","region":"us-east-1","domain":"d-abcdefghijkl",` +
		`"stream_host":"ssmmessages.us-east-1.amazonaws.com","verdict":"allowed","reason":""}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestExplainHostile(t *testing.T) {
	for _, h := range hostileLinks(t) {
		e := Explain(h.Link, Policy{}, func(session.Space) string {
			t.Errorf("%s: asked for an alias", h.Name)
			return ""
		})
		if e.Verdict != VerdictRefused || !strings.Contains(e.Reason, h.Sentence) {
			t.Errorf("%s: %+v", h.Name, e)
		}
		all := e.Kind + e.Alias + e.SpaceARN + e.Account + e.Region + e.Domain + e.StreamHost + e.Reason
		if !only(all, "", byteRange{' ', '~'}) || strings.Contains(all, "SECRET") {
			t.Errorf("%s: not fit to be shown: %q", h.Name, all)
		}
	}
}

func TestExplainShowsWhereARefusedLinkLeads(t *testing.T) {
	for stream, host := range map[string]string{
		"wss://evil.com/v1/data-channel/s":               "evil.com",
		"wss://ssmmessages.us-east-1.amazonaws.com@evil": "evil",
		"wss://evil.com:22?x":                            "evil.com:22",
		`wss://evil.com\.amazonaws.com/`:                 "evil.com",
		"evil.com":                                       "",
	} {
		if got := linkTo("aws", "us-east-1", stream).StreamHost(); got != host {
			t.Errorf("%s: %q, want %q", stream, got, host)
		}
	}
}
