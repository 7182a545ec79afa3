//go:build linux

package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// releaseSite is a page of releases whose newest is 1.4.0.
type releaseSite struct {
	*httptest.Server
	asked atomic.Int32
}

// releasesAt makes the desk's programs look there.
func (d *desk) releasesAt(t *testing.T) *releaseSite {
	t.Helper()
	s := &releaseSite{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		http.Redirect(w, r, "/releases/tag/v1.4.0", http.StatusFound)
	}))
	t.Cleanup(s.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for _, each := range d.env {
		if known, ok := strings.CutPrefix(each, "SSL_CERT_FILE="); ok { // the studio's
			more, err := os.ReadFile(known)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, more...)
		}
	}
	if err := os.WriteFile(bundle, text, 0o644); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "SSL_CERT_FILE="+bundle, variableReleases+"="+s.URL+"/releases/latest")
	return s
}

func TestVersionCheck(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if got := d.run(t, "", "version", "--check"); got.code != exitFailed || !strings.Contains(got.errors, "development build") {
		t.Errorf("a development build: %v", got)
	}
	site := d.releasesAt(t)
	found, _ := d.doctorSays(t, exitOK)
	if f := found["release"]; !strings.Contains(f.Sentence, "No newer release") {
		t.Errorf("before: %+v", f)
	}
	if n := site.asked.Load(); n != 0 {
		t.Fatalf("the doctor asked %d times", n)
	}
	got := d.run(t, "", "version", "--check")
	if want := "Spacehatch 1.4.0 is out, see " + site.URL + "/releases/latest\n"; got.code != exitOK || !strings.HasSuffix(got.out, want) {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "version", "--check", "--json"); !strings.Contains(got.out, `"newer": "1.4.0"`) {
		t.Errorf("%v", got)
	}
	found, _ = d.doctorSays(t, exitOK)
	if f := found["release"]; f.Severity != "info" || !strings.Contains(f.Sentence, "1.4.0 is out") || !strings.Contains(f.Hint, site.URL) {
		t.Errorf("after: %+v", f)
	}
	site.Close()
	if got := d.run(t, "", "version", "--check"); got.code != exitFailed || !strings.Contains(got.errors, "could not be found out") {
		t.Errorf("nobody there: %v", got)
	}
}

// TestOpenAsksOnceADay: after the connection, in a process of its own.
func TestOpenAsksOnceADay(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	site := d.releasesAt(t)
	open := func() string {
		t.Helper()
		got := d.run(t, "", "open", s.link(t, "space=my-space"), "--yes", "--editor", "none")
		if got.code != exitOK {
			t.Fatal(got)
		}
		return got.out
	}
	if got := d.run(t, "", "settings", "set", "update_check", "off"); got.code != exitOK {
		t.Fatal(got)
	}
	open()
	if _, err := os.Stat(filepath.Join(d.state, "release.json")); err == nil || site.asked.Load() != 0 {
		t.Error("somebody was asked though the settings say no")
	}
	if got := d.run(t, "", "settings", "unset", "update_check"); got.code != exitOK {
		t.Fatal(got)
	}
	if said := open(); strings.Contains(said, "is out") {
		t.Errorf("it is known before anybody was asked: %s", said)
	}
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(d.state, "release.json"))
		return err == nil
	}, func() string { return "nobody was asked" })
	if said := open(); !strings.Contains(said, "\nSpacehatch 1.4.0 is out, see "+site.URL+"/releases/latest\n") {
		t.Errorf("it is not told: %s", said)
	}
	if n := site.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
