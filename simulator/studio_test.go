package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// paperGateway gives sessions that lead nowhere.
type paperGateway struct {
	full  bool
	given int
}

func (g *paperGateway) StartSession(_ context.Context, _ string, presigned bool) (api.Session, error) {
	if g.full {
		return api.Session{}, api.ErrTooManyConnections
	}
	g.given++
	id := fmt.Sprint("SageMaker-remote-", g.given)
	stream := "wss://127.0.0.1:8443/v1/data-channel/" + id + "?role=publish_subscribe&cell-number=a%2Bb%2F"
	if presigned {
		stream += amzQuery
	}
	return api.Session{ID: id, Token: secret.New("tok+/="), StreamURL: secret.New(stream)}, nil
}

func (g *paperGateway) StopSpace(context.Context, string) {}

// testStudio is the page in front of gateway, on a socket.
func testStudio(t *testing.T, gateway api.Gateway) (*studio, *httptest.Server) {
	t.Helper()
	s := &studio{
		places: places(spaces()), pods: gateway, role: assumedRole("StudioExecutionRole", "SageMaker").ARN,
		api: api.New(api.Config{Region: region, Account: account, Domains: domains(), Profiles: profiles(), Spaces: spaces(), Gateway: gateway}),
	}
	h := httptest.NewUnstartedServer(nil)
	s.base = "http://" + h.Listener.Addr().String()
	s.hosts = []string{h.Listener.Addr().String()}
	h.Config.Handler = s.handler()
	h.Start()
	t.Cleanup(h.Close)
	return s, h
}

// answer is a response, read to its end.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
}

// get sends a request with headers, given in pairs; "Host" is one of them.
func get(t *testing.T, method, address string, headers ...string) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.Status, resp.StatusCode, resp.Header}, string(body)
}

func TestPage(t *testing.T) {
	_, h := testStudio(t, &paperGateway{})
	for path, media := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/refresh.js": "text/javascript", "/api/spaces": "application/json",
	} {
		resp, body := get(t, http.MethodGet, h.URL+path)
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), media) || body == "" {
			t.Errorf("%s: %s %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q", path, policy)
		}
		// What the policy would not let a browser do must not be in the page.
		if strings.Contains(body, "<script>") || strings.Contains(body, "style=") || strings.Contains(body, "onclick") || strings.Contains(body, "innerHTML") {
			t.Errorf("%s: inline code", path)
		}
	}
	_, body := get(t, http.MethodGet, h.URL+"/api/spaces")
	var buttons []button
	if err := json.Unmarshal([]byte(body), &buttons); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	states := map[string]string{}
	for _, b := range buttons {
		kinds[b.Kind]++
		states[b.Name] = fmt.Sprint(b.State, " ", b.Running)
	}
	if kinds[kindSageMaker] < 3 || kinds[kindUnified] != 1 || kinds[kindHyperPod] != 1 {
		t.Errorf("kinds %v", kinds)
	}
	for name, want := range map[string]string{"my-space": "InService true", "stopped": "Stopped, remote access off false",
		"closed": "InService, remote access off true", "ws1": "Running true"} {
		if states[name] != want {
			t.Errorf("%s: %q, want %q", name, states[name], want)
		}
	}
}

