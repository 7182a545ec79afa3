package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func redactor() *Redactor {
	return New(Person{
		Homes: []string{"/home/alice", `C:\Users\alice.smith`, "/Users/al ice", "/"},
		Users: []string{"alice", `CORP\alice.smith`, "Alice Smith", "root"},
		Hosts: []string{"laptop-7.corp.example", "localhost"},
	}, map[string]string{
		"my-space.hatch": "space-1.hatch", "my-space": "space-1", "MyProfile": "profile-1", "vpce.corp.example": "trusted-host-1",
	})
}

func TestText(t *testing.T) {
	r := redactor()
	for _, c := range []struct{ name, in, want string }{
		{"plain", "the tunnel is open after 120 ms, pid 4711, 1048576 bytes at 2026-08-01T12:00:00.123456789Z", "the tunnel is open after 120 ms, pid 4711, 1048576 bytes at 2026-08-01T12:00:00.123456789Z"},
		{"versions", "OpenSSH_9.2p1 code 1.98.2 ms-vscode-remote.remote-ssh@0.120.0", "OpenSSH_9.2p1 code 1.98.2 ms-vscode-remote.remote-ssh@0.120.0"},

		{"link", "got vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker?session=s&token=AAEA now", "got vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker?*** now"},
		{"link in quotes", `msg="spacehatch://connect/workspace?sessionId=s-0a&sessionToken=AAEA+/="`, `msg="spacehatch://connect/workspace?***"`},
		{"stream url", "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/SageMaker-remote-0abc?role=x", "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/***?***"},
		{"stream path", "/v1/data-channel/s-0a1b", "/v1/data-channel/***"},
		{"fragment", "https://x.example/#id_token=ab", "https://x.example/?***"},
		{"user info", "http://bob:pw@proxy:3128/", "http://***@proxy:3128/"},
		{"user info with a slash of its own", "proxyconnect http://bob:p@w@proxy:1", "proxyconnect http://***@proxy:1"},

		{"signature", "X-Amz-Signature=ab12&X-Amz-Expires=60", "X-Amz-Signature=***&X-Amz-Expires=***"},
		{"signature, encoded", "X-Amz-Signature%3Dab12 x", "X-Amz-Signature%3D*** x"},
		{"signature, twice encoded", "X-Amz-Security-Token%253DIQoJb3JpZ2lu", "X-Amz-Security-Token%253D***"},
		{"header", "X-Amz-Security-Token: IQoJ/+=", "X-Amz-Security-Token: ***"},
		{"authorization", "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/1, Signature=ab\nnext", "Authorization: ***\nnext"},
		{"bearer", "sent Bearer eyJhbGciOi.J9", "sent Bearer ***"},
		{"key", "used AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "used *** and ***"},
		{"secret key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "***"},
		{"token", `{"token": "AAEA", "TokenValue":"x"}`, `{"token": "***", "TokenValue":"***"}`},
		{"slog", "session=abc-1 token_value=AAEA level=INFO", "session=*** token_value=*** level=INFO"},
		{"toml", `aws_secret_access_key = wJalr`, `aws_secret_access_key = ***`},
		{"password", "password: hunter2; next", "password: ***; next"},
		{"jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4", "***.***"},
		{"private key", "x -----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY----- y", "x *** y"},
		{"private key, cut off", "-----BEGIN RSA PRIVATE KEY-----\nb3Bl\nx", "***"},

		{"arn", "no permission on arn:aws:sagemaker:us-east-1:111122223333:space/d-abcdefgh/other.", "no permission on arn:aws:sagemaker:us-east-1:***:space/***"},
		{"arn of a role", `"arn:aws-cn:sts::111122223333:assumed-role/Admin/bob"`, `"arn:aws-cn:sts::***:assumed-role/***"`},
		{"arn of a cluster", "arn:aws:eks:us-east-2:111122223333:cluster/c1/ns/ws", "arn:aws:eks:us-east-2:***:cluster/***"},
		{"arn, encoded", "arn%3Aaws%3Asagemaker%3Aus-east-1%3A111122223333%3Aspace%2Fd-abc%2Fother", "******%3Aspace%2F***"},
		{"arn, twice encoded", "arn%253Aaws%253Asagemaker%253Aus-east-1%253A111122223333%253Aspace%252Fd-abc%252Fother", "******%253Aspace%252F***"},
		{"account", "in the account 111122223333.", "in the account ***."},
		{"account, written apart", "account 1111-2222-3333", "account ***"},
		{"account after an encoded blank", "x%20111122223333", "x%***"},
		{"account inside", "log-111122223333-bucket", "log-***-bucket"},
		{"domain id", "d-abcdefghijkl of vpce-0123456789abcdef0-x1y2z3", "d-*** of vpce-***"},
		{"uuid", "request 01234567-89ab-cdef-0123-456789abcdef", "request ***"},
		{"session id", "carol-0a1b2c3d4e5f67890 ended", "*** ended"},
		{"session id of a space", "SageMaker-remote-0abc ended", "*** ended"},
		{"hash", "cm-0123456789abcdef0123456789abcdef01234567", "***"},

		{"home", "/home/alice/.ssh/config and /home/alice", "~/.ssh/config and ~"},
		{"home of another", "/home/alicea/x /home/bob", "/home/alicea/x /home/bob"},
		{"home on windows", `C:\Users\alice.smith\x c:/users/ALICE.SMITH/x`, `~\x ~/x`},
		{"home in JSON", `C:\\Users\\alice.smith\\x`, `~\\x`},
		{"home, encoded", "file=%2Fhome%2Falice%2Fx", "file=~%2Fx"},
		{"home with a blank", `/Users/al ice/x /Users/al\ ice/x`, `~/x ~/x`},
		{"user", "user Alice, alice@ and xalice", "user (user), (user)@ and xalice"},
		{"user with a domain", `CORP\alice.smith`, `(domain)\(user)`},
		{"full name", "by Alice Smith today", "by (user) today"},
		{"root", "root", "root"},
		{"host", "laptop-7.corp.example and LAPTOP-7: localhost", "(host) and (host): localhost"},
		{"mail", "from bob.b+x@corp.example.com or bob%40corp.example", "from *** or ***"},
		{"alias", "Host my-space.hatch MY-SPACE my-spaces", "Host space-1.hatch space-1 my-spaces"},
		{"word, encoded", "%2Fmy-space%2F", "%2Fspace-1%2F"},
		{"profile", "MyProfile/myprofile", "profile-1/profile-1"},
		{"trusted host", "dial vpce.corp.example:8443", "dial trusted-host-1:8443"},
		{"addresses", "10.1.2.3:443 127.0.0.1:80 169.254.169.254 0.0.0.0 fe80::1 2001:db8::1 ::1 at 12:00:01", "***:443 127.0.0.1:80 169.254.169.254 0.0.0.0 *** *** ::1 at 12:00:01"},
		{"not UTF-8", "a\xff\xfe111122223333", "a?***"},
	} {
		if got := r.Text(c.in); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestWordsThatLookLikeTheirReplacements(t *testing.T) {
	r := New(Person{Users: []string{"user"}, Hosts: []string{"host"}}, map[string]string{"space": "space-1", "space-1": "space-2"})
	if got := r.Text("user host space space-1"); got != "(user) (host) space-1 space-2" {
		t.Errorf("got %q", got)
	}
}

func TestNobodyKnown(t *testing.T) {
	if got := New(Person{}, nil).Text("in /home/alice, 111122223333"); got != "in /home/alice, ***" {
		t.Errorf("got %q", got)
	}
}

// Whatever surrounds them, what must go goes.
func FuzzText(f *testing.F) {
	f.Add("", "")
	f.Add("?x=", "&y")
	f.Add("%2F", "%3A")
	f.Add("arn:aws:sagemaker:us-east-1:", ":space/x")
	f.Add("-----BEGIN RSA PRIVATE KEY-----", "")
	f.Add("https://a@", "@b")
	f.Add("\xff", "\xc3")
	r := redactor()
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before) > 1000 || len(after) > 1000 {
			return
		}
		for _, secret := range []string{"111122223333", "AKIAIOSFODNN7EXAMPLE", "/home/alice"} {
			// A letter or digit that touches it makes it another word.
			got := r.Text(before + " " + secret + " " + after)
			if strings.Contains(got, secret) {
				t.Errorf("%q is left in %q", secret, got)
			}
			if !utf8.ValidString(got) {
				t.Errorf("not UTF-8: %q", got)
			}
		}
	})
}
