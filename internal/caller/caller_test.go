package caller

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/spacehatch/spacehatch/internal/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

const (
	spaceARN = "arn:aws:sagemaker:us-east-1:111122223333:space/d-abc/my-space"
	alice    = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DataScientist_0123456789abcdef/alice@example.com"
)

// somebody is a caller who asks nobody who he is: the context has ended.
func somebody(t *testing.T) (*Caller, context.Context) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return &Caller{Config: aws.Config{Region: "us-east-1"}, origin: origin{profile: "dev"}, now: func() time.Time { return noon }}, ctx
}

func request(action string) Request {
	r := Request{Action: action, Resource: spaceARN, Account: "111122223333", Thing: `the space "my-space"`, Purpose: "list spaces with"}
	switch action {
	case "sagemaker:ListSpaces", "sagemaker:ListApps":
		r.Resource, r.Account, r.Thing = "*", "", "the list of spaces"
	case "sagemaker:CreateApp":
		r.Resource = "arn:aws:sagemaker:us-east-1:111122223333:app/d-abc/my-space/jupyterlab/default"
	case StartSession:
		r.OrElse = "Click Open in VS Code in Studio again."
	}
	return r
}

// answered is AWS's answer as the SDK returns it.
func answered(code, message string, status int, date time.Time) error {
	response := &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{"Date": {date.Format(http.TimeFormat)}}}}
	return &smithy.OperationError{ServiceID: "SageMaker", OperationName: "X", Err: &awshttp.ResponseError{
		RequestID:     "req-1",
		ResponseError: &smithyhttp.ResponseError{Response: response, Err: &smithy.GenericAPIError{Code: code, Message: message}},
	}}
}

func denial(action, resource, why string) string {
	return "User: " + alice + " is not authorized to perform: " + action + " on resource: " + resource + " " + why
}

func TestWhatAWSAnswers(t *testing.T) {
	const noPolicy = "because no identity-based policy allows the action"
	app := request("sagemaker:CreateApp").Resource
	for name, c := range map[string]struct {
		action, code, message string
		status                int
		off                   time.Duration // of AWS's clock
	}{
		"start-denied":         {StartSession, "AccessDeniedException", denial(StartSession, spaceARN, noPolicy), 400, 0},
		"start-not-found":      {StartSession, "ResourceNotFound", "Space does not exist.", 400, 0},
		"start-limit":          {StartSession, "ResourceLimitExceeded", "Maximum number of sessions reached.", 400, 0},
		"start-validation":     {StartSession, "ValidationException", "The image version 2.6 does not take remote connections.", 400, 0},
		"start-internal":       {StartSession, "InternalFailure", "", 500, 0},
		"list-denied":          {"sagemaker:ListSpaces", "AccessDeniedException", denial("sagemaker:ListSpaces", "*", noPolicy), 400, 0},
		"list-throttled":       {"sagemaker:ListApps", "ThrottlingException", "Rate exceeded", 400, 0},
		"list-expired":         {"sagemaker:ListSpaces", "ExpiredTokenException", "The security token included in the request is expired", 400, 0},
		"list-unknown-key":     {"sagemaker:ListSpaces", "UnrecognizedClientException", "The security token included in the request is invalid.", 400, 0},
		"list-clock":           {"sagemaker:ListSpaces", "InvalidSignatureException", "Signature expired", 400, 20 * time.Minute},
		"list-region":          {"sagemaker:ListSpaces", "InvalidSignatureException", "Credential should be scoped to a valid region, not 'us-east-1'. ", 400, 0},
		"list-internal":        {"sagemaker:ListSpaces", "InternalFailure", "", 500, 0},
		"list-unavailable":     {"sagemaker:ListSpaces", "ServiceUnavailable", "Later.", 503, 0},
		"list-other":           {"sagemaker:ListSpaces", "OptInRequired", "The account is not signed up.", 403, 0},
		"describe-gone":        {"sagemaker:DescribeSpace", "ResourceNotFound", "Space does not exist.", 400, 0},
		"update-denied":        {"sagemaker:UpdateSpace", "AccessDeniedException", denial("sagemaker:UpdateSpace", spaceARN, noPolicy), 400, 0},
		"update-forbidden":     {"sagemaker:UpdateSpace", "AccessDeniedException", denial("sagemaker:UpdateSpace", spaceARN, "with an explicit deny in a service control policy"), 400, 0},
		"update-forbidden-arn": {"sagemaker:UpdateSpace", "AccessDeniedException", denial("sagemaker:UpdateSpace", spaceARN, "with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/no-remote-access"), 400, 0},
		"update-in-use":        {"sagemaker:UpdateSpace", "ResourceInUse", "Space is in Updating state.", 400, 0},
		"create-denied":        {"sagemaker:CreateApp", "AccessDeniedException", denial("sagemaker:CreateApp", app, noPolicy), 400, 0},
		"create-boundary":      {"sagemaker:CreateApp", "AccessDeniedException", denial("sagemaker:CreateApp", app, "because no permissions boundary allows the sagemaker:CreateApp action"), 400, 0},
		"create-denied-vpc":    {"sagemaker:CreateApp", "AccessDeniedException", denial("sagemaker:CreateApp", app, "because no VPC endpoint policy allows the sagemaker:CreateApp action"), 400, 0},
		"create-tags":          {"sagemaker:CreateApp", "AccessDeniedException", denial("sagemaker:AddTags", app, noPolicy), 400, 0},
		"create-quota":         {"sagemaker:CreateApp", "ResourceLimitExceeded", "The account-level service limit 'Studio JupyterLab Apps running on ml.g5.xlarge instance' is 0 Apps.", 400, 0},
		"delete-denied":        {"sagemaker:DeleteApp", "AccessDeniedException", denial("sagemaker:DeleteApp", app, "with an explicit deny in a resource control policy"), 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			who, ctx := somebody(t)
			r := request(c.action)
			r.RemoteAccess = c.action == "sagemaker:UpdateSpace"
			golden(t, name, told(t, who.Problem(ctx, r, answered(c.code, c.message, c.status, noon.Add(c.off)))))
		})
	}
}

