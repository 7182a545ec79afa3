package simulator

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds got against testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

const amzQuery = "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAX%2F20260801%2Fus-east-1%2Fssmmessages%2Faws4_request" +
	"&X-Amz-Date=20260801T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=IQoJ%2B%3D&X-Amz-Signature=ab12"

// TestLinks writes every form of every kind, line by line, into one file that
// a person can read.
func TestLinks(t *testing.T) {
	all := places(spaces())
	var out strings.Builder
	for _, name := range []string{"my-space", "MyProject", "ws1"} {
		p, ok := find(all, name, "", "")
		if !ok {
			t.Fatal("no place ", name)
		}
		stream := "wss://127.0.0.1:8443/v1/data-channel/SageMaker-remote-9?role=publish_subscribe&cell-number=AAEAATf2ktZ%2Bbscw%2FgmakD%3D"
		o := opened{id: "SageMaker-remote-9", stream: stream, token: "AAEAAb+/tok=="}
		refresh := ""
		if p.kind != kindSageMaker {
			refresh = "http://127.0.0.1:8080/reconnect/" + p.kind + "/" + p.name
		}
		for _, encoding := range []string{"", encodedRaw, encodedOnce, encodedTwice} {
			for _, signed := range []string{"", amzQuery} {
				if signed != "" && p.kind == kindHyperPod {
					continue
				}
				o.stream = stream + signed
				text, err := link(p, o, refresh, linkForm{scheme: "vscode", encoding: encoding})
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString("# " + name + ", encoding " + encoding + "\n" + text + "\n\n")
			}
		}
	}
	golden(t, "links.txt", out.String())
}

// TestRawLinkReassembles follows the way that a reader goes: a raw ampersand
// ends the stream URL, and what broke out of it is put back, encoded once.
func TestRawLinkReassembles(t *testing.T) {
	p, _ := find(places(spaces()), "my-space", "", "")
	stream := "wss://127.0.0.1:8443/v1/data-channel/x?role=publish_subscribe&cell-number=a%2Bb%2Fc%3D" + amzQuery
	text, err := link(p, opened{"x", stream, "t"}, "", linkForm{scheme: "vscode", encoding: encodedRaw})
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "?")
	got := url.Values{}
	for piece := range strings.SplitSeq(rest, "&") {
		name, value, _ := strings.Cut(piece, "=")
		got[name] = []string{value}
	}
	u, err := url.Parse(got.Get("ws_url"))
	if err != nil {
		t.Fatal(err)
	}
	again := u.Query()
	for _, name := range append(amzParameters(), "cell-number") {
		again.Set(name, got.Get(name))
	}
	whole, err := url.Parse(stream)
	if err != nil {
		t.Fatal(err)
	}
	if again.Encode() != whole.Query().Encode() {
		t.Errorf("reassembled %s\nwant        %s", again.Encode(), whole.Query().Encode())
	}
}

func TestLinkForm(t *testing.T) {
	for form, good := range map[linkForm]bool{
		{"vscode", ""}:                  true,
		{"vscode-insiders", encodedRaw}: true,
		{"spacehatch", encodedTwice}:    true,
		{"", ""}:                        false,
		{"vscode:", ""}:                 false,
		{"JavaScript", ""}:              false,
		{"vscode", "thrice"}:            false,
	} {
		if err := form.check(); (err == nil) != good {
			t.Errorf("%+v: %v", form, err)
		}
	}
}

func TestFindPlaces(t *testing.T) {
	all := places(spaces())
	for _, tc := range []struct{ name, domain, kind, arn string }{
		{"my-space", "", "", "arn:aws:sagemaker:us-east-1:111122223333:space/" + studioDomain + "/my-space"},
		{"MySpace2", studioDomain, kindSageMaker, "arn:aws:sagemaker:us-east-1:111122223333:space/" + studioDomain + "/MySpace2"},
		{"myspace2", "", "", ""},
		{"my-space", unifiedDomain, "", ""},
		{"", "", kindUnified, "arn:aws:sagemaker:us-east-1:111122223333:space/" + unifiedDomain + "/MyProject"},
		{"ws1", "", "", hyperPodCluster + "/default/ws1"},
		{"", "", "", ""},
	} {
		if p, ok := find(all, tc.name, tc.domain, tc.kind); p.arn != tc.arn || ok != (tc.arn != "") {
			t.Errorf("%+v: %+v", tc, p)
		}
	}
}
