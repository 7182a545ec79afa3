package handler

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "write the golden files")

type pair struct{ name, value string }

// sample is a link taken apart: its values plain, and the stream URL apart
// from the parameters that may fall out of it.
type sample struct {
	name      string
	kind      session.Kind
	values    []pair
	streamKey string
	stream    string // up to the role
	streamed  []pair // in the order in which they are put back
}

const (
	testToken     = "AAEA+SECRET/tok=="
	testSignature = "5EC2E7"
)

func samples() []sample {
	presigned := []pair{
		{"cell-number", "AAEAATf2ktZ+bscw/gmakD"},
		{"X-Amz-Security-Token", "IQoJ+SECRET/="},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		{"X-Amz-Date", "20260801T120000Z"},
		{"X-Amz-SignedHeaders", "host"},
		{"X-Amz-Credential", "ASIAX/20260801/us-east-1/ssmmessages/aws4_request"},
		{"X-Amz-Expires", "60"},
		{"X-Amz-Signature", testSignature},
	}
	return []sample{
		{
			name: "sagemaker, presigned", kind: session.SageMaker, streamKey: "ws_url", streamed: presigned,
			stream: "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc?role=publish_subscribe",
			values: []pair{
				{"connection_identifier", "arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space"},
				{"domain", "d-abcdefghijkl"}, {"user_profile", "alice"}, {"session", "SageMaker-remote-0abc"},
				{"token", testToken}, {"app_type", "JupyterLab"},
			},
		},
		{
			name: "sagemaker, least", kind: session.SageMaker, streamKey: "ws_url", streamed: presigned[:1],
			stream: "wss://ssmmessages-fips.us-gov-west-1.amazonaws.com/v1/data-channel/s?role=publish_subscribe",
			values: []pair{
				{"connection_identifier", "arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:space/d-a/X"},
				{"domain", "d-a"}, {"user_profile", "u"}, {"session", "s"}, {"token", testToken},
			},
		},
		{
			name: "smus, everything", kind: session.UnifiedStudio, streamKey: "ws_url", streamed: presigned,
			stream: "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/SageMaker-remote-9?role=publish_subscribe",
			values: []pair{
				{"connection_identifier", "arn:aws:sagemaker:eu-west-1:111122223333:space/d-abc/MySpace"},
				{"domain", "d-abc"}, {"user_profile", "u-1"}, {"session", "SageMaker-remote-9"},
				{"token", testToken}, {"app_type", "CodeEditor"},
				{"smus_domain_id", "dzd_1"}, {"smus_domain_account_id", "444455556666"}, {"smus_project_id", "p1"},
				{"smus_domain_region", "eu-west-2"}, {"smus_auth_mode", "sso"}, {"smus_domain_mode", "EXPRESS"},
				{"reconnect_base_url", "https://studio-d-abc.studio.eu-west-1.sagemaker.aws/projects?x=%2F"},
			},
		},
		{
			name: "smus, no session", kind: session.UnifiedStudio, streamKey: "ws_url", streamed: presigned[:1],
			stream: "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/SageMaker-remote-9?role=publish_subscribe",
			values: []pair{
				{"connection_identifier", "arn:aws:sagemaker:eu-west-1:111122223333:space/d-abc/MySpace"},
				{"domain", "d-abc"}, {"user_profile", "u-1"}, {"token", testToken},
			},
		},
		{
			name: "workspace, everything", kind: session.HyperPod, streamKey: "streamUrl", streamed: presigned[:1],
			stream: "wss://ssmmessages.us-east-2.amazonaws.com/v1/data-channel/s-0a?role=publish_subscribe",
			values: []pair{
				{"sessionId", "s-0a"}, {"sessionToken", testToken}, {"workspaceName", "ws1"}, {"namespace", "team-a"},
				{"eksClusterArn", "arn:aws:eks:us-east-2:111122223333:cluster/c1"},
				{"refreshUrl", "https://x.studio.us-east-2.sagemaker.aws/refresh"},
			},
		},
		{
			name: "workspace, least", kind: session.HyperPod, streamKey: "streamUrl", streamed: presigned[:1],
			stream: "wss://ssmmessages.cn-north-1.amazonaws.com.cn/v1/data-channel/s-0a?role=publish_subscribe",
			values: []pair{{"sessionId", "s-0a"}, {"sessionToken", testToken}},
		},
	}
}

func plain(s string) string { return s }

func times(n int) func(string) string {
	return func(s string) string {
		for range n {
			s = escapeValue(s)
		}
		return s
	}
}

