package session

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// counter is the gateway behind the simulator's API: three connections a space.
type counter struct{ open int }

func (c *counter) StartSession(context.Context, string, bool) (api.Session, error) {
	if c.open == 3 {
		return api.Session{}, fmt.Errorf("counter: %w", api.ErrTooManyConnections)
	}
	c.open++
	return api.Session{ID: fmt.Sprint("s-", c.open), StreamURL: secret.New("wss://127.0.0.1/v1/data-channel/s"), Token: secret.New("t")}, nil
}

func (c *counter) StopSpace(context.Context, string) {}

func TestAgainstTheSimulator(t *testing.T) {
	identity := func(key string, expires time.Time) api.Identity {
		return api.Identity{AccessKeyID: key, SecretAccessKey: secret.New("right"), ARN: "arn:aws:iam::111122223333:user/alice", Expires: expires}
	}
	config := func(key, secret string) string {
		return fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", key, secret)
	}
	server := api.New(api.Config{
		Region: "us-east-1", Account: "111122223333",
		Identities: []api.Identity{identity("AKIAGOOD", time.Time{}), identity("AKIAOLD", time.Now().Add(-time.Hour))},
		Domains:    []api.Domain{{ID: "d-abc", Name: "studio", AuthMode: "IAM"}},
		Profiles:   []api.UserProfile{{Domain: "d-abc", Name: "alice"}},
		Spaces: []api.Space{{Domain: "d-abc", Name: "my-space", Owner: "alice", AppType: "JupyterLab",
			InstanceType: "ml.t3.large", RemoteAccess: true, Running: true}},
		Gateway: &counter{},
	})
	web := httptest.NewServer(server)
	defer web.Close()
	server.Fail(api.Fault{Operation: "sagemaker:StartSession", Code: "InternalFailure", Times: 1})

	start := func(content string, space Space) error {
		t.Helper()
		awsHome(t, content)
		t.Setenv("AWS_ENDPOINT_URL_SAGEMAKER", web.URL)
		t.Setenv("AWS_ENDPOINT_URL_STS", web.URL)
		l, _ := testLocal(t, nil, "")
		l.now = time.Now
		_, err := l.Session(t.Context(), space)
		return err
	}
	good := config("AKIAGOOD", "right")
	for range 3 {
		if err := start(good, mySpace); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		config string
		space  Space
		want   problem.Code
	}{
		{good, mySpace, problem.TooManyConnections},
		{good, studio("111122223333", "d-abc", "gone"), problem.SpaceNotFound},
		{config("AKIAOLD", "right"), mySpace, problem.CredentialsExpired},
		{config("AKIAGOOD", "wrong"), mySpace, caller.CredentialsWrong},
		{config("AKIANOBODY", "x"), mySpace, caller.CredentialsWrong},
	} {
		if err := start(c.config, c.space); !errors.Is(err, &problem.Problem{Code: c.want}) {
			t.Errorf("want %s: %v", c.want, err)
		}
	}
}
