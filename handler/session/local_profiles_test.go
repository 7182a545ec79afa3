package session

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

// keysOf is a profile with keys of an account, "old" for expired ones.
func keysOf(profile, account string) string {
	return fmt.Sprintf("[%s]\naws_access_key_id = AKIA%s\naws_secret_access_key = s\n", profile, account)
}

// profilesDesk is a computer in front of the simulator, with a store.
func profilesDesk(t *testing.T) (*api.Server, *Store, func(config string, space Space, o LocalOptions) error) {
	t.Helper()
	identity := func(name, account string, expires time.Time) api.Identity {
		return api.Identity{AccessKeyID: "AKIA" + name, SecretAccessKey: secret.New("s"), ARN: "arn:aws:iam::" + account + ":user/alice", Expires: expires}
	}
	server := api.New(api.Config{
		Region: "us-east-1", Account: "111122223333", Gateway: &counter{open: -1000},
		Identities: []api.Identity{
			identity("ours", "111122223333", time.Time{}), identity("theirs", "444455556666", time.Time{}),
			identity("old", "444455556666", time.Now().Add(-time.Hour)),
		},
		Domains:  []api.Domain{{ID: "d-abc", Name: "studio", AuthMode: "IAM"}},
		Profiles: []api.UserProfile{{Domain: "d-abc", Name: "alice"}},
		Spaces:   []api.Space{{Domain: "d-abc", Name: "my-space", Owner: "alice", AppType: "JupyterLab", InstanceType: "ml.t3.large", RemoteAccess: true, Running: true}},
	})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	store := OpenStore(t.TempDir(), t.TempDir())
	return server, store, func(config string, space Space, o LocalOptions) error {
		t.Helper()
		named := os.Getenv("AWS_PROFILE")
		awsHome(t, config)
		t.Setenv("AWS_PROFILE", named)
		t.Setenv("AWS_ENDPOINT_URL_SAGEMAKER", web.URL)
		t.Setenv("AWS_ENDPOINT_URL_STS", web.URL)
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		l := NewLocal(o)
		_, err := l.Session(t.Context(), space)
		return err
	}
}

func TestTheProfileOfAnAccountIsLearnt(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	server, store, start := profilesDesk(t)
	learns := LocalOptions{Memory: store}
	steps := []struct {
		what, config string
		want         problem.Code // none: a session
		asked        int          // of STS
		remembered   string
	}{
		{"the default is the right one", keysOf("default", "ours"), "", 0, ""},
		{"another one is", keysOf("default", "theirs") + keysOf("profile a", "theirs") + keysOf("profile b", "ours"), "", 2, "b"},
		{"it is remembered", keysOf("default", "theirs") + keysOf("profile b", "ours"), "", 0, "b"},
		{"it does not fit any more", keysOf("default", "theirs") + keysOf("profile b", "theirs") + keysOf("profile c", "ours"), "", 1, "c"},
		{"it is not there any more", keysOf("profile d", "ours"), "", 1, "d"},
		{"none fits", keysOf("default", "theirs") + keysOf("profile d", "old"), caller.AccountWrong, 0, ""},
		{"nobody looks again so soon", keysOf("default", "theirs") + keysOf("profile e", "ours"), caller.AccountWrong, 0, ""},
	}
	for _, c := range steps {
		before := server.Count("sts:GetCallerIdentity")
		err := start(c.config, mySpace, learns)
		if c.want == "" && err != nil || c.want != "" && !errors.Is(err, &problem.Problem{Code: c.want}) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
		if asked := server.Count("sts:GetCallerIdentity") - before; asked != c.asked {
			t.Errorf("%s: AWS was asked %d times whose credentials they are, want %d", c.what, asked, c.asked)
		}
		if name, _ := store.Profile("111122223333"); name != c.remembered {
			t.Errorf("%s: remembered %q, want %q", c.what, name, c.remembered)
		}
	}
	store.now = func() time.Time { return time.Now().Add(searchedFor) }
	if err := start(keysOf("default", "theirs")+keysOf("profile e", "ours"), mySpace, learns); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestWhichProfileComesFirst(t *testing.T) {
	const files = "[profile none]\nregion = us-east-1\n"
	chosen := func(name string) func(Space) string { return func(Space) string { return name } }
	for name, c := range map[string]struct {
		config  string
		options LocalOptions
		env     string // AWS_PROFILE
		want    problem.Code
	}{
		"the one that was named, and no other": {keysOf("default", "ours") + keysOf("profile x", "theirs"), LocalOptions{Profile: "x"}, "", caller.AccountWrong},
		"the one that was chosen":              {keysOf("default", "theirs") + keysOf("profile x", "ours"), LocalOptions{Chosen: chosen("x")}, "", ""},
		"a chosen one that is gone":            {keysOf("default", "ours"), LocalOptions{Chosen: chosen("x")}, "", ""},
		"the environment's":                    {files + keysOf("profile x", "ours"), LocalOptions{}, "x", ""},
		"not the environment's":                {keysOf("profile x", "theirs") + keysOf("profile y", "ours"), LocalOptions{Memory: OpenStore(t.TempDir(), t.TempDir())}, "x", ""},
		"a name that the file says":            {keysOf("default", "theirs") + "[profile x]\nsource_profile = default\nrole_arn = arn:aws:iam::111122223333:role/Dev\n", LocalOptions{Memory: OpenStore(t.TempDir(), t.TempDir())}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, start := profilesDesk(t)
			t.Setenv("AWS_PROFILE", c.env)
			err := start(c.config, mySpace, c.options)
			if c.want == "" && err != nil || c.want != "" && !errors.Is(err, &problem.Problem{Code: c.want}) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// A profile that would fit after a sign-in is what the person hears of.
func TestASignInThatWouldHelp(t *testing.T) {
	t.Setenv("AWS_PROFILE", "")
	_, store, start := profilesDesk(t)
	config := keysOf("default", "theirs") + "[profile work]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n" +
		"[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n"
	p := problem.From(start(config, mySpace, LocalOptions{Memory: store}))
	if p == nil || p.Code != problem.CredentialsExpired || p.SignIn != "work" {
		t.Errorf("%+v", p)
	}
	if _, searched := store.Profile("111122223333"); searched {
		t.Error("nobody would look after the sign-in")
	}
}

func TestProfilesAreRemembered(t *testing.T) {
	state := t.TempDir()
	s := OpenStore(state, t.TempDir())
	if name, searched := s.Profile("111122223333"); name != "" || searched {
		t.Error("something is known before it was")
	}
	for _, c := range []struct {
		account, profile, want string
		searched               bool
	}{
		{"111122223333", "work", "work", false},
		{"111122223333", "a\x1bb", "work", false},
		{"111122223333", "", "", true},
		{"111122223333", "again", "again", false},
	} {
		if err := s.RememberProfile(t.Context(), c.account, c.profile); err != nil {
			t.Fatal(err)
		}
		if name, searched := OpenStore(state, t.TempDir()).Profile("111122223333"); name != c.want || searched != c.searched {
			t.Errorf("after %q: %q, %v", c.profile, name, searched)
		}
	}
	if name, searched := s.Profile("444455556666"); name != "" || searched {
		t.Error("another account is known")
	}
}