func TestGuard(t *testing.T) {
	s, h := testStudio(t, &paperGateway{})
	link := h.URL + "/api/link?space=my-space"
	for name, tc := range map[string]struct {
		method  string
		headers []string
		status  int
	}{
		"plain":        {http.MethodGet, nil, 200},
		"same origin":  {http.MethodGet, []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
		"typed":        {http.MethodGet, []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
		"rebound":      {http.MethodGet, []string{"Host", "evil.example"}, 421},
		"other port":   {http.MethodGet, []string{"Host", "127.0.0.1:1"}, 421},
		"cross-site":   {http.MethodGet, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		"foreign link": {http.MethodGet, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403},
		"other port's page": {http.MethodGet,
			[]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, 403},
		"post": {http.MethodPost, nil, 405},
	} {
		before := s.links.Load()
		resp, body := get(t, tc.method, link, tc.headers...)
		if resp.StatusCode != tc.status {
			t.Errorf("%s: %s, want %d", name, resp.Status, tc.status)
		}
		if made := s.links.Load() != before; made != (tc.status == 200) || made != strings.HasPrefix(body, "vscode://") {
			t.Errorf("%s: a link was made: %v, %s", name, made, body)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: opened to other origins", name)
		}
	}
}

func TestServeLink(t *testing.T) {
	gateway := &paperGateway{}
	s, h := testStudio(t, gateway)
	for query, want := range map[string]struct {
		status       int
		prefix, hold string
	}{
		"space=my-space":                         {200, "vscode://" + authority + "/connect/sagemaker?", "X-Amz-Signature="},
		"space=my-space&presigned=0":             {200, "vscode://", "&token=tok%2B%2F%3D&app_type=JupyterLab"},
		"space=MySpace2&scheme=cursor":           {200, "cursor://", "user_profile=bob"},
		"space=notebooks&scheme=spacehatch":      {200, "spacehatch://" + authority + "/", "app_type=CodeEditor"},
		"kind=smus":                              {200, "vscode://" + authority + "/connect/smus?", "reconnect_base_url=http%3A%2F%2F127.0.0.1"},
		"kind=smus&presigned=1&encoding=raw":     {200, "vscode://", "&X-Amz-Algorithm=AWS4-HMAC-SHA256&"},
		"space=ws1&kind=workspace":               {200, "vscode://" + authority + "/connect/workspace?", "&cell-number=a+b/&"},
		"space=ws1&encoding=twice":               {200, "vscode://", "cell-number%253Da%25252Bb%25252F"},
		"space=ws1&presigned=1":                  {400, "HyperPod", ""},
		"space=my-space&presigned=maybe":         {400, "presigned", ""},
		"space=my-space&encoding=thrice":         {400, "Not a link", ""},
		"space=my-space&scheme=javascript%3A":    {400, "Not a link", ""},
		"space=my-space&kind=workspace":          {404, "There is no", ""},
		"space=My-Space":                         {404, "There is no", ""},
		"":                                       {404, "There is no", ""},
		"space=stopped":                          {400, "ResourceNotFound: Remote access", ""},
		"space=my-space&domain=" + studioDomain:  {200, "vscode://", "domain=" + studioDomain},
		"space=my-space&domain=" + unifiedDomain: {404, "There is no", ""},
	} {
		resp, body := get(t, http.MethodGet, h.URL+"/api/link?"+query)
		if resp.StatusCode != want.status || !strings.HasPrefix(body, want.prefix) || !strings.Contains(body, want.hold) ||
			!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s %s", query, resp.Status, body)
		}
	}
	if n := s.links.Load(); n != 9 || gateway.given != 9 {
		t.Errorf("%d links, %d sessions, want 9: a refused link must start no session", n, gateway.given)
	}
	gateway.full = true
	if resp, body := get(t, http.MethodGet, h.URL+"/api/link?space=my-space"); resp.StatusCode != 400 || !strings.HasPrefix(body, "ResourceLimitExceeded") {
		t.Errorf("full: %s %s", resp.Status, body)
	}
	if resp, _ := get(t, http.MethodGet, h.URL+"/api/link?space=ws1"); resp.StatusCode != 429 {
		t.Errorf("full HyperPod space: %s", resp.Status)
	}
	s.api.Fail(api.Fault{Operation: "sagemaker:StartSession", Code: "AccessDeniedException", Times: 1})
	if _, body := get(t, http.MethodGet, h.URL+"/api/link?space=notebooks"); !strings.Contains(body, "assumed-role/StudioExecutionRole/SageMaker is not authorized") {
		t.Errorf("denied: %s", body)
	}
}

func TestReconnect(t *testing.T) {
	gateway := &paperGateway{}
	_, h := testStudio(t, gateway)
	arn := "arn:aws:sagemaker:us-east-1:111122223333:space/" + studioDomain + "/my-space"
	ask := func(path, arn, callback string) string {
		return h.URL + path + "?" + url.Values{"remote_access_token_refresh": {"true"}, "reconnect_identifier": {arn},
			"reconnect_request_id": {"r+1"}, "reconnect_callback_url": {callback}}.Encode()
	}
	const back = "http://localhost:4711/refresh_token"

	resp, body := get(t, http.MethodGet, ask("/jupyterlab/my-space", arn, back), "Accept", "text/html,*/*")
	if resp.StatusCode != 200 || !strings.Contains(body, "/refresh.js") || gateway.given != 0 ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "http://localhost:*") {
		t.Errorf("as a page: %s, %d sessions, %s", resp.Status, gateway.given, body)
	}
	resp, body = get(t, http.MethodGet, ask("/jupyterlab/my-space", arn, back), "Accept", "application/json")
	var to struct{ Callback string }
	if err := json.Unmarshal([]byte(body), &to); err != nil {
		t.Fatal(resp.Status, body, err)
	}
	check := func(callback, identifier string, signed bool) {
		t.Helper()
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		stream, err := url.Parse(q.Get("ws_url"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(callback, back+"?connection_identifier=") || q.Get("connection_identifier") != identifier || q.Get("request_id") != "r+1" ||
			q.Get("token") != "tok+/=" || stream.Path != "/v1/data-channel/"+q.Get("session") ||
			stream.Query().Get("cell-number") != "a+b/" || stream.Query().Has("X-Amz-Signature") != signed {
			t.Errorf("callback %s", callback)
		}
	}
	check(to.Callback, arn, true)

	resp, _ = get(t, http.MethodGet, ask("/reconnect/workspace/ws1", "anything", back))
	if resp.StatusCode != http.StatusFound {
		t.Fatal("redirect: ", resp.Status)
	}
	check(resp.Header.Get("Location"), "anything", false)
	unified := "arn:aws:sagemaker:us-east-1:111122223333:space/" + unifiedDomain + "/MyProject"
	resp, _ = get(t, http.MethodGet, ask("/reconnect/smus/MyProject/code-editor/MyProject", unified, back))
	check(resp.Header.Get("Location"), unified, false)

	given := gateway.given
	for name, address := range map[string]string{
		"no request":      h.URL + "/jupyterlab/my-space",
		"unknown ARN":     ask("/jupyterlab/my-space", arn+"x", back),
		"another space":   ask("/jupyterlab/notebooks", arn, back),
		"callback abroad": ask("/jupyterlab/my-space", arn, "http://evil.example/refresh_token"),
		"callback by TLS": ask("/jupyterlab/my-space", arn, "https://localhost:1/refresh_token"),
		"with user":       ask("/jupyterlab/my-space", arn, "http://a@localhost:1/refresh_token"),
		"script":          ask("/jupyterlab/my-space", arn, "javascript:alert(1)"),
	} {
		if resp, body := get(t, http.MethodGet, address); resp.StatusCode != 400 {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	if gateway.given != given {
		t.Error("a refused request started a session")
	}
}

func TestAwkward(t *testing.T) {
	if a, b := api.Awkward("AAEAA", 24), api.Awkward("AAEAA", 24); a == b || !strings.HasPrefix(a, "AAEAA") || !strings.ContainsRune(a, '+') || !strings.ContainsRune(a, '/') {
		t.Error(a, b)
	}
}