// query writes the link's query: every value through value, the stream's own
// parameters through inner, inside the stream URL or beside it or both.
func (s sample) query(value, inner func(string) string, inside, beside bool) string {
	stream := s.stream
	if inside {
		for _, p := range s.streamed {
			stream += "&" + p.name + "=" + inner(p.value)
		}
	}
	pieces := make([]string, 0, len(s.values)+len(s.streamed)+1)
	for i, p := range s.values {
		if i == 2 {
			pieces = append(pieces, s.streamKey+"="+value(stream))
			if beside {
				for _, q := range s.streamed {
					pieces = append(pieces, q.name+"="+value(q.value))
				}
			}
		}
		pieces = append(pieces, p.name+"="+value(p.value))
	}
	if len(s.values) == 2 {
		pieces = append(pieces, s.streamKey+"="+value(stream), s.streamed[0].name+"="+value(s.streamed[0].value))
	}
	return strings.Join(pieces, "&")
}

// writings gives every form of the query in which a link may arrive.
func (s sample) writings() map[string]string {
	once := times(1)
	w := map[string]string{
		"raw":                           s.query(plain, plain, true, false),
		"raw, inner encoded":            s.query(plain, once, true, false),
		"raw, beside":                   s.query(plain, once, false, true),
		"raw, inside and beside":        s.query(plain, once, true, true),
		"once":                          s.query(once, once, true, false),
		"once, inner plain":             s.query(once, plain, true, false),
		"once, inner twice":             s.query(once, times(2), true, false),
		"once, beside":                  s.query(once, once, false, true),
		"once, inside and beside":       s.query(once, once, true, true),
		"twice":                         s.query(times(2), once, true, false),
		"twice, beside":                 s.query(times(2), once, false, true),
		"twice, inside and beside":      s.query(times(2), once, true, true),
		"encoded but for : and /":       s.query(func(v string) string { return strings.NewReplacer("%3A", ":", "%2F", "/").Replace(once(v)) }, once, true, false),
		"once but for +":                s.query(func(v string) string { return strings.ReplaceAll(once(v), "%2B", "+") }, plain, true, true),
		"once, escapes in small digits": strings.NewReplacer("%2F", "%2f", "%3D", "%3d", "%3A", "%3a", "%2B", "%2b").Replace(s.query(once, once, true, false)),
	}
	for _, form := range []string{"raw", "raw, beside", "once", "once, beside", "twice"} {
		q := w[form]
		w[form+", &amp;"] = strings.ReplaceAll(q, "&", "&amp;")
		w[form+", &amp;amp;"] = strings.ReplaceAll(q, "&", "&amp;amp;")
		w[form+", & encoded"] = strings.ReplaceAll(q, "&", "%26")
		w[form+", = encoded"] = strings.ReplaceAll(q, "=", "%3D")
		w[form+", = encoded small"] = strings.ReplaceAll(q, "=", "%3d")
		w[form+", & and = encoded"] = strings.NewReplacer("&", "%26", "=", "%3D").Replace(q)
		w[form+", & and = encoded twice"] = strings.NewReplacer("&", "%2526", "=", "%253D").Replace(q)
		w[form+", all encoded again"] = escapeValue(q)
		pieces := strings.Split(q, "&")
		slices.Reverse(pieces)
		w[form+", reversed"] = strings.Join(pieces, "&")
		slices.Sort(pieces)
		w[form+", sorted"] = strings.Join(pieces, "&")
		w[form+", with others"] = "utm=%zz&" + q + "&&x&y=%00&utm=1&="
	}
	return w
}

// addresses are what may stand before the query.
func addresses(kind session.Kind) map[string][]string {
	path := "/connect/" + string(kind)
	a := map[string][]string{ownScheme: {
		"spacehatch:/" + path, "spacehatch:" + path, "spacehatch://" + path, "SpaceHatch:/" + path,
		"spacehatch://" + LinkAuthority + path,
	}}
	for _, s := range []string{"vscode", "vscode-insiders", "vscodium", "cursor", "windsurf", "kiro", "positron"} {
		a[s] = []string{s + "://" + LinkAuthority + path, strings.ToUpper(s) + "://" + LinkAuthority + path}
	}
	return a
}

func TestParseGivesOneLinkForEveryWriting(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			want, err := Parse("vscode://" + LinkAuthority + "/connect/" + string(s.kind) + "?" + s.query(times(1), times(1), true, false))
			if err != nil {
				t.Fatal(err)
			}
			for form, query := range s.writings() {
				for scheme, starts := range addresses(s.kind) {
					want.Scheme, want.Space.Scheme = scheme, scheme
					for _, start := range starts {
						got, err := Parse(start + "?" + query)
						if err != nil {
							t.Fatalf("%s: %v\n%s?%s", form, err, start, query)
						}
						if !reflect.DeepEqual(got, want) {
							t.Fatalf("%s:\n got %s\nwant %s\n%s?%s", form, show(got), show(want), start, query)
						}
					}
				}
			}
		})
	}
}

