package caller

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// clientFunc is an aws.HTTPClient.
type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// net/http looks once more at a body that it has sent, after the answer has
// come and the SDK has closed the body. What it finds then decides whether the
// answer can be read to its end.
func TestABodyEndsAfterTheAnswerHasCome(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "") // takes a client of the SDK's own
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	var body io.Reader
	client := clientFunc(func(r *http.Request) (*http.Response, error) {
		body = r.Body
		sent, err := io.ReadAll(r.Body)
		if !strings.Contains(string(sent), "Action=GetCallerIdentity") || int64(len(sent)) != r.ContentLength {
			t.Errorf("sent %q with a length of %d, %v", sent, r.ContentLength, err)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(
			`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>` + alice + `</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
		))}, nil
	})
	c, err := Load(t.Context(), request(StartSession), Options{Region: "us-east-1", Load: []func(*config.LoadOptions) error{
		config.WithHTTPClient(client), config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIA", "secret", "")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := c.Identity(t.Context(), request(StartSession)); err != nil || who != alice {
		t.Fatalf("the caller is %q, %v", who, err)
	}
	if n, err := io.Copy(io.Discard, body); n != 0 || err != nil {
		t.Errorf("a last look at the body gave %d bytes, %v", n, err)
	}
}
