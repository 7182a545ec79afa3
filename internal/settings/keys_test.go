package settings

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// Whoever adds a key says all there is to say about it, and every value that
// is offered can be set and comes back.
func TestEveryKeyIsWhole(t *testing.T) {
	for _, k := range Keys() {
		t.Run(k.Name, func(t *testing.T) {
			if k.About == "" || !strings.HasSuffix(k.About, ".") || k.Allowed == "" || k.Parse == nil {
				t.Errorf("not whole: %+v", k)
			}
			if (Text(k.Default()) == "") != (k.Blank != "") {
				t.Errorf("the default is %q, and empty means %q", Text(k.Default()), k.Blank)
			}
			examples := append([]string{strings.Trim(k.Example, "'")}, k.Values...)
			if k.Name == KeySSHOptions {
				examples = strings.Split(strings.Trim(k.Example, "'"), "' '")
			}
			for _, example := range examples {
				value, err := k.Parse([]string{example})
				if err != nil {
					t.Fatalf("%q: %v", example, err)
				}
				path := file(t, "# mine\n")
				if err := Set(path, k.Name, value); err != nil {
					t.Fatal(err)
				}
				r, err := Resolve(path, none, Policy{})
				if err != nil || Text(r.Value(k.Name)) != example || r.Origin(k.Name) != File {
					t.Errorf("%q became %q from %s, %v", example, Text(r.Value(k.Name)), r.Origin(k.Name), err)
				}
			}
			if k.Variable == "" {
				return
			}
			r, err := Resolve(file(t, ""), func(name string) (string, bool) { return examples[0], name == k.Variable }, Policy{})
			if err != nil || Text(r.Value(k.Name)) != examples[0] || r.Origin(k.Name) != Environment {
				t.Errorf("from the environment: %q from %s, %v", Text(r.Value(k.Name)), r.Origin(k.Name), err)
			}
		})
	}
	if _, ok := Find("colour"); ok {
		t.Error("there is a key that there is not")
	}
}

func TestOrigins(t *testing.T) {
	path := file(t, "folder = \"/x\"\nlog_level = \"info\"\n")
	r, err := Resolve(path, func(name string) (string, bool) { return "debug", name == VariableLog }, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Origin{}
	for _, k := range Keys() {
		got[k.Name] = r.Origin(k.Name)
	}
	want := map[string]Origin{
		KeyEditor: Default, KeyFolder: File, KeyTray: Default, KeyIdleNotice: Default, KeyKeepAwake: Default, KeySSHOptions: Default,
		KeyProfile: Default, KeyTrustedHosts: Default, KeyUpdateCheck: Default, KeyLogLevel: Environment,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r.LogLevel != "debug" || r.Value(KeyLogLevel) != "debug" || r.Value("colour") != nil {
		t.Errorf("%+v", r.Settings)
	}
}

func TestIdleNotice(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"off": 0, "1m": time.Minute, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "168h": 7 * 24 * time.Hour,
		"61s": 61 * time.Second, "90.4s": 90 * time.Second,
	} {
		path := file(t, "")
		if err := Set(path, KeyIdleNotice, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		s, err := Load(path, none)
		if err != nil || s.IdleNotice != want {
			t.Errorf("%s is %v, %v", text, s.IdleNotice, err)
		}
	}
	for _, text := range []string{"", "0", "0s", "59s", "169h", "-1h", "1 h", "an hour", "9999999999h"} {
		if err := Set(file(t, ""), KeyIdleNotice, text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "off", time.Hour: "1h", 90 * time.Minute: "1h30m", 30 * time.Minute: "30m", 61 * time.Second: "1m1s",
		10 * time.Hour: "10h", 10 * time.Minute: "10m", time.Hour + 10*time.Second: "1h0m10s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestSSHOptions(t *testing.T) {
	path := file(t, "")
	given := []string{"Compression   no", " ServerAliveInterval 30 ", "Ciphers aes128-gcm@openssh.com,aes256-ctr"}
	if err := Set(path, KeySSHOptions, given); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path, none)
	want := []string{"Compression no", "ServerAliveInterval 30", "Ciphers aes128-gcm@openssh.com,aes256-ctr"}
	if err != nil || !reflect.DeepEqual(s.SSHOptions, want) {
		t.Errorf("got %q, %v", s.SSHOptions, err)
	}
	for _, option := range []string{
		"", "Compression", "Compression ", "Compression=no", "no\nHost *", "Compression no\nHost *", "Compression no\r",
		"Compression \"no\"", "Compression 'no'", "Compression no # yes", "Compression \\no", "Com-pression no",
		"# no", "Compression n\u00f6", "Compression " + strings.Repeat("x", 300), "Compression no\x1b[2J",
	} {
		err := Set(path, KeySSHOptions, []string{"Compression no", option})
		if p := problem.From(err); err == nil || p.Code != Invalid || !strings.Contains(p.Hint, "'Compression no'") {
			t.Errorf("%q: %v", option, err)
		}
	}
	if err := Set(path, KeySSHOptions, slicesOf("Compression no", 33)); err == nil {
		t.Error("33 options are taken")
	}
}

func slicesOf(text string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = text
	}
	return all
}

func TestBool(t *testing.T) {
	for text, want := range map[string]any{"true": true, "ON": true, "yes": true, "false": false, "off": false, "No": false, "": nil, "1": nil} {
		if got, err := Bool([]string{text}); got != want || (err == nil) != (want != nil) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if _, err := Bool(nil); err == nil {
		t.Error("nothing is a truth")
	}
}

// What a person is told names the key, what is allowed, and an example.
func TestRefusalsTellWhatIsAllowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.toml")
	p := problem.From(Set(path, KeyLogLevel, "loud"))
	if p.Sentence != `log_level was not changed: it must be "debug", "info", "warn" or "error".` ||
		p.Hint != "For example: `spacehatch settings set log_level debug`." {
		t.Errorf("%s %s", p.Sentence, p.Hint)
	}
	p = problem.From(Set(path, "col\x1bour", "red"))
	if !strings.HasPrefix(p.Sentence, "There is no setting ") || !strings.Contains(p.Hint, "editor, folder, tray") ||
		strings.Contains(p.Sentence, "\x1b") {
		t.Errorf("%s %s", p.Sentence, p.Hint)
	}
}
