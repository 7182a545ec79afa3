package handler

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
)

const (
	calledARN    = "arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefghijkl/my-space"
	calledStream = "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc?role=publish_subscribe"
	calledID     = "00112233445566778899aabbccddeeff"
)

// calls are writings of one and the same call.
func calls() map[string]string {
	whole := calledStream + "&cell-number=AAEAATf2ktZ%2Bscw%2FgmakD"
	q := url.Values{"connection_identifier": {calledARN}, "request_id": {calledID}, "ws_url": {whole}, "token": {"AAEA+/=="}, "session": {"SageMaker-remote-0abc"}}
	raw := "connection_identifier=" + calledARN + "&request_id=" + calledID + "&ws_url=" + calledStream + "&cell-number=AAEAATf2ktZ+bscw/gmakD&token=AAEA+/==&session=SageMaker-remote-0abc"
	return map[string]string{
		"as a form":         q.Encode(),
		"raw":               strings.Replace(raw, "+bscw", "+scw", 1),
		"another order":     "session=SageMaker-remote-0abc&token=AAEA%2B%2F%3D%3D&ws_url=" + url.QueryEscape(whole) + "&request_id=" + calledID + "&connection_identifier=" + calledARN,
		"without a session": strings.TrimSuffix(strings.Replace(raw, "+bscw", "+scw", 1), "&session=SageMaker-remote-0abc"),
		"with more":         q.Encode() + "&utm=x",
	}
}

func TestParseCallback(t *testing.T) {
	for name, query := range calls() {
		c, err := ParseCallback(query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		stream := calledStream + "&cell-number=AAEAATf2ktZ%2Bscw%2FgmakD"
		if c.Identifier != calledARN || c.RequestID != calledID || c.Session.ID != "SageMaker-remote-0abc" ||
			c.Session.Token.Reveal() != "AAEA+/==" || c.Session.StreamURL.Reveal() != stream {
			t.Errorf("%s: %+v, token %s, stream %s", name, c, c.Session.Token.Reveal(), c.Session.StreamURL.Reveal())
		}
	}
	form := calls()["as a form"]
	for name, query := range map[string]string{
		"nothing":                "",
		"no request id":          strings.Replace(form, "request_id", "x", 1),
		"no token":               strings.Replace(form, "token=", "x=", 1),
		"two request ids":        form + "&request_id=" + calledID,
		"two sessions":           form + "&session=other",
		"a control character":    strings.Replace(form, calledID, calledID+"%00", 1),
		"a long value":           strings.Replace(form, "token=", "token="+strings.Repeat("a", maxParameter), 1),
		"a long query":           form + strings.Repeat("&a", maxLink),
		"a broken percent sign":  strings.Replace(form, calledID, "%zz", 1),
		"two cell numbers":       form + "&cell-number=other",
		"a fragment in the URL":  strings.Replace(form, "ws_url=", "ws_url=%23", 1),
		"encoded more than ever": strings.Replace(form, calledID, strings.Repeat("%25", 9)+"61", 1),
	} {
		if c, err := ParseCallback(query); !errors.Is(err, &problem.Problem{Code: problem.LinkMalformed}) || c != (Callback{}) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestCheckCallback(t *testing.T) {
	space, err := session.ParseARN(calledARN)
	if err != nil {
		t.Fatal(err)
	}
	good := session.Session{ID: "SageMaker-remote-0abc", StreamURL: secret.New(calledStream), Token: secret.New("t")}
	if err := (Policy{}).CheckCallback(space, good); err != nil {
		t.Error(err)
	}
	for name, stream := range map[string]string{
		"another host":    "wss://evil.example/v1/data-channel/SageMaker-remote-0abc",
		"another region":  "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc",
		"not encrypted":   "ws://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc",
		"another session": "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/other",
		"a user in it":    "wss://ssmmessages.us-east-1.amazonaws.com@evil.example/v1/data-channel/SageMaker-remote-0abc",
	} {
		bad := good
		bad.StreamURL = secret.New(stream)
		err := (Policy{}).CheckCallback(space, bad)
		if !errors.Is(err, &problem.Problem{Code: problem.LinkRefused}) || !strings.HasPrefix(problem.From(err).Sentence, "The session from Studio was refused: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Policy{Regions: []string{"eu-west-1"}}).CheckCallback(space, good); err == nil {
		t.Error("a region that an administrator does not allow")
	}
}

func TestCheckPage(t *testing.T) {
	local := Policy{TrustedHosts: []string{"ws://127.0.0.1:8080"}}
	for address, ok := range map[string]bool{
		"https://studio-d-abc.studio.us-east-1.sagemaker.aws/jupyterlab/my-space": true,
		"http://127.0.0.1:8080/jupyterlab/my-space":                               true,
		"http://studio-d-abc.studio.us-east-1.sagemaker.aws/":                     false,
		"https://sagemaker.aws.evil.example/":                                     false,
		"https://evilsagemaker.aws/":                                              false,
		"https://x.sagemaker.aws@evil.example/":                                   false,
		"https://x.sagemaker.aws:8443/":                                           false,
		"http://127.0.0.1:8081/":                                                  false,
		"javascript://x.sagemaker.aws/":                                           false,
	} {
		if err := local.CheckPage(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func FuzzParseCallback(f *testing.F) {
	for _, query := range calls() {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		c, err := ParseCallback(query)
		if err != nil {
			if c != (Callback{}) {
				t.Errorf("an error, and %+v", c)
			}
			if p := problem.From(err); p.Code != problem.LinkMalformed {
				t.Errorf("the problem is %v", p)
			}
			return
		}
		if c.Identifier == "" || c.RequestID == "" || c.Session.ID == "" || c.Session.Token.Empty() || c.Session.StreamURL.Empty() {
			t.Errorf("a part of one: %+v", c)
		}
		for _, text := range []string{c.Identifier, c.RequestID, c.Session.ID, c.Session.Token.Reveal(), c.Session.StreamURL.Reveal()} {
			if !plainText(text) || len(text) > maxParameter {
				t.Errorf("%.100q got through", text)
			}
		}
	})
}
