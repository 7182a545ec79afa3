//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/e2e/witness"
	"github.com/spacehatch/spacehatch/handler/doctor"
)

// doctorSays runs the doctor and returns its findings by their ids.
func (d *desk) doctorSays(t *testing.T, code int, args ...string) (map[string]doctor.Finding, []string) {
	t.Helper()
	got := d.run(t, "", append([]string{"doctor", "--json"}, args...)...)
	if got.code != code || got.errors != "" {
		t.Fatalf("want %d, %v", code, got)
	}
	var all []doctor.Finding
	if err := json.Unmarshal([]byte(got.out), &all); err != nil {
		t.Fatalf("%v in %s", err, got.out)
	}
	byID := map[string]doctor.Finding{}
	var order []string
	for _, f := range all {
		if _, twice := byID[f.ID]; twice {
			t.Errorf("%s is there twice", f.ID)
		}
		byID[f.ID] = f
		order = append(order, f.ID)
	}
	return byID, order
}

// are checks the severities of findings, "id severity" each.
func are(t *testing.T, when string, found map[string]doctor.Finding, want ...string) {
	t.Helper()
	for _, each := range want {
		id, severity, _ := strings.Cut(each, " ")
		if f := found[id]; string(f.Severity) != severity {
			t.Errorf("%s: %s is %q, want %s: %+v", when, id, f.Severity, severity, f)
		}
	}
}

func TestDoctorLooksAndTouchesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.env = append(d.env, "PATH="+withoutIDEs(t))
	root := filepath.Dir(d.home)
	before := witness.Snapshot(t, root)
	found, order := d.doctorSays(t, exitOK)
	witness.Same(t, "doctor", before, witness.Snapshot(t, root))
	want := "system release policy links intercept autostart openssh ssh-config ssh-host ide settings spaces permissions sockets lock disk log proxy ca-bundle credentials network"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("order:\n got %s\nwant %s", got, want)
	}
	are(t, "fresh", found, "system ok", "links warning", "openssh ok", "ssh-config warning", "ssh-host info", "ide info", "settings ok",
		"spaces info", "permissions ok", "sockets ok", "lock ok", "log ok", "proxy ok", "ca-bundle ok", "credentials info", "network info")

	text := d.run(t, "", "doctor")
	if text.code != exitOK || !strings.Contains(text.out, "0 errors, 2 warnings. `spacehatch doctor --fix` can put 1 right.\n") {
		t.Errorf("as text: %v", text)
	}
	witness.Same(t, "doctor", before, witness.Snapshot(t, root))
}

// withoutIDEs is a PATH on which ssh is and no IDE.
func withoutIDEs(t *testing.T) string {
	t.Helper()
	var all []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "code")); err != nil {
			all = append(all, dir)
		}
	}
	return strings.Join(all, string(filepath.ListSeparator))
}

