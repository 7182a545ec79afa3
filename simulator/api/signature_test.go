package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

// signed returns a signed ListDomains call.
func signed(t *testing.T, url, service, region string, at time.Time) *http.Request {
	t.Helper()
	body := []byte(`{}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("X-Amz-Target", "SageMaker.ListDomains")
	hash := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "ASIAGOOD", SecretAccessKey: "good", SessionToken: "session+/="},
		r, hex.EncodeToString(hash[:]), service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignature(t *testing.T) {
	s := serve(t, testConfig())
	now := time.Now()
	for name, tc := range map[string]struct {
		service, region string
		at              time.Time
		spoil           func(*http.Request)
		code, message   string
	}{
		"good":        {},
		"four behind": {at: now.Add(-4 * time.Minute)},
		"no header": {spoil: func(r *http.Request) { r.Header.Del("Authorization") },
			code: "MissingAuthenticationTokenException"},
		"other algorithm": {spoil: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
			code: "IncompleteSignatureException"},
		"no signature": {spoil: func(r *http.Request) { edit(r, "Signature=", "Sig=") },
			code: "IncompleteSignatureException", message: "'Signature'"},
		"short scope": {spoil: func(r *http.Request) { edit(r, "/aws4_request", "") },
			code: "IncompleteSignatureException"},
		"no date": {spoil: func(r *http.Request) { r.Header.Del(dateHeader) }, code: "IncompleteSignatureException"},
		"other day": {spoil: func(r *http.Request) { edit(r, now.UTC().Format("/20060102/"), "/20000101/") },
			code: "InvalidSignatureException", message: "Date in Credential scope"},
		"unknown key":     {spoil: func(r *http.Request) { edit(r, "ASIAGOOD", "ASIAEVIL") }, code: "UnrecognizedClientException"},
		"other token":     {spoil: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, code: "UnrecognizedClientException"},
		"other service":   {service: "ssm", code: "InvalidSignatureException", message: "correct service: 'sagemaker'"},
		"other region":    {region: "eu-west-1", code: "InvalidSignatureException", message: "valid region"},
		"old":             {at: now.Add(-6 * time.Minute), code: "InvalidSignatureException", message: "Signature expired: "},
		"early":           {at: now.Add(6 * time.Minute), code: "InvalidSignatureException", message: "Signature not yet current: "},
		"other body":      {spoil: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`[]`)) }, code: "InvalidSignatureException"},
		"other query":     {spoil: func(r *http.Request) { r.URL.RawQuery = "a=b" }, code: "InvalidSignatureException"},
		"other path":      {spoil: func(r *http.Request) { r.URL.Path = "/x" }, code: "InvalidSignatureException"},
		"other host":      {spoil: func(r *http.Request) { r.Host = "evil.example" }, code: "InvalidSignatureException"},
		"other call":      {spoil: func(r *http.Request) { r.Header.Set("X-Amz-Target", "SageMaker.ListSpaces") }, code: "InvalidSignatureException"},
		"fewer headers":   {spoil: func(r *http.Request) { edit(r, "host;", "") }, code: "InvalidSignatureException"},
		"flipped bit":     {spoil: flip, code: "InvalidSignatureException", message: "does not match the signature you provided"},
		"not hexadecimal": {spoil: func(r *http.Request) { edit(r, "Signature=", "Signature=zz") }, code: "IncompleteSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.service == "" {
				tc.service = serviceSM
			}
			if tc.region == "" {
				tc.region = testRegion
			}
			if tc.at.IsZero() {
				tc.at = now
			}
			r := signed(t, s.url, tc.service, tc.region, tc.at)
			if tc.spoil != nil {
				tc.spoil(r)
			}
			status, header, e := send(t, r)
			if e.Type != tc.code || !strings.Contains(e.Message, tc.message) || header.Get("X-Amzn-Errortype") != tc.code {
				t.Errorf("got %q %q (header %q), want %q with %q", e.Type, e.Message, header.Get("X-Amzn-Errortype"), tc.code, tc.message)
			}
			if want := map[bool]int{true: 200, false: 400}[tc.code == ""]; status != want {
				t.Errorf("status %d, want %d", status, want)
			}
			if len(header.Get("X-Amzn-Requestid")) != 36 || header.Get("Content-Type") != jsonType {
				t.Errorf("headers %v", header)
			}
		})
	}
}

func edit(r *http.Request, old, fresh string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, fresh, 1))
}

func flip(r *http.Request) {
	a := []byte(r.Header.Get("Authorization"))
	if last := len(a) - 1; a[last] == '0' {
		a[last] = '1'
	} else {
		a[last] = '0'
	}
	r.Header.Set("Authorization", string(a))
}

func send(t *testing.T, r *http.Request) (int, http.Header, errorBody) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var e errorBody
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, e
}

func TestWrongCredentialsByTheSDK(t *testing.T) {
	s := serve(t, testConfig())
	for name, tc := range map[string]struct{ key, secretKey, token, code string }{
		"unknown key":  {"ASIANOBODY", "good", "session+/=", "UnrecognizedClientException"},
		"wrong secret": {"ASIAGOOD", "bad", "session+/=", "InvalidSignatureException"},
		"no token":     {"ASIAGOOD", "good", "", "UnrecognizedClientException"},
		"expired":      {"ASIAEXPIRED", "old", "older", "ExpiredTokenException"},
	} {
		_, err := client(s.url, tc.key, tc.secretKey, tc.token).ListSpaces(t.Context(), &sagemaker.ListSpacesInput{})
		wantCode(t, name, err, tc.code)
	}
	if n := s.server.Count("sagemaker:ListSpaces"); n != 4 {
		t.Errorf("refused calls in the log: %d", n)
	}
}

func TestNotACall(t *testing.T) {
	s := New(testConfig())
	for name, tc := range map[string]struct {
		method, media, target, body string
		status                      int
		code                        string
	}{
		"unknown call":    {"POST", jsonType, "SageMaker.DeleteEverything", "{}", 400, "UnknownOperationException"},
		"unknown service": {"POST", jsonType, "DynamoDB.ListTables", "{}", 400, "UnknownOperationException"},
		"get":             {"GET", jsonType, "SageMaker.ListSpaces", "", 400, "UnknownOperationException"},
		"other media":     {"POST", "text/plain", "SageMaker.ListSpaces", "{}", 400, "UnknownOperationException"},
		"long":            {"POST", jsonType, "SageMaker.ListSpaces", strings.Repeat(" ", maxBody+1), 413, "RequestEntityTooLarge"},
		"sts":             {"POST", formType, "", "Action=GetSessionToken&Version=2011-06-15", 400, "InvalidAction"},
	} {
		r := httptest.NewRequest(tc.method, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", tc.media)
		r.Header.Set("X-Amz-Target", tc.target)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.code) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// FuzzCall feeds every operation with bytes: an answer or one of AWS's errors,
// never a panic.
func FuzzCall(f *testing.F) {
	s := New(testConfig())
	f.Add(`{}`)
	f.Add(`{"DomainId":"d-aaaaaaaaaaaa","SpaceName":"my-space","AppType":"JupyterLab","AppName":"default","MaxResults":1,"NextToken":"AAAA"}`)
	f.Add(`{"ResourceIdentifier":"` + arnA + `my-space","SpaceSettings":{"JupyterLabAppSettings":{"DefaultResourceSpec":null}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		for name, op := range s.operate {
			if op.resource != nil {
				op.resource(s, []byte(body))
			}
			if out, err := op.do(s, context.Background(), Identity{}, []byte(body)); err == nil {
				encode(out)
			} else if e := asError(err); e.Code == "" || e.Status < 400 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20260801/us-east-1/sagemaker/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff")
	f.Fuzz(func(t *testing.T, header string) {
		a, fault := parseAuthorization(header)
		if fault == nil && (a.accessKeyID+a.date+a.region+a.service == "" && len(a.signature) == 0) {
			t.Error("accepted an empty authorization")
		}
	})
}
