package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTheDevicePage signs in as a browser would, by what a program was told.
func TestTheDevicePage(t *testing.T) {
	s, web := testStudio(t, &paperGateway{})
	call := func(path string, in map[string]string) map[string]any {
		t.Helper()
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(web.URL+path, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %v", path, resp.Status, out, err)
		}
		return out
	}
	client := call("/client/register", map[string]string{"clientName": "tester <b>", "clientType": "public"})
	id, key := client["clientId"].(string), client["clientSecret"].(string)
	begun := call("/device_authorization", map[string]string{"clientId": id, "clientSecret": key, "startUrl": "https://x.awsapps.com/start"})
	code := begun["userCode"].(string)

	if a, page := get(t, http.MethodGet, web.URL+"/device?user_code="+code); a.StatusCode != 200 || !strings.Contains(page, "device.js") || strings.Contains(page, code) {
		t.Errorf("the page: %s\n%s", a.Status, page)
	}
	where := web.URL + "/api/device?user_code=" + strings.ToLower(code)
	if _, said := get(t, http.MethodGet, where); said != `{"client":"tester \u003cb\u003e","state":"waiting"}`+"\n" {
		t.Errorf("it waits: %s", said)
	}
	answer := func(code, answer string, headers ...string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/api/device", strings.NewReader(url.Values{"user_code": {code}, "answer": {answer}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		code, answer string
		want         int
		headers      []string
	}{
		{code, "allow", http.StatusForbidden, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}},
		{code, "maybe", http.StatusBadRequest, nil},
		{"AAAA-AAAA", "allow", http.StatusNotFound, nil},
		{code, "allow", http.StatusNoContent, nil},
		{code, "deny", http.StatusNotFound, nil},
	} {
		if got := answer(c.code, c.answer, c.headers...); got != c.want {
			t.Errorf("%s, %s, %v: %d", c.code, c.answer, c.headers, got)
		}
	}
	token := call("/token", map[string]string{"clientId": id, "clientSecret": key, "deviceCode": begun["deviceCode"].(string),
		"grantType": "urn:ietf:params:oauth:grant-type:device_code"})
	if token["accessToken"] == "" || s.api.Count("sso-oidc:CreateToken") != 1 {
		t.Errorf("%v", token)
	}
	if _, said := get(t, http.MethodGet, where); !strings.Contains(said, `"done"`) {
		t.Errorf("afterwards: %s", said)
	}
}
