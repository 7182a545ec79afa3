package caller

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/simulator/api"
)

const (
	here      = "111122223333"
	elsewhere = "444455556666"
)

// awsFiles are the two files of a computer that asks the simulator; its
// credentials named k-<account> are that account's.
func awsFiles(t *testing.T, settings, credentials string) *api.Server {
	t.Helper()
	home := t.TempDir()
	identity := func(account string) api.Identity {
		return api.Identity{AccessKeyID: "AKIA" + account, SecretAccessKey: secret.New("s"), ARN: "arn:aws:iam::" + account + ":user/alice"}
	}
	server := api.New(api.Config{Region: "us-east-1", Account: here, Identities: []api.Identity{identity(here), identity(elsewhere)}})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	for _, name := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "credentials"),
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
		"AWS_ENDPOINT_URL_STS": web.URL, "AWS_ENDPOINT_URL_SSO": web.URL, "AWS_ENDPOINT_URL_SSO_OIDC": web.URL,
	} {
		t.Setenv(name, value)
	}
	for name, text := range map[string]string{"config": settings, "credentials": credentials} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// keysOf is a profile with an account's keys.
func keysOf(name, account string) string {
	return fmt.Sprintf("[%s]\naws_access_key_id = AKIA%s\naws_secret_access_key = s\n", name, account)
}

const (
	ssoHere   = "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
	ssoThere  = "sso_session = corp\nsso_account_id = 444455556666\nsso_role_name = Dev\n"
	ssoCorp   = "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n"
	roleHere  = "role_arn = arn:aws:iam::111122223333:role/Dev\n"
	roleThere = "role_arn = arn:aws:iam::444455556666:role/Dev\n"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		settings, credentials string
		except                []string
		want, signIn          string
		calls                 int // of STS; -1 is any number
	}{
		"nothing at all":           {},
		"keys":                     {credentials: keysOf("a", elsewhere) + keysOf("b", here) + keysOf("c", here), want: "b", calls: 3},
		"a role that says it":      {settings: "[profile r]\nsource_profile = a\n" + roleHere, credentials: keysOf("a", elsewhere), want: "r"},
		"roles of others":          {settings: "[profile r]\nsource_profile = a\n" + roleThere, credentials: keysOf("a", elsewhere), calls: 1},
		"all but one":              {credentials: keysOf("b", here) + keysOf("c", here), except: []string{"b"}, want: "c", calls: 1},
		"keys that are over":       {credentials: "[x]\naws_access_key_id = AKIAX\naws_secret_access_key = s\n", calls: 1},
		"after a sign-in":          {settings: "[profile s]\n" + ssoHere + ssoCorp, signIn: "s"},
		"no sign-in for others":    {settings: "[profile s]\n" + ssoThere + ssoCorp},
		"what is there goes first": {settings: "[profile s]\n" + ssoHere + ssoCorp, credentials: keysOf("k", here), want: "k", calls: 1},
		"a program last":           {settings: "[profile p]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKIA111122223333\",\"SecretAccessKey\":\"s\"}'\n", want: "p", calls: 1},
		"no program without need":  {settings: "[profile p]\ncredential_process = false\n", credentials: keysOf("k", here), want: "k", calls: 1},
		"a code at the very last":  {settings: "[profile m]\nsource_profile = a\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\n" + roleHere, credentials: keysOf("a", elsewhere), want: "m", calls: 1},
		"a ring of sources":        {settings: "[profile x]\nsource_profile = y\n" + roleHere + "[profile y]\nsource_profile = x\n" + roleHere},
		"no credentials in it":     {settings: "[profile s]\nsso_session = corp\nregion = us-east-1\n" + ssoCorp},
	} {
		t.Run(name, func(t *testing.T) {
			server := awsFiles(t, c.settings, c.credentials)
			r := request(StartSession)
			got, err := Find(t.Context(), r, Options{Region: "us-east-1"}, c.except...)
			if got != c.want || (err == nil) != (c.signIn == "") || err != nil && problem.From(err).SignIn != c.signIn {
				t.Errorf("%q, %v", got, err)
			}
			if calls := server.Count("sts:GetCallerIdentity"); calls != c.calls {
				t.Errorf("%d calls, want %d", calls, c.calls)
			}
		})
	}
}

// Hundreds of profiles that do not fit are not all asked, and the end of the
// context ends the search.
func TestASearchIsBounded(t *testing.T) {
	var many strings.Builder
	for i := range 500 {
		many.WriteString(keysOf(fmt.Sprint("p", i), elsewhere))
	}
	server := awsFiles(t, "", many.String())
	if got, err := Find(t.Context(), request(StartSession), Options{Region: "us-east-1"}); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if n := server.Count("sts:GetCallerIdentity"); n != maxAsked {
		t.Errorf("%d profiles were asked", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, _ := Find(ctx, request(StartSession), Options{Region: "us-east-1"}); got != "" {
		t.Errorf("found %q after the end", got)
	}
}

func TestSections(t *testing.T) {
	got := parseSections([]byte("# x\n[default]\nregion=eu-west-1\n[ profile  a b ]\nSSO_Account_ID = 111122223333 # mine\n" +
		"s3 =\n  role_arn = nested\naws_secret_access_key = canary\n[broken\nrole_arn = no\n[profile c]\nrole_arn=arn ; x\nno value\n"))
	want := map[string]string{"default": "region=", "profile a b": "aws_secret_access_key= s3= sso_account_id=111122223333", "profile c": "role_arn=arn"}
	for name, keys := range want {
		var all []string
		for key, value := range got[name] {
			all = append(all, key+"="+value)
		}
		slices.Sort(all)
		if strings.Join(all, " ") != keys {
			t.Errorf("%s: %q", name, all)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}

func FuzzSections(f *testing.F) {
	f.Add("[profile x]\nrole_arn = a\n[sso-session y]\nsso_region = b #c\n")
	f.Add("[\n]\n=\n[a]=b\n\x00=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for name, s := range parseSections([]byte(text)) {
			if name == "" {
				t.Error("a section without a name")
			}
			for key, value := range s {
				if value != "" && !kept[key] {
					t.Errorf("kept %q of %q", value, key)
				}
			}
		}
	})
}

func TestWhatThereIsToSignInTo(t *testing.T) {
	settings := "[profile s]\n" + ssoHere + "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access, codewhisperer:completions\n" +
		"[profile role]\nsource_profile = s\n" + roleHere +
		"[profile old]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
	awsFiles(t, settings, keysOf("k", here))
	for profile, want := range map[string]string{
		"s":    "{s corp https://corp.awsapps.com/start us-east-1 [sso:account:access codewhisperer:completions]}",
		"role": "{s corp https://corp.awsapps.com/start us-east-1 [sso:account:access codewhisperer:completions]}",
		"old":  "{old  https://old.awsapps.com/start eu-west-1 []}",
	} {
		if got, err := SignIn(t.Context(), profile); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", profile, got, err)
		}
	}
	for profile, want := range map[string]problem.Code{"k": NotSSO, "nobody": problem.NoCredentials} {
		if _, err := SignIn(t.Context(), profile); problem.From(err).Code != want {
			t.Errorf("%s: %v", profile, err)
		}
	}
	t.Setenv("AWS_PROFILE", "old")
	if got, err := SignIn(t.Context(), ""); err != nil || got.Profile != "old" {
		t.Errorf("AWS_PROFILE: %v, %v", got, err)
	}
}
