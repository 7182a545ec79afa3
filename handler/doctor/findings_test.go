package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// answers is a [Run] with what each command prints.
func answers(said map[string]string) Run {
	return func(_ context.Context, name string, args ...string) (string, error) {
		key := strings.Join(append([]string{name}, args...), " ")
		out, ok := said[key]
		if !ok {
			return "", fmt.Errorf("%s: %w", key, exec.ErrNotFound)
		}
		if text, failed := strings.CutPrefix(out, "FAIL "); failed {
			return text, errors.New("exit status 255")
		}
		return out, nil
	}
}

type fakePlan struct{ empty, user bool }

func (p fakePlan) Empty() bool                 { return p.empty }
func (p fakePlan) ChangesUserFile() bool       { return p.user }
func (p fakePlan) Apply(context.Context) error { return nil }

func planned(p SSHPlan, err error) func(context.Context) (SSHPlan, error) {
	return func(context.Context) (SSHPlan, error) { return p, err }
}

type fakeIDE struct {
	version, extension string
	check              error
}

func (i fakeIDE) Version(context.Context) (string, error)         { return i.version, nil }
func (i fakeIDE) Extension(context.Context) (string, bool, error) { return i.extension, true, nil }
func (i fakeIDE) Check(context.Context) error                     { return i.check }