// Whoever is refused, the hint names what an administrator adds the statement
// to; for Studio itself that is the execution role, with AWS's own limit to the
// user's spaces.
func TestWhoGetsTheStatement(t *testing.T) {
	for who, want := range map[string]string{
		alice: `the permission set "DataScientist" in IAM Identity Center`,
		"arn:aws:sts::111122223333:assumed-role/Dev/i-0123":                    `the role "Dev"`,
		"arn:aws:iam::111122223333:user/team/bob":                              `the user "team/bob"`,
		"arn:aws:iam::111122223333:root":                                       "this identity",
		"arn:aws:sts::111122223333:assumed-role/StudioExecutionRole/SageMaker": "the Studio execution role StudioExecutionRole",
	} {
		caller, ctx := somebody(t)
		text := "User: " + who + " is not authorized to perform: sagemaker:StartSession on resource: " + spaceARN + " because no identity-based policy allows it"
		p := caller.Problem(ctx, request(StartSession), answered("AccessDeniedException", text, 400, noon))
		if !strings.Contains(p.Hint, "add the statement below to "+want) {
			t.Errorf("%s: %s", who, p.Hint)
		}
		if strings.Contains(who, "Studio") {
			golden(t, "start-denied-deep-link", told(t, p))
		}
	}
}

func TestWhoSignedIn(t *testing.T) {
	for arn, want := range map[string]string{
		alice: "alice@example.com",
		"arn:aws:sts::111122223333:assumed-role/Dev/alice@example.com":                   "",
		"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_x_0123/alice@example.com": "",
		"arn:aws:iam::111122223333:user/alice":                                           "",
		"":                                                                               "",
	} {
		if got, ok := SignedInBy(arn); got != want || ok != (want != "") {
			t.Errorf("SignedInBy(%q) = %q, %v", arn, got, ok)
		}
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	who, ctx := somebody(t)
	sent := func(err error) error {
		return fmt.Errorf("send: %w", &url.Error{Op: "Post", URL: "https://api.sagemaker.us-east-1.amazonaws.com/", Err: err})
	}
	for name, err := range map[string]error{
		"dns":         sent(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.sagemaker.us-east-1.amazonaws.com"}}),
		"proxy":       sent(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}),
		"proxy-says":  sent(proxyRefusal{http.StatusProxyAuthRequired}),
		"proxy-no":    sent(proxyRefusal{http.StatusForbidden}),
		"refused":     sent(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}),
		"certificate": sent(x509.CertificateInvalidError{Reason: x509.Expired}),
		"timeout":     sent(context.DeadlineExceeded),
		"unknown":     errors.New("something else"),
	} {
		golden(t, "network-"+name, told(t, who.Problem(ctx, request("sagemaker:ListSpaces"), err)))
	}
}

// Whatever AWS, or what stands in for it, says: nothing of it acts on a
// terminal, and no sentence is empty.
func FuzzWhatAWSSays(f *testing.F) {
	f.Add("AccessDeniedException", "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sagemaker:StartSession on resource: arn:x\x1b[2J")
	f.Add("AccessDeniedException", "with an explicit deny in a \x9b policy: arn:aws:iam::111122223333:policy/x")
	f.Add("ValidationException", "\u202e. .")
	f.Add("\x06", "")
	f.Fuzz(func(t *testing.T, code, text string) {
		who, ctx := somebody(t)
		err := &smithy.GenericAPIError{Code: code, Message: text}
		r := request(StartSession)
		r.RemoteAccess = true
		for _, p := range []*problem.Problem{who.Problem(ctx, r, err), problem.From(who.credentialsProblem(ctx, r, err))} {
			if p.Sentence == "" || p.Hint == "" || p.Code == problem.Internal {
				t.Fatalf("not a whole problem: %#v", p)
			}
			for _, r := range p.Error() + p.Hint + strings.ReplaceAll(p.Paste, "\n", "") {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q lets %q through", p.Error(), r)
				}
			}
		}
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "problems", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

func told(t *testing.T, p *problem.Problem) string {
	t.Helper()
	if p.Sentence == "" || p.Hint == "" || p.Code == problem.Internal {
		t.Errorf("not a whole problem: %#v", p)
	}
	text := fmt.Sprintf("code: %s\nsentence: %s\nhint: %s\n", p.Code, p.Sentence, p.Hint)
	if p.Paste != "" {
		text += "paste:\n" + p.Paste + "\n"
	}
	return text + fmt.Sprintf("cause: %s\n", p.Cause)
}
