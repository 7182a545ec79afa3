//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

// chromium shows an address until the end of the test, with nothing of anybody's
// else. Names that end in .test lead to this computer, as a hostile name server
// would have it.
func chromium(t *testing.T, address string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: it is in Debian's package chromium", err)
	}
	var said buffer
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server",
		"--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP *.test 127.0.0.1", address)
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the browser said: %s", &said)
		}
	})
}

// attacks tries all that a page can do to a port of this computer, and tells
// what came of it. Some hold the right request id, which no page knows, where
// something else is wrong.
const attacks = `<!doctype html><meta charset="utf-8"><title>hostile</title><body><script>
"use strict";
const port = "PORT", id = "REQUEST", arn = "ARN";
const stream = "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/evil?role=publish_subscribe&cell-number=A";
const query = (more) => new URLSearchParams(
  { connection_identifier: arn, request_id: "0".repeat(32), ws_url: stream, token: "evil", session: "evil", ...more });
const at = (more, host = "localhost", path = "/refresh_token") => "http://" + host + ":" + port + path + "?" + query(more);
const read = async (address, init) => { const a = await fetch(address, init); return a.type === "opaque" ? "sent" : "READ " + a.status; };
const element = (name, address) => new Promise((done) => {
  const e = document.createElement(name);
  e.onload = () => { let text; try { text = e.contentDocument?.body?.textContent; } catch {} done(text ? "READ " + text : "loaded"); };
  e.onerror = () => done("blocked");
  e.src = address;
  document.body.append(e);
});
const posted = () => new Promise((done) => {
  const frame = document.createElement("iframe"), form = document.createElement("form");
  frame.name = "posted"; form.target = "posted"; form.method = "post"; form.action = at({});
  document.body.append(frame, form);
  frame.onload = () => done("sent");
  form.submit();
});
const socket = () => new Promise((done) => {
  const s = new WebSocket(at({}).replace("http:", "ws:"));
  s.onopen = () => done("READ"); s.onerror = () => done("blocked");
});
const events = () => new Promise((done) => {
  const s = new EventSource(at({}));
  s.onmessage = () => done("READ"); s.onerror = () => { s.close(); done("blocked"); };
});
const attempts = {
  "a guess": () => read(at({}), { mode: "no-cors" }),
  "a guess that reads": () => read(at({})),
  "a guess with cookies": () => read(at({}), { credentials: "include" }),
  "headers of ours": () => read(at({}), { headers: { "X-Reconnect": "1" } }),
  "another method": () => read(at({}), { method: "POST", mode: "no-cors", body: query({}) }),
  "a forbidden method": () => read(at({}), { method: "PUT" }),
  "a hundred guesses": async () => {
    for (let i = 0; i < 100; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => read(at({ request_id: String(i + n).padStart(32, "0") }), { mode: "no-cors" })));
    }
    return "sent";
  },
  "the id for another space": () => read(at({ request_id: id, connection_identifier: arn + "2" }), { mode: "no-cors" }),
  "the id twice": () => read(at({ request_id: id }) + "&request_id=" + id, { mode: "no-cors" }),
  "the id by another path": () => read(at({ request_id: id }, "localhost", "/refresh_token/"), { mode: "no-cors" }),
  "the id to a rebound name": () => read(at({ request_id: id }, "rebound.test"), { mode: "no-cors" }),
  "the id to the bare address": () => read(at({ request_id: id }, "127.0.0.1"), { mode: "no-cors" }),
  "the id by another method": () => read(at({ request_id: id }), { method: "POST", mode: "no-cors" }),
  "a script": () => element("script", at({})),
  "a picture": () => element("img", at({})),
  "a frame": () => element("iframe", at({})),
  "a frame of another name": () => element("iframe", at({ request_id: id }, "rebound.test")),
  "a form": posted, "a web socket": socket, "events": events,
  "a beacon": () => navigator.sendBeacon(at({}), query({})) ? "sent" : "blocked",
};
(async () => {
  const said = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try { said[name] = await attempt(); } catch (e) { said[name] = "blocked"; }
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(said) });
})();
</script>`

// A page that is open while somebody waits for Studio reads nothing and changes
// nothing, in a real browser; and Studio's page does its half there.
func TestAHostilePageInTheBrowser(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.at(s)
	d.hasBrowser(t, false)
	d.knows(t)
	before := s.Gateway().Counters()
	proxy := d.start(t, "proxy", alias)
	tab := d.awaitTabs(t, 1)
	u, err := url.Parse(tab)
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(u.Query().Get("reconnect_callback_url"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("PORT", back.Port(), "REQUEST", u.Query().Get("reconnect_request_id"), "ARN", arn).Replace(attacks)
	reports := make(chan []byte, 1)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/report" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
			return
		}
		text, _ := io.ReadAll(r.Body)
		reports <- text
	}))
	t.Cleanup(evil.Close)
	chromium(t, evil.URL)
	var text []byte
	select {
	case text = <-reports:
	case <-time.After(3 * time.Minute): // a browser takes its time on a busy machine
		t.Fatal("the hostile page does not come to its end")
	}
	var said map[string]string
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for name, came := range said {
		if strings.HasPrefix(came, "READ") {
			t.Errorf("%s: %s", name, came)
		}
		if came == "sent" {
			sent++
		}
	}
	if len(said) < 20 || sent < 8 {
		t.Errorf("the page was kept from trying: %v", said)
	}
	if now := s.Gateway().Counters(); now.Opened != before.Opened || len(d.tunnels(t)) != 0 {
		t.Errorf("something was opened: %+v", now)
	}
	// Meanwhile the person signs in.
	chromium(t, tab)
	proxy.expect(t, banner)
	d.awaitTunnel(t, registry.Connected)
	if now := s.Gateway().Counters(); now.Opened != before.Opened+1 {
		t.Errorf("the gateway: %+v", now)
	}
	if got := proxy.errors.String(); got != waitingLine {
		t.Errorf("the proxy says %q", got)
	}
}