// environment is an [Environment] of NAME=value.
func environment(variables ...string) Environment {
	return func(name string) (string, bool) {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

// Every sentence that a check without a network can say, as a person reads it.
func TestFindings(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	program, other, gone := file("spacehatch", ""), file("other", ""), filepath.Join(dir, "gone")
	config := file("config", "")
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	late := time.Date(2060, 8, 1, 12, 0, 0, 0, time.UTC)
	unfit := problem.New(problem.EditorFailed, "It is too old.", "Update it.", nil)

	links := func(r Registration, err error) Check {
		return Links(program, func(context.Context) (Registration, error) { return r, err }, nil)
	}
	login := func(l Login) Check {
		return Autostart(program, func(context.Context) (Login, error) { return l, nil }, nil)
	}
	catch := func(all ...Interception) Check {
		return Interceptions(program, func(context.Context) ([]Interception, error) { return all, nil }, nil)
	}
	host := func(got, want string) Check {
		return SSHHost(answers(map[string]string{"ssh -G -- a.hatch": got, "ssh -G -F " + config + " -- a.hatch": want}), config, "a.hatch")
	}
	complete := func(done bool, err error) func() (bool, error) { return func() (bool, error) { return done, err } }
	bundle := func(name, path string, at time.Time) Check {
		return CABundles(environment(name+"="+path), func() time.Time { return at })
	}
	free := func(bytes uint64, err error) func(string) (uint64, error) {
		return func(string) (uint64, error) { return bytes, err }
	}
	may := func(err error) func(string) error { return func(string) error { return err } }
	big := file("big.log", "")
	if err := os.Truncate(big, largeLog+1); err != nil {
		t.Fatal(err)
	}
	authority := certificate(t)

	var text strings.Builder
	for _, c := range []struct {
		name  string
		check Check
	}{
		{"policy: none", Policy("", nil)},
		{"policy: two", Policy("/etc/p.toml", []string{"tray is false", "allowed_regions is us-east-1, us-east-2"})},
		{"release: development", Release(false, true, "", "")},
		{"release: none", Release(true, true, "", "https://x/latest")},
		{"release: newer", Release(true, false, "1.4.0", "https://x/latest")},
		{"release: nobody asked", Release(true, false, "", "https://x/latest")},
		{"links: none", links(Registration{}, nil)},
		{"links: this", links(Registration{Handler: "h", Program: program}, nil)},
		{"links: gone", links(Registration{Handler: "h", Program: gone}, nil)},
		{"links: gone, ours", links(Registration{Handler: "h", Program: gone, Ours: true}, nil)},
		{"links: another", links(Registration{Handler: "h", Program: other, Ours: true}, nil)},
		{"links: warning", links(Registration{Handler: "h", Program: program, Warning: "It holds a blank."}, nil)},
		{"links: not here", links(Registration{}, problem.New(problem.NotSupported, "Not yet.", "Copy it.", nil))},
		{"links: failed", links(Registration{}, errors.New("no"))},
		{"intercept: none", catch()},
		{"intercept: two", catch(Interception{Scheme: "vscode", Program: program, Next: "VS Code"}, Interception{Scheme: "kiro", Program: program})},
		{"intercept: taken", catch(Interception{Scheme: "vscode", Program: program, Next: "VS\x1b Code", Taken: true})},
		{"intercept: another", catch(Interception{Scheme: "vscode", Program: other, Next: "VS Code"})},
		{"intercept: gone", catch(Interception{Scheme: "vscode", Program: gone, Next: "VS Code", Warning: "It is not there any more."})},
		{"intercept: nobody left", catch(Interception{Scheme: "vscode", Program: program, Warning: "Nobody is left."})},
		{"intercept: forbidden", catch(Interception{Scheme: "vscode", Program: program, Next: "VS Code", Forbidden: true})},
		{"intercept: missing", catch(Interception{Scheme: "vscode", Next: "VS Code", Missing: true})},
		{"intercept: not here", Interceptions(program, func(context.Context) ([]Interception, error) {
			return nil, problem.New(problem.NotSupported, "No.", "", nil)
		}, nil)},
		{"autostart: off", login(Login{Program: gone, Ours: true})},
		{"autostart: on", login(Login{Enabled: true, Program: program, Ours: true})},
		{"autostart: another", login(Login{Enabled: true, Program: other, Ours: true})},
		{"autostart: gone", login(Login{Enabled: true, Program: gone, Ours: true})},
		{"autostart: gone, not ours", login(Login{Enabled: true, Program: gone})},
		{"openssh: none", OpenSSH(answers(nil))},
		{"openssh: debian", OpenSSH(answers(map[string]string{"ssh -V": "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"}))},
		{"openssh: windows", OpenSSH(answers(map[string]string{"ssh -V": "OpenSSH_for_Windows_9.5p1, LibreSSL 3.8.2\n"}))},
		{"openssh: least", OpenSSH(answers(map[string]string{"ssh -V": "OpenSSH_7.6p1, x"}))},
		{"openssh: old", OpenSSH(answers(map[string]string{"ssh -V": "OpenSSH_7.5p1, x"}))},
		{"openssh: ten", OpenSSH(answers(map[string]string{"ssh -V": "OpenSSH_10.0p2"}))},
		{"openssh: another", OpenSSH(answers(map[string]string{"ssh -V": "Dropbear v2022.83\x1b[2J\n"}))},
		{"openssh: broken", OpenSSH(answers(map[string]string{"ssh -V": "FAIL no"}))},
		{"ssh-config: good", SSHConfig(planned(fakePlan{empty: true}, nil))},
		{"ssh-config: the user's", SSHConfig(planned(fakePlan{user: true}, nil))},
		{"ssh-config: ours", SSHConfig(planned(fakePlan{}, nil))},
		{"ssh-config: unsafe", SSHConfig(planned(nil, problem.New(problem.SSHConfigUnsafe, "It is odd.", "Mend it.", nil)))},
		{"ssh-host: not yet", SSHHost(answers(nil), gone, "a.hatch")},
		{"ssh-host: good", host("user u\nproxycommand x proxy a\n", "User u\nProxyCommand x proxy a\n")},
		{"ssh-host: another command", host("user u\nproxycommand evil\n", "user u\nproxycommand x proxy a\n")},
		{"ssh-host: no command", host("user u\n", "user u\nproxycommand x proxy a\n")},
		{"ssh-host: another user", host("user root\nproxycommand x\n", "user u\nproxycommand x\n")},
		{"ssh-host: another socket", host("controlpath /tmp/x\nproxycommand x\n", "controlpath /y\nproxycommand x\n")},
		{"ssh-host: empty", host("user u\n", "user u\n")},
		{"ssh-host: broken", host("FAIL /home/x/.ssh/config: line 3: Bad configuration option: foo\n", "")},
		{"ide: none", NoIDE("")},
		{"ide: not there", NoIDE("cursor")},
		{"ide: good", IDEReady("code", "Visual Studio Code", fakeIDE{"1.98.2", "0.120.0", nil}, complete(true, nil))},
		{"ide: built in", IDEReady("windsurf", "Windsurf", fakeIDE{"1.9.0", "", nil}, complete(false, nil))},
		{"ide: unfit", IDEReady("code", "Visual Studio Code", fakeIDE{check: unfit}, complete(false, unfit))},
		{"spaces: none", Spaces(func() (int, error) { return 0, nil })},
		{"spaces: one", Spaces(func() (int, error) { return 1, nil })},
		{"spaces: two", Spaces(func() (int, error) { return 2, nil })},
		{"spaces: damaged", Spaces(func() (int, error) { return 0, unfit })},
		{"settings: none", Settings("/s.toml", false, func() error { return nil })},
		{"settings: good", Settings("/s.toml", true, func() error { return nil })},
		{"settings: broken", Settings("/s.toml", true, func() error { return unfit })},
		{"disk: good", diskBy([]string{dir}, free(1<<30, nil), may(nil))},
		{"disk: short", diskBy([]string{dir, filepath.Join(gone, "below")}, free(99<<20, nil), may(nil))},
		{"disk: failed", diskBy([]string{dir}, free(0, errors.New("no")), may(nil))},
		{"disk: read-only", diskBy([]string{dir, filepath.Join(gone, "below")}, free(1<<30, nil), may(errors.New("read-only file system")))},
		{"log: none", Log(gone)},
		{"log: small", Log(file("small.log", "x"))},
		{"log: large", Log(big)},
		{"proxy: none", Proxy(environment())},
		{"proxy: good", Proxy(environment("HTTPS_PROXY=http://alice:SECRET@proxy.corp:3128/x"))},
		{"proxy: short", Proxy(environment("https_proxy=proxy.corp:3128"))},
		{"proxy: socks", Proxy(environment("HTTPS_PROXY=socks5://u:SECRET@p:1"))},
		{"proxy: nonsense", Proxy(environment("HTTPS_PROXY=http://u:SECRET@[::1:x"))},
		{"proxy: all", Proxy(environment("ALL_PROXY=http://u:SECRET@p:1"))},
		{"ca-bundle: none", CABundles(environment(), time.Now)},
		{"ca-bundle: good", bundle("AWS_CA_BUNDLE", file("good.pem", authority), now)},
		{"ca-bundle: two", bundle("SSL_CERT_FILE", file("two.pem", authority+"\nwords\n"+authority), now)},
		{"ca-bundle: expired", bundle("SSL_CERT_FILE", file("good.pem", authority), late)},
		{"ca-bundle: gone", bundle("SSL_CERT_FILE", gone, now)},
		{"ca-bundle: folder", bundle("AWS_CA_BUNDLE", dir, now)},
		{"ca-bundle: words", bundle("AWS_CA_BUNDLE", file("words.pem", "no certificate"), now)},
		{"ca-bundle: damaged", bundle("AWS_CA_BUNDLE", file("damaged.pem", authority+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), now)},
		{"network: offline", Offline("AWS was not asked.", "Ask.")},
	} {
		fmt.Fprintf(&text, "%s\n", c.name)
		for _, f := range look(t, c.check) {
			fixable := ""
			if f.Fixable {
				fixable = ", fixable"
			}
			fmt.Fprintf(&text, "  %s (%s, %s%s)\n    %s\n", f.ID, f.Title, f.Severity, fixable, f.Sentence)
			if f.Hint != "" {
				fmt.Fprintf(&text, "    %s\n", f.Hint)
			}
			whole(t, c.name, f)
		}
	}
	got := strings.ReplaceAll(text.String(), dir, "DIR")
	golden(t, "findings.golden", strings.ReplaceAll(got, `\`, "/"))
	if strings.Contains(got, "SECRET") {
		t.Error("a password is told")
	}
}

// whole checks what every finding must be.
func whole(t *testing.T, name string, f Finding) {
	t.Helper()
	for _, text := range []string{f.Sentence, f.Hint} {
		if text != "" && !strings.HasSuffix(text, ".") || strings.Contains(text, "..") {
			t.Errorf("%s: not a whole sentence: %q", name, text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%s: a control character: %q", name, text)
		}
	}
	if f.Sentence == "" || f.Title == "" || f.ID == "" || f.Severity == "" {
		t.Errorf("%s: incomplete: %+v", name, f)
	}
}

func TestSystemTellsWhatThisIs(t *testing.T) {
	f := only(t, System("1.2.3", "/opt/spacehatch"))
	whole(t, "system", f)
	for _, part := range []string{"1.2.3", "/opt/spacehatch", systemName()} {
		if !strings.Contains(f.Sentence, part) {
			t.Errorf("%q lacks %q", f.Sentence, part)
		}
	}
}

func TestLinksAreRegisteredAgain(t *testing.T) {
	program := filepath.Join(t.TempDir(), "spacehatch")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	now := Registration{Handler: "h", Program: "/gone/spacehatch", Ours: true}
	d := Doctor{Limit: time.Minute, Checks: []Check{Links(program,
		func(context.Context) (Registration, error) { return now, nil },
		func(context.Context) error { now.Program = program; return nil })}}
	f := d.Mend(t.Context(), d.Look(t.Context()))[0]
	if !f.Fixed || !strings.Contains(f.Sentence, "again") {
		t.Errorf("%+v", f)
	}
}

func TestTheStartAtLoginIsMended(t *testing.T) {
	program := filepath.Join(t.TempDir(), "spacehatch")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	now := Login{Enabled: true, Program: "/gone/spacehatch", Ours: true}
	d := Doctor{Limit: time.Minute, Checks: []Check{Autostart(program,
		func(context.Context) (Login, error) { return now, nil },
		func(context.Context) error { now.Program = program; return nil })}}
	f := d.Mend(t.Context(), d.Look(t.Context()))[0]
	if !f.Fixed || !strings.Contains(f.Sentence, "this program is started") {
		t.Errorf("%+v", f)
	}
}

func TestInterceptionIsMendedButNeverFought(t *testing.T) {
	program := filepath.Join(t.TempDir(), "spacehatch")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	now := []Interception{{Scheme: "vscode", Program: "/gone/spacehatch", Warning: "It is gone."}, {Scheme: "kiro", Program: program, Taken: true}}
	d := Doctor{Limit: time.Minute, Checks: []Check{Interceptions(program,
		func(context.Context) ([]Interception, error) { return now, nil },
		func(_ context.Context, scheme string) error {
			if scheme != "vscode" {
				t.Errorf("%s was taken away from its IDE", scheme)
			}
			now[0].Program, now[0].Warning = program, ""
			return nil
		})}}
	found := d.Mend(t.Context(), d.Look(t.Context()))
	if !found[0].Fixed || found[1].Fixed || found[1].Fixable || found[1].Severity != Warning {
		t.Errorf("%+v", found)
	}
}

func TestASlowIDEIsNotABrokenOne(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := ideFinding(ctx, "Code", fakeIDE{check: context.Canceled}); f.Severity != Warning || !strings.Contains(f.Sentence, "in time") {
		t.Errorf("%+v", f)
	}
}
