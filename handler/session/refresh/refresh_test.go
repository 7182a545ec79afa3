package refresh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

const arn = "arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space"

func mySpace() session.Space {
	return session.Space{
		Kind: session.SageMaker, Alias: "my-space.hatch", ARN: arn, Partition: "aws", Region: "us-east-1",
		Account: "111122223333", Domain: "d-abcdefghijkl", Name: "my-space", AppType: "JupyterLab",
	}
}

// tab is one that the browser was asked to open.
type tab struct {
	address string
	query   url.Values
	back    string // where the page calls
}

// call is what the page calls, with the query changed.
func (b tab) call(change func(url.Values)) string {
	q := url.Values{
		"connection_identifier": {b.query.Get("reconnect_identifier")},
		"request_id":            {b.query.Get("reconnect_request_id")},
		"ws_url":                {"wss://stream.example/"}, "token": {"tok"}, "session": {"s-1"},
	}
	if change != nil {
		change(q)
	}
	return b.back + "?" + q.Encode()
}

// browser is what the source thinks is one.
type browser struct {
	tabs  chan tab
	fails error
	ends  <-chan struct{}
}

func (b *browser) browse(address string) error {
	if b.fails != nil {
		return b.fails
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	b.tabs <- tab{address, u.Query(), u.Query().Get("reconnect_callback_url")}
	<-b.ends // as one that ends with its browser
	return nil
}

// plainRead reads a query as net/url does, each name once.
func plainRead(query string) (Callback, error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return Callback{}, err
	}
	for _, name := range []string{"connection_identifier", "request_id", "ws_url", "token", "session"} {
		if len(q[name]) != 1 {
			return Callback{}, errors.New(name)
		}
	}
	return Callback{q.Get("connection_identifier"), q.Get("request_id"), session.Session{
		ID: q.Get("session"), StreamURL: secret.New(q.Get("ws_url")), Token: secret.New(q.Get("token")),
	}}, nil
}

func options(t *testing.T, change ...func(*Options)) (Options, *browser) {
	b, dir := &browser{tabs: make(chan tab, 10), ends: t.Context().Done()}, t.TempDir()
	o := Options{
		Dir: func() (string, error) { return dir, nil }, Browse: b.browse, Read: plainRead,
		Check: func(_ session.Space, s session.Session) error {
			if s.StreamURL.Reveal() != "wss://stream.example/" {
				return problem.New(problem.LinkRefused, "Refused.", "Do not.", nil)
			}
			return nil
		},
		CheckPage: func(string) error { return nil },
	}
	for _, c := range change {
		c(&o)
	}
	return o, b
}

// outcome is what Session returned.
type outcome struct {
	session session.Session
	err     error
}

// ask asks in the background.
func ask(ctx context.Context, s *Source, space session.Space) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() {
		found, err := s.Session(ctx, space)
		ended <- outcome{found, err}
	}()
	return ended
}

// reply is what a page gets.
type reply struct {
	code   int
	header http.Header
}

// get calls an address as a page does, with headers of the browser's.
func get(t *testing.T, address string, headers ...string) (reply, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r, headers...)
}

func do(t *testing.T, r *http.Request, headers ...string) (reply, string) {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header}, string(text)
}

// closed reports whether nobody listens any more where a page would call.
func closed(t *testing.T, b tab) {
	t.Helper()
	u, err := url.Parse(b.back)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if conn, err := net.Dial("tcp", net.JoinHostPort(host, u.Port())); err == nil {
			_ = conn.Close()
			t.Errorf("somebody listens at %s", conn.RemoteAddr())
		}
	}
}

func TestThePageBringsASession(t *testing.T) {
	o, b := options(t)
	var told []string
	o.Waiting = func(detail string, _ time.Duration) { told = append(told, detail) }
	ended := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	want := "https://studio-d-abcdefghijkl.studio.us-east-1.sagemaker.aws/jupyterlab/my-space?remote_access_token_refresh=true&reconnect_identifier="
	if !strings.HasPrefix(opened.address, want) || opened.query.Get("reconnect_identifier") != arn {
		t.Errorf("the tab is %s", opened.address)
	}
	if id := opened.query.Get("reconnect_request_id"); len(id) != 32 {
		t.Errorf("the request id is %q", id)
	}
	if !strings.HasPrefix(opened.back, "http://localhost:") || !strings.HasSuffix(opened.back, "/refresh_token") {
		t.Errorf("the callback is %s", opened.back)
	}
	answer, text := get(t, opened.call(nil), "Origin", "https://studio.example")
	if answer.code != http.StatusOK || !strings.Contains(text, "You can close this tab.") {
		t.Errorf("the page reads %d: %s", answer.code, text)
	}
	if policy := answer.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	for name := range answer.header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("the answer allows others to read it: %s", name)
		}
	}
	got := <-ended
	if got.err != nil || got.session.ID != "s-1" || got.session.Token.Reveal() != "tok" || got.session.Origin != session.FromStudio || got.session.Expires.IsZero() {
		t.Errorf("Session = %+v", got)
	}
	closed(t, opened) // and so a late call
	dir, _ := o.Dir()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if len(told) == 0 || told[0] != "waiting for Studio in your browser" {
		t.Errorf("told: %q", told)
	}
}

