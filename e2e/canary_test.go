//go:build linux

package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canaries are the secrets of a link in every form in which they could leak.
func canaries(t *testing.T, link string) map[string]string {
	t.Helper()
	decoded := link
	for range 2 { // links are encoded up to twice
		var err error
		if decoded, err = url.PathUnescape(decoded); err != nil {
			t.Fatal(err)
		}
	}
	forms := map[string]string{}
	for parameter := range strings.FieldsFuncSeq(decoded, func(r rune) bool { return r == '?' || r == '&' }) {
		name, value, _ := strings.Cut(parameter, "=")
		switch name {
		case "token", "X-Amz-Security-Token", "X-Amz-Signature", "cell-number":
		default:
			continue
		}
		if len(value) < 16 {
			t.Fatalf("%s is too short to be told from chance: %q", name, value)
		}
		forms[name] = value
		forms[name+", encoded"] = url.QueryEscape(value)
		forms[name+", encoded twice"] = url.QueryEscape(url.QueryEscape(value))
		forms[name+", in hexadecimal"] = hex.EncodeToString([]byte(value))
		forms[name+", in base 64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")
		forms[name+", its middle"] = value[4 : len(value)-4]
	}
	if forms["token"] == "" || forms["X-Amz-Signature"] == "" || forms["cell-number"] == "" {
		t.Fatalf("the link lacks a secret; it has %d forms of them", len(forms))
	}
	return forms
}

func leaks(t *testing.T, where, text string, canaries map[string]string) {
	t.Helper()
	for name, canary := range canaries {
		if strings.Contains(text, canary) {
			t.Errorf("%s holds the link's %s", where, name)
		}
	}
}

// No secret of a link may be seen by anything but the gateway and, in a file
// that is the person's alone, the next ssh.
func TestASecretIsSeenNowhere(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.Env = append(v.Env, "SPACEHATCH_LOG=debug")
	link := v.studio.link(t, "space=my-space&scheme=vscode&presigned=1")
	secrets := canaries(t, link)

	look := func(when string) {
		for _, p := range v.processes(t) {
			leaks(t, when+": the argument list of process "+p.String()[:min(40, len(p.String()))], p.Args, secrets)
			leaks(t, when+": the environment of process "+p.String()[:min(40, len(p.String()))], p.Environ, secrets)
		}
		for _, dir := range []string{v.Home, v.Runtime, filepath.Join(v.Work, "tmp")} {
			v.lookInto(t, when, dir, secrets)
		}
	}
	said := v.open(t, link, func() { look("while consent is asked") }, "--editor", "none")
	leaks(t, "what open said", said, secrets)
	look("while connected")
	leaks(t, "status", v.run(t, spacehatch(), "status")+v.run(t, spacehatch(), "status", "--json"), secrets)
	leaks(t, "ssh -v", v.combined(t, "ssh", "-vvv", alias, "env"), secrets)

	// The same link once more: the connection is open already.
	for _, flags := range [][]string{{}, {"--json"}} {
		code, said := exitCode(t, v.Command(v.ctx, spacehatch(), append([]string{"open", link, "--editor", "none"}, flags...)...))
		if code != 0 {
			t.Errorf("a second open while connected: %d\n%s", code, said)
		}
		leaks(t, "a second open", said, secrets)
	}
	look("after a second open")
	// Proof that the spellings are right: the unused session of the second
	// open is put away for the next ssh, and there the secrets do stand.
	kept, err := os.ReadFile(filepath.Join(v.Runtime, "spacehatch", "sessions", alias+".json"))
	if err != nil || !strings.Contains(string(kept), secrets["token"]) || !strings.Contains(string(kept), secrets["X-Amz-Signature"]) {
		t.Errorf("the session of the second open is not where it belongs (%v)", err)
	}
	for _, flags := range [][]string{{}, {"--json"}} {
		code, said := exitCode(t, v.Command(v.ctx, spacehatch(), append([]string{"link", link}, flags...)...))
		if code != 0 {
			t.Errorf("spacehatch link: %d\n%s", code, said)
		}
		leaks(t, "spacehatch link", said, secrets)
	}
	v.run(t, spacehatch(), "close", "--all")
	code, said := exitCode(t, v.Command(v.ctx, spacehatch(), "open", strings.Replace(link, "token=", "token=x", 1), "--editor", "none"))
	if code == 0 {
		t.Errorf("a link with a wrong token opened:\n%s", said)
	}
	leaks(t, "what is said about a wrong token", said, secrets)
	look("after a wrong token")
	v.quiet(t, v.idle)
	leaks(t, "the simulator's log", v.studio.Log(), secrets)
}

// combined is all that a command says, which must succeed.
func (v *visitor) combined(t *testing.T, name string, args ...string) string {
	t.Helper()
	code, said := exitCode(t, v.Command(v.ctx, name, args...))
	if code != 0 {
		t.Fatalf("%s %v: %d\n%s", name, args, code, said)
	}
	return said
}

// lookInto reads every file below dir. The one place for a secret is a session
// that was not used yet: in the runtime folder, for the owner alone.
func (v *visitor) lookInto(t *testing.T, when, dir string, secrets map[string]string) {
	t.Helper()
	unused := filepath.Join(v.Runtime, "spacehatch", "sessions")
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if filepath.Dir(path) == unused && info.Mode().Perm() == 0o600 {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		leaks(t, when+": "+path, string(data), secrets)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