// show writes a link with its secrets, very long values cut.
func show(l Link) string {
	var b strings.Builder
	line := func(name, value string) {
		value = value[:min(len(value), 1000)]
		if value != "" {
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
	}
	s := l.Space
	line("scheme", l.Scheme)
	line("kind", string(s.Kind))
	line("arn", s.ARN)
	line("partition", s.Partition)
	line("region", s.Region)
	line("account", s.Account)
	line("domain", s.Domain)
	line("name", s.Name)
	line("user", s.UserProfile)
	line("app", s.AppType)
	line("refresh", s.RefreshURL)
	line("session", l.Session.ID)
	line("stream", l.Session.StreamURL.Reveal())
	line("token", l.Session.Token.Reveal())
	if !l.Session.Expires.IsZero() {
		line("expires", l.Session.Expires.Format("2006-01-02T15:04:05Z07:00"))
	}
	u := l.UnifiedStudio
	line("smus", strings.Join(strings.Fields(strings.Join([]string{u.DomainID, u.DomainAccount, u.DomainRegion, u.DomainMode, u.ProjectID, u.AuthMode}, " ")), " "))
	line("namespace", l.HyperPod.Namespace)
	line("cluster", l.HyperPod.ClusterARN)
	return b.String()
}

type fixture struct{ Name, Link string }

func documented(tb testing.TB) []fixture {
	tb.Helper()
	var links []fixture
	readJSON(tb, "samples.json", &links)
	return links
}

func readJSON(tb testing.TB, name string, to any) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func TestParseGolden(t *testing.T) {
	var b strings.Builder
	add := func(name, raw string) {
		l, err := Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := (Policy{}).Check(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		fmt.Fprintf(&b, "# %s\n%s\n", name, show(l))
	}
	for _, f := range documented(t) {
		add("documented "+f.Name, f.Link)
	}
	for _, s := range samples() {
		add(s.name, "spacehatch://connect/"+string(s.kind)+"?"+s.query(plain, plain, true, false))
	}
	path := filepath.Join("testdata", "links.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("links are read differently than in %s (-update writes it):\n%s", path, b.String())
	}
}

func TestStreamURLThatIsCompleteStaysUntouched(t *testing.T) {
	// Another order than ours, and a parameter that we do not know.
	stream := "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/s?X-Amz-Date=20260801T120000Z&cell-number=AA%2Bx%2F&new=%2B&role=publish_subscribe&X-Amz-Expires=60"
	s := samples()[1]
	s.stream, s.streamed = stream, nil
	l, err := Parse("spacehatch://connect/sagemaker?" + s.query(times(1), plain, false, false))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Session.StreamURL.Reveal(); got != stream {
		t.Errorf("got  %s\nwant %s", got, stream)
	}
}

func TestStreamURLWithoutQueryGetsOne(t *testing.T) {
	s := samples()[1]
	s.stream, _, _ = strings.Cut(s.stream, "?")
	l, err := Parse("spacehatch://connect/sagemaker?" + s.query(times(1), plain, false, true) + "&role=publish_subscribe")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.Session.StreamURL.Reveal(), s.stream+"?role=publish_subscribe&cell-number=AAEAATf2ktZ%2Bbscw%2FgmakD"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestForeignTextIsTold(t *testing.T) {
	for raw, foreign := range map[string]bool{
		"vscode://other.extension/connect/sagemaker?x=1": true,
		"vscode://" + LinkAuthority + "/signin":          true,
		"https://example.com/":                           true,
		"":                                               true,
		"vscode://" + LinkAuthority + "/connect/sagemaker?x=1":     false,
		"spacehatch:/connect/smus?token=":                          false,
		"vscode://" + LinkAuthority + "/connect/workspace#nothing": false,
	} {
		_, err := Parse(raw)
		if got := errors.Is(err, ErrForeign); got != foreign {
			t.Errorf("%q: foreign is %v, want %v (%v)", raw, got, foreign, err)
		}
	}
}

func TestLinkShowsNoSecret(t *testing.T) {
	s := samples()[0]
	l, err := Parse("spacehatch://connect/sagemaker?" + s.query(times(1), times(1), true, false))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.String(), "sagemaker arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space session SageMaker-remote-0abc from spacehatch"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", l)
		fmt.Fprintf(&out, verb+"\n", &l)
		fmt.Fprintf(&out, verb+"\n", []any{struct{ L Link }{l}})
	}
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "link", l, "in", struct{ L Link }{l})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "link", l, "in", struct{ L Link }{l})
	for _, secret := range []string{"SECRET", testSignature, "534543524554", fmt.Sprintf("%x", testSignature)} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s is shown in:\n%s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "d-abcdefghijkl/my-space") {
		t.Errorf("the space is not shown in:\n%s", out.String())
	}
}

