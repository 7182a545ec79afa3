package settings

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

func none(string) (string, bool) { return "", false }

func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.toml")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func text(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoad(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		env     map[string]string
		want    Settings
	}{
		"empty": {want: Defaults()},
		"all": {
			content: "editor = \"cursor\"\nfolder = '/home/sagemaker-user/a b'\nlog_level = \"debug\"\n" +
				"trusted_hosts = [\n  \"Proxy.Example:8443\", # ours\n  \"[::1]:9\", \"127.0.0.1\"\n]\ntray = false\n",
			want: Settings{Editor: "cursor", Folder: "/home/sagemaker-user/a b", TunnelProfile: "safe", LogLevel: "debug", IdleNotice: time.Hour, KeepAwake: true, UpdateCheck: true,
				TrustedHosts: []string{"proxy.example:8443", "[::1]:9", "127.0.0.1"}},
		},
		"byte order mark and CRLF": {
			content: "\ufeffeditor = \"code\"\r\nlog_level = \"warn\"\r\n",
			want:    Settings{Editor: "code", TunnelProfile: "safe", LogLevel: "warn", Tray: true, IdleNotice: time.Hour, KeepAwake: true, UpdateCheck: true},
		},
		"environment wins": {
			content: "editor = \"cursor\"\nlog_level = \"warn\"\ntrusted_hosts = [\"a.example\"]\n",
			env:     map[string]string{VariableEditor: "kiro", VariableLog: "error", VariableTrustedHosts: " b.example , c.example:1,"},
			want:    Settings{Editor: "kiro", TunnelProfile: "safe", LogLevel: "error", Tray: true, IdleNotice: time.Hour, KeepAwake: true, UpdateCheck: true, TrustedHosts: []string{"b.example", "c.example:1"}},
		},
		"empty variables count as not set": {
			content: "editor = \"cursor\"\n",
			env:     map[string]string{VariableEditor: "", VariableLog: "", VariableTrustedHosts: ""},
			want:    Settings{Editor: "cursor", TunnelProfile: "safe", LogLevel: "warn", Tray: true, IdleNotice: time.Hour, KeepAwake: true, UpdateCheck: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(file(t, c.content), func(k string) (string, bool) { v, ok := c.env[k]; return v, ok })
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestLoadMissing(t *testing.T) {
	got, err := Load(filepath.Join(t.TempDir(), "no", "settings.toml"), none)
	if err != nil || !reflect.DeepEqual(got, Defaults()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		env     map[string]string
		want    []string // in the sentence or the hint
	}{
		"unknown key":         {content: "# mine\neditor = \"code\"\n\neditr = \"code\"\n", want: []string{"Line 4 of ", `"editr"`, "trusted_hosts"}},
		"unknown table":       {content: "editor = \"code\"\n[proxy]\nhost = 1\n", want: []string{"Line 2 of ", `"proxy"`}},
		"after a long list":   {content: "trusted_hosts = [\n\"a.example\",\n\"b.example\",\n]\nx = 1\n", want: []string{"Line 5 of "}},
		"wrong type":          {content: "editor = 5\n", want: []string{"Line 1 of ", `"editor"`, "text in quotes"}},
		"list of numbers":     {content: "trusted_hosts = [1]\n", want: []string{"Line 1 of ", `"trusted_hosts"`}},
		"editor with a path":  {content: "editor = \"/bin/sh\"\n", want: []string{`"editor"`}},
		"editor as an option": {content: "editor = \"-x\"\n", want: []string{`"editor"`}},
		"relative folder":     {content: "folder = \"home\"\n", want: []string{`"folder"`}},
		"folder of two lines": {content: "folder = \"/a\\nb\"\n", want: []string{`"folder"`}},
		"log level":           {content: "log_level = \"loud\"\n", want: []string{"Line 1", `"debug"`}},
		"tray as a text":      {content: "tray = \"no\"\n", want: []string{"Line 1", `"tray"`, "true or false"}},
		"wildcard host":       {content: "trusted_hosts = [\"*.example\"]\n", want: []string{`"*.example"`}},
		"host with a path":    {content: "trusted_hosts = [\"a.example/x\"]\n", want: []string{`"a.example/x"`}},
		"port":                {content: "trusted_hosts = [\"a.example:0\"]\n", want: []string{`"a.example:0"`}},
		"broken":              {content: "editor = \"code\"\nfolder = \"/x\n", want: []string{"Line 2 of ", "TOML"}},
		"twice":               {content: "editor = \"a\"\neditor = \"b\"\n", want: []string{"Line 2 of "}},
		"not UTF-8":           {content: "editor = \"\xff\"\n", want: []string{"UTF-8"}},
		"variable":            {env: map[string]string{VariableTrustedHosts: "a b"}, want: []string{VariableTrustedHosts}},
		"log variable":        {env: map[string]string{VariableLog: "loud"}, want: []string{VariableLog}},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.content)
			_, err := Load(path, func(k string) (string, bool) { v, ok := c.env[k]; return v, ok })
			p := problem.From(err)
			if p == nil || p.Code != Invalid {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(p.Sentence+" "+p.Hint, want) {
					t.Errorf("%q is missing in: %s %s", want, p.Sentence, p.Hint)
				}
			}
			if c.env == nil && !strings.Contains(p.Sentence, path) {
				t.Errorf("the file is missing in: %s", p.Sentence)
			}
			if p.Hint == "" {
				t.Error("no hint")
			}
			if text(t, path) != c.content {
				t.Error("the file was touched")
			}
		})
	}
}

func TestSetKeepsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		content, key string
		value        any // nil: Unset
		want         string
	}{
		"append to nothing":    {key: KeyEditor, value: "code", want: "editor = \"code\"\n"},
		"append":               {content: "# mine\nfolder = \"/x\" # here", key: KeyEditor, value: "code", want: "# mine\nfolder = \"/x\" # here\neditor = \"code\"\n"},
		"replace":              {content: "# a\n\n  editor='cursor'   # best # ever\nfolder = \"/x\"\n", key: KeyEditor, value: "code", want: "# a\n\neditor = \"code\"   # best # ever\nfolder = \"/x\"\n"},
		"hash in the old one":  {content: "folder = \"/#1\" # one\n", key: KeyFolder, value: "/a \"b\" \\#2", want: "folder = \"/a \\\"b\\\" \\\\#2\" # one\n"},
		"list over many lines": {content: "log_level = \"warn\"\ntrusted_hosts = [ # ours\n \"a\", # a\n \"b\"\n] # end\n# tail\n", key: KeyTrustedHosts, value: []string{"c:1", "d"}, want: "log_level = \"warn\"\ntrusted_hosts = [\"c:1\", \"d\"] # end\n# tail\n"},
		"CRLF and mark":        {content: "\ufeffeditor = \"a\"\r\nlog_level = \"warn\"\r\n", key: KeyEditor, value: "b", want: "\ufeffeditor = \"b\"\r\nlog_level = \"warn\"\r\n"},
		"CRLF append":          {content: "editor = \"a\"\r\n", key: KeyLogLevel, value: "warn", want: "editor = \"a\"\r\nlog_level = \"warn\"\r\n"},
		"unset":                {content: "# a\neditor = \"a\" # x\nfolder = \"/x\"\n", key: KeyEditor, want: "# a\nfolder = \"/x\"\n"},
		"unset what is not":    {content: "folder = \"/x\"\n", key: KeyEditor, want: "folder = \"/x\"\n"},
		"truth":                {content: "tray = true # mine\n", key: KeyTray, value: false, want: "tray = false # mine\n"},
		"quoted key":           {content: "\"editor\" = \"a\"\n", key: KeyEditor, value: "b", want: "editor = \"b\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.content)
			var err error
			if c.value == nil {
				err = Unset(path, c.key)
			} else {
				err = Set(path, c.key, c.value)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, path); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestSetMakesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "settings.toml")
	if err := Set(path, KeyTrustedHosts, []string{"a.example"}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, path); got != "trusted_hosts = [\"a.example\"]\n" {
		t.Errorf("got %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestSetKeepsALink(t *testing.T) {
	path := file(t, "editor = \"a\"\n")
	link := filepath.Join(t.TempDir(), "link.toml")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Set(link, KeyEditor, "b"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is gone: %v", err)
	}
	if got := text(t, path); got != "editor = \"b\"\n" {
		t.Errorf("got %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := Set(link, KeyEditor, "b"); err == nil {
		t.Error("a link that leads nowhere was replaced")
	}
}

func TestSetRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content, key string
		value        any
	}{
		"unknown key":   {key: "colour", value: "red"},
		"wrong value":   {key: KeyLogLevel, value: "loud"},
		"wrong type":    {key: KeyEditor, value: 5},
		"no truth":      {key: KeyTray, value: "true"},
		"broken file":   {content: "editor = \n", key: KeyFolder, value: "/x"},
		"unknown there": {content: "colour = \"red\"\n", key: KeyFolder, value: "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.content)
			if err := Set(path, c.key, c.value); !errors.Is(err, &problem.Problem{Code: Invalid}) {
				t.Errorf("got %v", err)
			}
			if text(t, path) != c.content {
				t.Error("the file was touched")
			}
		})
	}
}

func TestPathIsInTheConfigFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "c"))
	t.Setenv("AppData", home)
	path, err := Path()
	if err != nil {
		t.Fatal(err)
	}
	if rel, err := filepath.Rel(home, path); err != nil || strings.HasPrefix(rel, "..") || filepath.Base(path) != "settings.toml" {
		t.Errorf("Path() = %s", path)
	}
}

func FuzzLoadAndSet(f *testing.F) {
	for _, s := range []string{
		"", "# c\n", "editor = \"code\" # x\n", "trusted_hosts = [\n\"a\",\n]\n", "\ufeff", "[a]\n",
		"folder = '''\n/x'''\n", "log_level = \"info\"", "tray = false # x", "editor='a'\r\n#\r\n", "folder = \"\"\"/a#\\\n b\"\"\" #x\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := file(t, string(data))
		before, err := Load(path, none)
		if err != nil {
			if p := problem.From(err); p.Code != Invalid || p.Hint == "" {
				t.Errorf("not a proper Problem: %v", err)
			}
			return
		}
		for key, value := range maps.All(map[string]any{KeyEditor: "kiro", KeyFolder: "/#", KeyTrustedHosts: []string{"h:1"}}) {
			if err := Set(path, key, value); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		want := Settings{Editor: "kiro", Folder: "/#", TrustedHosts: []string{"h:1"}, TunnelProfile: "safe", LogLevel: before.LogLevel, Tray: before.Tray,
			IdleNotice: before.IdleNotice, KeepAwake: before.KeepAwake, UpdateCheck: before.UpdateCheck, SSHOptions: before.SSHOptions}
		after, err := Load(path, none)
		if err != nil || !reflect.DeepEqual(after, want) {
			t.Errorf("got %+v, %v, want %+v, from %q", after, err, want, text(t, path))
		}
		for _, key := range []string{KeyEditor, KeyFolder, KeyTrustedHosts} {
			if err := Unset(path, key); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := Load(path, none); err != nil || after.Editor != "" || after.LogLevel != before.LogLevel {
			t.Errorf("after Unset: %+v, %v", after, err)
		}
	})
}

func TestTrustedHosts(t *testing.T) {
	load := func(list string) ([]string, error) {
		s, err := Load(filepath.Join(t.TempDir(), "none"), func(name string) (string, bool) {
			return list, name == VariableTrustedHosts
		})
		return s.TrustedHosts, err
	}
	want := []string{"a.example", "b.example:8443", "127.0.0.1:1", "[::1]:8080", "ws://127.0.0.1:8080", "ws://[::1]:1"}
	got, err := load("A.example, b.Example:8443,,127.0.0.1:1, [::1]:8080,WS://127.0.0.1:8080,ws://[::1]:1 ,")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
	for _, entry := range []string{
		"*.example", "a.example/x", "a.example:0", "a.example:65536", "a.example:", "a.example:x", "wss://a.example",
		"https://a.example", "ws://a.example", "ws://[::1]", "x@a.example", "a..example", "a.example.", "-a.example", "a b",
		"::1", "[::1", "[::1%25x]", "ws://", "[127.0.0.1]", "\u0430.example", strings.Repeat("a.", 127) + "example", "a\x1b[2J",
	} {
		if hosts, err := load("ok.example," + entry); err == nil {
			t.Errorf("%q is read as %q", entry, hosts)
		}
	}
}
