package releases

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// site answers as a page of releases does.
func site(t *testing.T, answer http.HandlerFunc) (*http.Client, string) {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, server.URL + "/spacehatch/releases/latest"
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestANewerRelease(t *testing.T) {
	var asked []string
	client, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.UserAgent())
		redirect("/spacehatch/releases/tag/v1.4.0")(w, r)
	})
	w := Watch{Address: address, Current: "v1.3.2", State: filepath.Join(t.TempDir(), "not", "there")}
	if w.Newer() != "" || !w.Due(noon) || !w.Able() {
		t.Error("something is known before anybody was asked")
	}
	if _, err := os.Stat(w.State); err == nil {
		t.Error("looking made a folder")
	}
	if err := w.Ask(t.Context(), client, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.Newer(); got != "1.4.0" {
		t.Errorf("newer is %q", got)
	}
	if got := strings.Join(asked, "; "); got != "HEAD /spacehatch/releases/latest spacehatch" {
		t.Errorf("asked %q", got)
	}
	for after, due := range map[time.Duration]bool{0: false, 23 * time.Hour: false, day: true, -time.Minute: true} {
		if w.Due(noon.Add(after)) != due {
			t.Errorf("after %s: due is %v", after, !due)
		}
	}
	w.Current = "v1.4.0"
	if got := w.Newer(); got != "" {
		t.Errorf("the newest one runs, newer is %q", got)
	}
	if info, err := os.Stat(w.file()); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

func TestNobodyToAsk(t *testing.T) {
	client, address := site(t, func(http.ResponseWriter, *http.Request) { t.Error("somebody was asked") })
	for name, w := range map[string]Watch{
		"no address":  {Current: "1.0.0"},
		"a hash":      {Address: address, Current: "9e3ff56"},
		"development": {Address: address, Current: "dev"},
	} {
		w.State = t.TempDir()
		if w.Able() || w.Due(noon) || w.Newer() != "" {
			t.Errorf("%s: able", name)
		}
		if err := w.Ask(t.Context(), client, noon); !errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := Watch{Address: strings.Replace(address, "https", "http", 1), Current: "1.0.0", State: t.TempDir()}
	if err := w.Ask(t.Context(), client, noon); !errors.Is(err, &problem.Problem{Code: problem.Unreachable}) {
		t.Errorf("without encryption: %v", err)
	}
}

// TestBadAnswers: none is shown, and none makes it ask again today.
func TestBadAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no redirect":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"an error":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"no version":        redirect("/releases"),
		"a control":         redirect("/releases/tag/v9.0.0%1b%5b2J"),
		"words":             redirect("/releases/tag/v9.0.0-" + strings.Repeat("x", 100)),
		"a number too many": redirect("/releases/tag/v9.0.0.1"),
		"too large a one":   redirect("/releases/tag/v999999.0.0"),
		"a broken one":      redirect("https://[::1:x/v9.0.0"),
		"gone away": func(w http.ResponseWriter, _ *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		client, address := site(t, answer)
		w := Watch{Address: address, Current: "1.0.0", State: t.TempDir()}
		if err := w.remember(answerOf("v1.1.0")); err != nil {
			t.Fatal(err)
		}
		err := w.Ask(t.Context(), client, noon)
		if p := problem.From(err); p == nil || p.Code != problem.Unreachable || p.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if w.Due(noon.Add(time.Hour)) || w.Newer() != "1.1.0" {
			t.Errorf("%s: due %v, newer %q", name, w.Due(noon.Add(time.Hour)), w.Newer())
		}
	}
}

func answerOf(version string) answer { return answer{Asked: noon.Add(-2 * day), Newest: version} }

func TestCertificatesCount(t *testing.T) {
	_, address := site(t, redirect("/v2.0.0"))
	w := Watch{Address: address, Current: "1.0.0", State: t.TempDir()}
	if err := w.Ask(t.Context(), &http.Client{}, noon); err == nil || w.Newer() != "" {
		t.Errorf("a stranger was believed: %v, %q", err, w.Newer())
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	client, address := site(t, redirect("/v2.0.0"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := Watch{Address: address, Current: "1.0.0", State: t.TempDir()}
	if err := w.Ask(ctx, client, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsRememberedMayBeAnything(t *testing.T) {
	for _, text := range []string{"", "{", `{"newest":"v9.9.9\u001b[2J"}`, `{"newest":9}`, `{"asked":"x"}`, "[]", strings.Repeat(" ", 2*maxFile) + `{"newest":"v9.9.9"}`} {
		w := Watch{Address: "https://x", Current: "1.0.0", State: t.TempDir()}
		if err := os.WriteFile(w.file(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := w.Newer(); got != "" || !w.Due(noon) {
			t.Errorf("%.40q: newer %q", text, got)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		newest, current string
		newer           bool
	}{
		{"v1.0.1", "v1.0.0", true}, {"1.1.0", "1.0.9", true}, {"2.0.0", "1.99.99", true}, {"1.10.0", "1.9.0", true},
		{"1.0.0", "1.0.0", false}, {"0.9.9", "1.0.0", false},
		{"1.0.0", "1.0.0-rc.1", true}, {"1.0.0-rc.2", "1.0.0-rc.1", false}, {"1.0.0-rc.1", "1.0.0", false}, {"1.1.0-rc.1", "1.0.0", true},
		{"1.0.0", "v1.0.0-4-gabcdef1", false}, {"1.0.1", "v1.0.0-4-gabcdef1-dirty", true}, {"1.0.0", "v1.0.0-dirty", false},
	} {
		newest, ok := parse(c.newest)
		current, ok2 := parse(c.current)
		if !ok || !ok2 || newest.newer(current) != c.newer {
			t.Errorf("%s after %s: %v", c.newest, c.current, !c.newer)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"v1.2.3", "1.2.3-rc.1", "1.2.3-4-gabc-dirty", "..", "v1.2.3\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := parse(s); ok && (len(s) > maxVersion || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Errorf("%q is a version", s)
		}
	})
}