func TestDoctorFixes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.knows(t)
	if got := d.run(t, "", "setup", "--yes", "--json"); got.code != exitOK {
		t.Fatal(got)
	}
	found, _ := d.doctorSays(t, exitOK)
	are(t, "set up", found, "links ok", "ssh-config ok", "ssh-host ok", "spaces ok", "permissions ok")

	// What goes wrong with time.
	own := filepath.Join(d.home, ".ssh", "spacehatch", "config")
	if err := os.WriteFile(own, []byte("Host *.hatch\n  ProxyCommand nc %h 22\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	entry := filepath.Join(d.home, "data", "applications", "spacehatch.desktop")
	text, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Exec=") {
			lines[i] = "Exec=/gone/spacehatch open %u"
		}
	}
	if err := os.WriteFile(entry, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(d.state, "spaces.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(d.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(d.runtime, "t-00000000-1.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dead, old, old); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(d.home, "config", "spacehatch", "settings.toml")
	if err := os.MkdirAll(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte("colour = \"red\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	root := filepath.Dir(d.home)
	before := witness.Snapshot(t, root)
	found, _ = d.doctorSays(t, exitFailed)
	are(t, "broken", found, "links warning", "ssh-config warning", "permissions.mode warning", "sockets warning", "settings error")
	witness.Same(t, "doctor without --fix", before, witness.Snapshot(t, root))

	user, err := os.ReadFile(filepath.Join(d.home, ".ssh", "config"))
	if err != nil {
		t.Fatal(err)
	}
	found, _ = d.doctorSays(t, exitFailed, "--fix") // the settings are the user's
	for _, id := range []string{"links", "ssh-config", "permissions.mode", "sockets"} {
		if f := found[id]; !f.Fixable || !f.Fixed || f.Severity != doctor.Warning || f.Hint != "" {
			t.Errorf("with --fix: %+v", f)
		}
	}
	if f := found["settings"]; f.Fixable || f.Fixed || !strings.Contains(f.Sentence, "colour") {
		t.Errorf("with --fix: %+v", f)
	}
	if after, err := os.ReadFile(filepath.Join(d.home, ".ssh", "config")); err != nil || string(after) != string(user) {
		t.Errorf("the user's SSH config is %q, %v", after, err)
	}
	if err := os.Remove(settings); err != nil {
		t.Fatal(err)
	}
	found, _ = d.doctorSays(t, exitOK)
	are(t, "afterwards", found, "links ok", "ssh-config ok", "ssh-host ok", "permissions ok", "sockets ok", "settings ok")
	if got := d.run(t, "", "doctor", "--fix"); got.code != exitOK || !strings.HasSuffix(got.out, "\nNothing is in the way.\n") {
		t.Errorf("as text: %v", got)
	}
}

// The user's own file is changed only after a question.
func TestDoctorLeavesTheUsersFileAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ssh := filepath.Join(d.home, ".ssh")
	if err := os.MkdirAll(ssh, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(ssh, "config"), []byte("Host x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := witness.Snapshot(t, ssh)
	found, _ := d.doctorSays(t, exitOK, "--fix")
	if f := found["ssh-config"]; f.Severity != doctor.Warning || f.Fixable || f.Fixed {
		t.Errorf("%+v", f)
	}
	witness.Same(t, "doctor --fix", before, witness.Snapshot(t, ssh))
}

func TestDoctorAsksAnIDE(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.knows(t)
	bin := filepath.Join(d.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	code := func(version, extensions string) {
		t.Helper()
		script := "#!/bin/sh\ncase $1 in\n--version) echo " + version + ";;\n--list-extensions) echo " + extensions + ";;\nesac\n"
		if err := os.WriteFile(filepath.Join(bin, "code"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.env = append(d.env, "PATH="+bin+":"+withoutIDEs(t))
	code("1.98.2", "ms-vscode-remote.remote-ssh@0.120.0")
	found, _ := d.doctorSays(t, exitOK)
	are(t, "good", found, "ide-code ok", "ide-code.settings info")
	if !strings.Contains(found["ide-code"].Sentence, "1.98.2") || !strings.Contains(found["ide-code"].Sentence, "0.120.0") {
		t.Errorf("%+v", found["ide-code"])
	}
	code("1.98.2", "other.extension@1.0.0")
	found, _ = d.doctorSays(t, exitOK)
	are(t, "without its extension", found, "ide-code warning")
	code("1.2.3", "ms-vscode-remote.remote-ssh@0.120.0")
	d.env = append(d.env, "SPACEHATCH_EDITOR=cursor")
	found, _ = d.doctorSays(t, exitOK)
	are(t, "old, and another is wanted", found, "ide-code warning", "ide warning")
}

func TestDoctorAsksAWS(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.knows(t)
	d.signedIn(s)
	gateway := strings.Replace(strings.Replace(s.Info().Gateway, "wss://", "https://", 1), "ws://", "http://", 1)
	d.env = append(d.env, "AWS_ENDPOINT_URL_SSMMESSAGES="+gateway)
	before := s.Gateway().Counters()
	found, _ := d.doctorSays(t, exitOK, "--online")
	for _, id := range []string{"network-sagemaker", "network-ssmmessages", "network-trusted-1", "clock", "credentials"} {
		if f := found[id]; f.Severity.AtLeast(doctor.Warning) || f.ID == "" {
			t.Errorf("%s: %+v", id, f)
		}
	}
	if f := found["credentials"]; !strings.Contains(f.Sentence, "111122223333") {
		t.Errorf("%+v", f)
	}
	after := s.Gateway().Counters()
	if after.Sessions != before.Sessions {
		t.Errorf("a session was opened: %+v", after)
	}

	d.env = append(d.env, "AWS_ENDPOINT_URL_SAGEMAKER=http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY=wrong")
	found, _ = d.doctorSays(t, exitFailed, "--online", "--region", "eu-west-1")
	are(t, "nobody there", found, "network-sagemaker error", "credentials warning")

	d = newDesk(t)
	found, _ = d.doctorSays(t, exitOK, "--online")
	if f := found["network"]; !strings.Contains(f.Hint, "--region") {
		t.Errorf("without a region: %+v", f)
	}
	if got := d.run(t, "", "doctor", "--online", "--region", "us-east-1.evil.com"); got.code != exitUsage {
		t.Errorf("a wrong region: %v", got)
	}
}

// A doctor that needs a healthy machine is none.
func TestDoctorSurvivesWhatIsBroken(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.MkdirAll(d.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.state, "spaces.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(d.runtime, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.runtime, 0o755); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "SPACEHATCH_TRUSTED_HOSTS=*", "AWS_CA_BUNDLE=/nowhere", "HTTPS_PROXY=socks5://x:1", "AWS_PROFILE=nobody")
	found, _ := d.doctorSays(t, exitFailed, "--fix")
	are(t, "broken", found, "spaces error", "runtime error", "settings error", "ca-bundle.aws-ca-bundle error", "proxy error", "credentials warning")
	if err := os.Chmod(d.runtime, 0o700); err != nil { // for the clean-up
		t.Fatal(err)
	}
	d.env = append(d.env, "SPACEHATCH_TRUSTED_HOSTS=")
	if err := os.Remove(filepath.Join(d.state, "spaces.json")); err != nil {
		t.Fatal(err)
	}
}

func TestFindingsText(t *testing.T) {
	t.Parallel()
	mend := func(context.Context) (string, error) { return "", nil }
	got := findingsText([]doctor.Finding{
		{Severity: doctor.OK, Title: "System", Sentence: "It is Linux."},
		{Severity: doctor.Info, Title: "Spaces", Sentence: "None.", Hint: "Click."},
		{Severity: doctor.Warning, Title: "Visual Studio Code", Sentence: "It is old.", Hint: "Update it.", Mend: mend, Fixable: true},
		{Severity: doctor.Warning, Title: "Sockets", Sentence: "They were removed.", Fixable: true, Fixed: true},
		{Severity: doctor.Error, Title: "Clock", Sentence: "It is wrong."},
	}, false)
	want := `ok  System              It is Linux.
--  Spaces              None.
                        Click.
!   Visual Studio Code  It is old.
                        Update it.
ok  Sockets             They were removed.
!!  Clock               It is wrong.

1 error, 1 warning. ` + "`spacehatch doctor --fix`" + ` can put 1 right.
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