// Nothing that anybody else says changes what the page brings in the end.
func TestNobodyElseIsHeard(t *testing.T) {
	o, b := options(t)
	earlier := ask(t.Context(), New(o), mySpace())
	first := <-b.tabs
	get(t, first.call(nil))
	<-earlier

	ended := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	evil := func(q url.Values) { q.Set("session", "evil"); q.Set("token", "evil") }
	set := func(name, value string) func(url.Values) {
		return func(q url.Values) { evil(q); q.Set(name, value) }
	}
	id := opened.query.Get("reconnect_request_id")
	for name, test := range map[string]struct {
		change  func(url.Values)
		headers []string
		status  int
	}{
		"no request id":        {func(q url.Values) { evil(q); q.Del("request_id") }, nil, 403},
		"a guess":              {set("request_id", strings.Repeat("0", 32)), nil, 403},
		"an empty request id":  {set("request_id", ""), nil, 403},
		"half a request id":    {set("request_id", id[:16]), nil, 403},
		"more than the id":     {set("request_id", id+"0"), nil, 403},
		"two request ids":      {func(q url.Values) { evil(q); q.Add("request_id", "x") }, nil, 403},
		"the id in capitals":   {set("request_id", strings.ToUpper(id)+"A"), nil, 403},
		"the earlier request":  {set("request_id", first.query.Get("reconnect_request_id")), nil, 403},
		"another space":        {set("connection_identifier", strings.Replace(arn, "my-space", "other", 1)), nil, 403},
		"a rebound host name":  {evil, []string{"Host", "evil.example:80"}, 421},
		"a bare address":       {evil, []string{"Host", "127.0.0.1:" + port(t, opened)}, 421},
		"no port":              {evil, []string{"Host", "localhost"}, 421},
		"across sites, no id":  {func(q url.Values) { evil(q); q.Del("request_id") }, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		"from nowhere, no id":  {func(q url.Values) { evil(q); q.Del("request_id") }, []string{"Origin", "null"}, 403},
		"no stream URL at all": {func(q url.Values) { evil(q); q.Del("ws_url") }, nil, 403},
	} {
		answer, text := get(t, opened.call(test.change), test.headers...)
		if answer.code != test.status {
			t.Errorf("%s: %d", name, answer.code)
		}
		if !strings.Contains(text, textNotOurs) || strings.Contains(text, "evil") {
			t.Errorf("%s reads %q", name, text)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut} {
		r, err := http.NewRequestWithContext(t.Context(), method, opened.call(evil), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := do(t, r, "Access-Control-Request-Method", "GET", "Access-Control-Request-Private-Network", "true")
		if answer.code != http.StatusMethodNotAllowed || answer.header.Get("Access-Control-Allow-Private-Network") != "" {
			t.Errorf("%s: %d %v", method, answer.code, answer.header)
		}
	}
	for _, path := range []string{"/", "/refresh_token/", "/REFRESH_TOKEN", "/x/../refresh_token"} {
		if answer, _ := get(t, strings.Replace(opened.call(evil), "/refresh_token", path, 1)); answer.code == http.StatusOK {
			t.Errorf("%s: %d", path, answer.code)
		}
	}
	if answer, _ := get(t, opened.call(func(q url.Values) { q.Set("token", strings.Repeat("a", 2*maxHeader)) })); answer.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long one: %d", answer.code)
	}
	select {
	case got := <-ended:
		t.Fatalf("the wait has ended: %+v", got)
	default:
	}
	get(t, opened.call(nil))
	if got := <-ended; got.err != nil || got.session.ID != "s-1" || got.session.Token.Reveal() != "tok" {
		t.Errorf("Session = %+v", got)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func port(t *testing.T, b tab) string {
	t.Helper()
	u, err := url.Parse(b.back)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// Of many calls with the right words one is heard.
func TestACallCountsOnce(t *testing.T) {
	c := newCall("localhost:1", arn, plainRead, discard())
	b := tab{query: url.Values{"reconnect_identifier": {arn}, "reconnect_request_id": {c.id}}, back: "http://localhost:1/refresh_token"}
	statuses := map[int]int{}
	for i := range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.call(func(q url.Values) { q.Set("session", fmt.Sprint("s-", i)) }), nil)
		if err != nil {
			t.Fatal(err)
		}
		status, _, _ := c.answer(r)
		statuses[status]++
	}
	if statuses[200] != 1 || statuses[403] != 4 {
		t.Errorf("the answers are %v", statuses)
	}
}

func TestWhatThePolicyForbidsEndsTheWait(t *testing.T) {
	o, b := options(t)
	ended := ask(t.Context(), New(o), mySpace())
	get(t, (<-b.tabs).call(func(q url.Values) { q.Set("ws_url", "wss://evil.example/") }))
	if got := <-ended; !errors.Is(got.err, &problem.Problem{Code: problem.LinkRefused}) || got.session.ID != "" {
		t.Errorf("Session = %+v", got)
	}
}

func TestThePagesOfSpaces(t *testing.T) {
	change := func(f func(*session.Space)) session.Space {
		s := mySpace()
		f(&s)
		return s
	}
	for name, test := range map[string]struct {
		space  session.Space
		studio string
		page   string
		code   problem.Code
	}{
		"JupyterLab":       {mySpace(), "", "https://studio-d-abcdefghijkl.studio.us-east-1.sagemaker.aws/jupyterlab/my-space?", ""},
		"Code Editor":      {change(func(s *session.Space) { s.AppType = "codeeditor" }), "", "https://studio-d-abcdefghijkl.studio.us-east-1.sagemaker.aws/code-editor/my-space?", ""},
		"unknown app":      {change(func(s *session.Space) { s.AppType = "" }), "", "https://studio-d-abcdefghijkl.studio.us-east-1.sagemaker.aws/jupyterlab/my-space?", ""},
		"another Studio":   {mySpace(), "http://127.0.0.1:1", "http://127.0.0.1:1/jupyterlab/my-space?", ""},
		"China":            {change(func(s *session.Space) { s.Partition = "aws-cn" }), "", "", session.NoPage},
		"Unified Studio":   {change(func(s *session.Space) { s.Kind, s.RefreshURL = session.UnifiedStudio, "https://a.sagemaker.aws/r?x=1" }), "", "https://a.sagemaker.aws/r?x=1&", ""},
		"Unified, no page": {change(func(s *session.Space) { s.Kind = session.UnifiedStudio }), "", "", session.NoPage},
		"HyperPod":         {change(func(s *session.Space) { s.Kind, s.RefreshURL = session.HyperPod, "https://a.sagemaker.aws/r" }), "", "https://a.sagemaker.aws/r?", ""},
		"HyperPod, no":     {change(func(s *session.Space) { s.Kind = session.HyperPod }), "", "", session.NoPage},
		"an instance":      {session.NewInstance("i-0123456789abcdef0", "aws", "us-east-1"), "", "", problem.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			o, b := options(t)
			o.Studio = test.studio
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := ask(ctx, New(o), test.space)
			if test.page == "" {
				got := <-ended
				if !errors.Is(got.err, session.ErrNone) || problem.From(got.err).Code != test.code {
					t.Errorf("Session = %v", got.err)
				}
				return
			}
			opened := <-b.tabs
			if want := test.page + "remote_access_token_refresh=true&reconnect_identifier=" + url.QueryEscape(test.space.ARN) + "&reconnect_request_id="; !strings.HasPrefix(opened.address, want) {
				t.Errorf("the page is %s, want %s", opened.address, want)
			}
			cancel()
			if got := <-ended; !errors.Is(got.err, context.Canceled) {
				t.Errorf("Session = %v", got.err)
			}
			closed(t, opened)
		})
	}
}

func TestAPageThatThePolicyForbidsIsNotOpened(t *testing.T) {
	o, b := options(t, func(o *Options) {
		o.CheckPage = func(string) error { return problem.New(problem.LinkRefused, "No.", "", nil) }
	})
	if _, err := New(o).Session(t.Context(), mySpace()); !errors.Is(err, &problem.Problem{Code: problem.LinkRefused}) {
		t.Errorf("Session = %v", err)
	}
	if len(b.tabs) != 0 {
		t.Error("a tab was opened")
	}
}

func TestNoBrowserAndNoAnswer(t *testing.T) {
	o, b := options(t)
	b.fails = errors.New("no browser")
	if _, err := New(o).Session(t.Context(), mySpace()); !errors.Is(err, &problem.Problem{Code: problem.NotSupported}) {
		t.Errorf("without a browser: %v", err)
	}
	b.fails = nil
	o.Patience = 10 * time.Millisecond
	if _, err := New(o).Session(t.Context(), mySpace()); !errors.Is(err, &problem.Problem{Code: session.StudioSilent}) {
		t.Errorf("without an answer: %v", err)
	}
	closed(t, <-b.tabs)
}

// A session serves one ssh: whoever waits asks when it is its turn.
func TestOneTabAtATime(t *testing.T) {
	o, b := options(t)
	first := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	waits := make(chan struct{}, 100)
	o.Waiting = func(detail string, _ time.Duration) {
		if strings.HasPrefix(detail, "waiting for another") {
			waits <- struct{}{}
		}
	}
	second := ask(t.Context(), New(o), mySpace())
	<-waits
	// Another space does not wait.
	other := mySpace()
	other.ARN, other.Name = strings.Replace(arn, "my-space", "other", 1), "other"
	third := ask(t.Context(), New(o), other)
	get(t, (<-b.tabs).call(nil))
	if got := <-third; got.err != nil {
		t.Errorf("another space: %v", got.err)
	}
	if len(b.tabs) != 0 {
		t.Error("a second tab was opened for one space")
	}
	get(t, opened.call(nil))
	if got := <-first; got.err != nil {
		t.Errorf("the first: %v", got.err)
	}
	next := <-b.tabs
	if next.query.Get("reconnect_request_id") == opened.query.Get("reconnect_request_id") {
		t.Error("the second one asks with the first one's id")
	}
	get(t, next.call(func(q url.Values) { q.Set("session", "s-2") }))
	if got := <-second; got.err != nil || got.session.ID != "s-2" {
		t.Errorf("the second: %+v", got)
	}
}

// waiting starts a source that waits for another one.
func waiting(t *testing.T, o Options) <-chan outcome {
	t.Helper()
	waits := make(chan struct{}, 100)
	o.Waiting = func(string, time.Duration) { waits <- struct{}{} }
	ended := ask(t.Context(), New(o), mySpace())
	<-waits
	return ended
}

func TestWhoWaitsTakesWhatIsThere(t *testing.T) {
	o, b := options(t)
	first := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	o.Earlier = given{session.Session{ID: "of a link"}}
	second := waiting(t, o)
	get(t, opened.call(nil))
	<-first
	if got := <-second; got.err != nil || got.session.ID != "of a link" {
		t.Errorf("the second: %+v", got)
	}
	if len(b.tabs) != 0 {
		t.Error("a second tab was opened")
	}
}

type given struct{ session session.Session }

func (g given) Session(context.Context, session.Space) (session.Session, error) {
	return g.session, nil
}

func TestWhoWaitsIsToldWhatWentWrong(t *testing.T) {
	o, b := options(t)
	first := ask(t.Context(), New(o), mySpace())
	opened := <-b.tabs
	second := waiting(t, o)
	get(t, opened.call(func(q url.Values) { q.Set("ws_url", "wss://evil.example/") }))
	a, z := <-first, <-second
	if a.err == nil || z.err == nil || a.err.Error() != z.err.Error() {
		t.Errorf("the first: %v; the second: %v", a.err, z.err)
	}
	if len(b.tabs) != 0 {
		t.Error("a second tab was opened")
	}
}

func TestOneThatGivesUpLetsTheNextAsk(t *testing.T) {
	o, b := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := ask(ctx, New(o), mySpace())
	<-b.tabs
	second := waiting(t, o)
	cancel()
	if got := <-first; !errors.Is(got.err, context.Canceled) {
		t.Errorf("the first: %v", got.err)
	}
	get(t, (<-b.tabs).call(nil))
	if got := <-second; got.err != nil {
		t.Errorf("the second: %v", got.err)
	}
}

// While nobody is there, an IDE that tries again all night fills no browser.
func TestTabsThatNobodyAnswersAreFew(t *testing.T) {
	o, b := options(t)
	s := New(o)
	clock := time.Now()
	s.now = func() time.Time { return clock }
	unanswered := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		ended := ask(ctx, s, mySpace())
		<-b.tabs
		cancel()
		<-ended
	}
	for range tabLimit {
		unanswered()
	}
	_, err := s.Session(t.Context(), mySpace())
	if !errors.Is(err, session.ErrNone) || !errors.Is(err, &problem.Problem{Code: session.StudioUnattended}) {
		t.Errorf("Session = %v", err)
	}
	// A person who asks gets one, and when they answer, all is well again.
	s.o.Attended = true
	ended := ask(t.Context(), s, mySpace())
	get(t, (<-b.tabs).call(nil))
	if got := <-ended; got.err != nil {
		t.Errorf("attended: %v", got.err)
	}
	s.o.Attended = false
	for range tabLimit {
		unanswered()
	}
	clock = clock.Add(restAfter)
	unanswered()
}

// A folder that others have filled with anything stops nobody.
func TestAStrangeNoteSaysNothing(t *testing.T) {
	o, b := options(t)
	for _, text := range []string{"", "{", `{"unanswered":"x"}`, strings.Repeat(" ", maxNote+1)} {
		ours, err := New(o).take(t.Context(), mySpace())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ours.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ours.end()
		ended := ask(t.Context(), New(o), mySpace())
		get(t, (<-b.tabs).call(nil))
		if got := <-ended; got.err != nil {
			t.Errorf("%.20q: %v", text, got.err)
		}
	}
}
