package bugreport

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// upper is a redactor that shows where it was: nothing in lower case is left.
type upper struct{ texts []string }

func (u *upper) Text(s string) string {
	u.texts = append(u.texts, s)
	return strings.ToUpper(s)
}

func unzip(t *testing.T, data []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

func TestEverythingPassesTheRedactorOnce(t *testing.T) {
	u := &upper{}
	make := func() *Report {
		r := New(u)
		r.Add("a.log", "the log", "one\n")
		if err := r.AddJSON("b.json", "findings", []any{map[string]any{"key": `C:\two <&>`, "n": 3, "null": nil, "ok": true}}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := make()
	data, err := r.Zip()
	if err != nil {
		t.Fatal(err)
	}
	files := unzip(t, data)
	if len(files) != 3 || files["a.log"] != "ONE\n" {
		t.Errorf("got %q", files)
	}
	var value []map[string]any
	if err := json.Unmarshal([]byte(files["b.json"]), &value); err != nil {
		t.Fatalf("%v in %s", err, files["b.json"])
	}
	if value[0]["KEY"] != `C:\TWO <&>` || value[0]["N"] != 3.0 || value[0]["OK"] != true {
		t.Errorf("got %v", value)
	}
	for _, name := range []string{"a.log", "b.json"} {
		if !strings.Contains(files["README.txt"], name) {
			t.Errorf("the README does not list %s", name)
		}
	}
	seen := map[string]int{}
	for _, text := range u.texts {
		if seen[text]++; seen[text] > 1 {
			t.Errorf("%q was redacted more than once", text)
		}
	}
	again, err := make().Zip()
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same report gives other bytes, %v", err)
	}
	if e := r.Entries(); len(e) != 2 || e[0].Name != "a.log" || e[0].Bytes != 4 {
		t.Errorf("entries %+v", e)
	}
}

// A number may be an account.
func TestNumbersAreRedactedToo(t *testing.T) {
	r := New(replacer{strings.NewReplacer("111122223333", "***")})
	if err := r.AddJSON("x", "", map[string]any{"account": 111122223333, "n": 1}); err != nil {
		t.Fatal(err)
	}
	if got := string(r.entries[0].data); strings.Contains(got, "1111") || !strings.Contains(got, `"n": 1`) || !json.Valid([]byte(got)) {
		t.Errorf("got %s", got)
	}
	if err := r.AddJSON("x", "", func() {}); err == nil {
		t.Error("what is no JSON is taken")
	}
}

type replacer struct{ *strings.Replacer }

func (r replacer) Text(s string) string { return r.Replace(s) }

func TestTail(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"a\nb\n", 10, "a\nb\n"},
		{"aaaa\nbb\n", 5, "(what came before was left out)\nbb\n"},
		{"token=SECRET-SECRET", 6, "(what came before was left out)\n"},
		{"", 0, ""},
	} {
		if got := Tail(c.text, c.limit); got != c.want {
			t.Errorf("%q: got %q", c.text, got)
		}
	}
}

func TestSettings(t *testing.T) {
	got := Settings("\ufeff# SECRET\neditor = \"code\"\r\n\nlog_level=\"debug\"\nfolder = \"/SECRET\"\ntrusted_hosts = [\n  \"SECRET\",\n]\nSECRET = \"code\"\neditor = \"SECRET\"\neditor = \"code\" # SECRET\nSECRET\n",
		"editor", "log_level", "folder", "trusted_hosts")
	want := "# (a comment)\neditor = \"code\"\n\nlog_level = \"debug\"\nfolder = ***\ntrusted_hosts = ***\n(a line that is not shown)\n(a line that is not shown)\n" +
		"(an unknown key) = ***\neditor = ***\neditor = ***\n(a line that is not shown)\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	got := Environment([]string{
		"PATH=/SECRET", "AWS_SECRET_ACCESS_KEY=SECRET", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=SECRET", "SPACEHATCH_LOG=debug",
		"SPACEHATCH_TRUSTED_HOSTS=SECRET", "https_proxy=http://SECRET", "AWS_PROFILE=", "AWS_X=y\nSECRET=1", "MY_AWS_KEY=SECRET",
		"AWS_\x1b[2J=SECRET", "SPACEHATCH_EDITOR=SECRET", "AWS_MAX_ATTEMPTS=3", "HTTPS_PROXY_SECRET=1", "AWS_USE_FIPS_ENDPOINT=True",
	})
	want := "AWS_DEFAULT_REGION = (set, not shown)\nAWS_MAX_ATTEMPTS = 3\nAWS_PROFILE = (empty)\nAWS_REGION = us-east-1\nAWS_SECRET_ACCESS_KEY = (set, not shown)\n" +
		"AWS_USE_FIPS_ENDPOINT = True\nAWS_X = (set, not shown)\nSPACEHATCH_EDITOR = (set, not shown)\nSPACEHATCH_LOG = debug\n" +
		"SPACEHATCH_TRUSTED_HOSTS = (set, not shown)\nhttps_proxy = (set, not shown)\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSSHConfig(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ours", "# >>> spacehatch >>> SECRET remark\r\nInclude spacehatch/config\r\n# <<< spacehatch <<<\r\nHost SECRET\n",
			"   1  # >>> spacehatch >>>\n   2  Include spacehatch/config\n   3  # <<< spacehatch <<<\n(4 lines in all)\n"},
		{"none", "Host SECRET\n", "None of Spacehatch's lines is in it.\n(1 lines in all)\n"},
		{"damaged", "Host SECRET\n# >>> spacehatch >>>\n# SECRET\nHost SECRET\n",
			"   2  # >>> spacehatch >>>\n   3  (a line of the user's)\n   4  (a line of the user's)\n(4 lines in all)\n"},
		{"the last without the first", "# <<< spacehatch <<<\nHost SECRET\n", "   1  # <<< spacehatch <<<\n(2 lines in all)\n"},
	} {
		if got := SSHConfig(c.in); got != c.want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

// Whatever a user's file holds, only our own words are shown of it.
func FuzzShorten(f *testing.F) {
	f.Add("# >>> spacehatch >>>\nSECRETSECRET\n# <<< spacehatch <<<")
	f.Add("editor = \"SECRETSECRET\"")
	f.Add("editor = SECRETSECRET = x")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "Include ") {
			return // our own line
		}
		for _, got := range []string{SSHConfig(text), Settings(text, "editor", "folder")} {
			if strings.Contains(got, "SECRETSECRET") {
				t.Errorf("%q in %q", "SECRETSECRET", got)
			}
		}
	})
}