// unparse writes a link back, each value encoded once.
func unparse(l Link) string {
	s := l.Space
	pairs := []pair{
		{"connection_identifier", s.ARN}, {"domain", s.Domain}, {"user_profile", s.UserProfile},
		{"session", l.Session.ID}, {"ws_url", l.Session.StreamURL.Reveal()}, {"token", l.Session.Token.Reveal()},
		{"app_type", s.AppType}, {"reconnect_base_url", s.RefreshURL},
		{"smus_domain_id", l.UnifiedStudio.DomainID}, {"smus_domain_account_id", l.UnifiedStudio.DomainAccount},
		{"smus_domain_region", l.UnifiedStudio.DomainRegion}, {"smus_domain_mode", l.UnifiedStudio.DomainMode},
		{"smus_project_id", l.UnifiedStudio.ProjectID}, {"smus_auth_mode", l.UnifiedStudio.AuthMode},
	}
	if s.Kind == session.HyperPod {
		pairs = []pair{
			{"sessionId", l.Session.ID}, {"streamUrl", l.Session.StreamURL.Reveal()}, {"sessionToken", l.Session.Token.Reveal()},
			{"workspaceName", s.Name}, {"namespace", l.HyperPod.Namespace},
			{"eksClusterArn", l.HyperPod.ClusterARN}, {"refreshUrl", s.RefreshURL},
		}
	}
	var pieces []string
	for _, p := range pairs {
		pieces = append(pieces, p.name+"="+escapeValue(p.value))
	}
	return l.Scheme + "://" + LinkAuthority + "/connect/" + string(s.Kind) + "?" + strings.Join(pieces, "&")
}

func FuzzParse(f *testing.F) {
	for _, h := range hostileLinks(f) {
		if len(h.Link) < 4096 {
			f.Add(h.Link)
		}
	}
	for _, d := range documented(f) {
		f.Add(d.Link)
	}
	for _, s := range samples() {
		w := s.writings()
		for _, form := range []string{"raw", "once", "twice", "raw, &amp;", "raw, all encoded again"} {
			f.Add("spacehatch://connect/" + string(s.kind) + "?" + w[form])
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		l, err := Parse(raw)
		if err != nil {
			if l != (Link{}) {
				t.Fatalf("an error and half a link: %s", show(l))
			}
			checkSentence(t, err, problem.LinkMalformed)
			return
		}
		fields := reflect.ValueOf(l.Space)
		for i := range fields.NumField() {
			if v := fields.Field(i); v.Kind() == reflect.String && !plainText(v.String()) {
				t.Fatalf("%s holds %q", fields.Type().Field(i).Name, v.String())
			}
		}
		if len(unparse(l)) <= maxLink {
			again, err := Parse(unparse(l))
			if err != nil || !reflect.DeepEqual(again, l) {
				t.Fatalf("read again it is another link: %v\n%s\n%s", err, show(l), show(again))
			}
		}
		if err := (Policy{}).Check(l); err != nil {
			checkSentence(t, err, problem.LinkRefused)
			return
		}
		u, err := url.Parse(l.Session.StreamURL.Reveal())
		if err != nil || u.Scheme != "wss" || u.User != nil || u.EscapedPath() != dataChannel+l.Session.ID {
			t.Fatalf("allowed: %q %v", l.Session.StreamURL.Reveal(), err)
		}
		if !slices.ContainsFunc(partitions(), func(p partition) bool { return strings.HasSuffix(u.Hostname(), "."+p.suffix) }) {
			t.Fatalf("allowed: host %q", u.Hostname())
		}
	})
}

// checkSentence holds an error against what every problem promises.
func checkSentence(t *testing.T, err error, code problem.Code) {
	t.Helper()
	p := problem.From(err)
	if p.Code != code {
		t.Errorf("code %s, want %s (%v)", p.Code, code, err)
	}
	for _, text := range []string{p.Sentence, p.Hint} {
		if !strings.HasSuffix(text, ".") || len(text) > 400 || !only(text, "", byteRange{' ', '~'}) {
			t.Errorf("not a printable sentence: %q", text)
		}
	}
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("shows the token: %q", err)
	}
}
