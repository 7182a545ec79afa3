//go:build linux

package main

import (
	"archive/zip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/secret"
)

// unpack reads every file of a report.
func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
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

const canaryAccount = "998877665544"

// canaries are what must not be in a report, by what they stand for.
var canaries = map[string]string{
	"token": "AAEACANARYtokenCANARY+/tok==", "access key": "AKIACANARYCANARY7777", "temporary key": "ASIACANARYCANARY7777",
	"secret key": "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", "session id": "SageMaker-remote-0canary", "signature": "ab12canary34signature",
	"account": canaryAccount, "user": "canaryuser", "mail": "canary.mail@corp.example", "password": "canaryproxypassword",
	"space": "canaryspace", "domain": "d-canarydomain", "user profile": "canaryperson", "profile": "canaryawsprofile",
	"trusted host": "canaryhost.corp.example", "proxy": "canaryproxy.corp.example", "address": "203.0.113.77", "folder": "canaryfolder",
	"comment": "canarycomment", "the user's own host": "canaryownhost", "role": "canaryrole", "start URL": "d-canarystart",
}

// spelled are the ways in which a canary could have got there.
func spelled(canary string) []string {
	once := url.QueryEscape(canary)
	return []string{
		canary, once, url.QueryEscape(once), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)),
	}
}

func plant(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// canaryLog is a log that says everything that a log must never say.
func canaryLog(home string) string {
	c := canaries
	arn := "arn:aws:sagemaker:us-east-1:" + canaryAccount + ":space/" + c["domain"] + "/" + c["space"]
	link := "vscode://amazonwebservices.aws-toolkit-vscode/connect/sagemaker?connection_identifier=" + url.QueryEscape(arn) +
		"&domain=" + c["domain"] + "&user_profile=" + c["user profile"] + "&session=" + c["session id"] + "&token=" + url.QueryEscape(c["token"]) +
		"&X-Amz-Credential=" + c["temporary key"] + "%2F20260801&X-Amz-Signature=" + c["signature"]
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return strings.Join([]string{
		`time=2026-08-01T12:00:00.000Z level=DEBUG msg="before the canaries" pid=4711 elapsed=120ms`,
		`time=2026-08-01T12:00:00.001Z level=DEBUG msg="opening the tunnel" pid=4711 alias=` + c["space"] + `.hatch session=` + c["session id"],
		`level=DEBUG msg="the space may still be starting" space=` + arn,
		`level=ERROR msg=x error="AWS refused arn:aws:sts::` + canaryAccount + `:assumed-role/` + c["role"] + `/` + c["mail"] + ` in the account ` + canaryAccount + `"`,
		`level=DEBUG msg="got ` + link + `"`,
		`level=DEBUG msg="encoded" url=` + url.QueryEscape(link),
		`level=DEBUG msg="twice" url=` + url.QueryEscape(url.QueryEscape(link)),
		`level=DEBUG wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/` + c["session id"] + `?role=publish_subscribe&X-Amz-Signature=` + c["signature"],
		`{"SessionId": "` + c["session id"] + `", "TokenValue": "` + c["token"] + `", "StreamUrl": "wss://x?` + c["signature"] + `"}`,
		`X-Amz-Security-Token: ` + c["token"] + ` ` + c["access key"] + " " + c["temporary key"],
		`aws_secret_access_key=` + c["secret key"] + ` and alone: ` + c["secret key"],
		`open ` + home + `/.ssh/config: denied for ` + c["user"] + ` on ` + host + ` (` + strings.ToUpper(c["user"]) + `)`,
		`dial tcp ` + c["address"] + `:443 via http://` + c["user"] + `:` + c["password"] + `@` + c["proxy"] + `:3128: timeout`,
		`dial wss://` + c["trusted host"] + `:8443/ for ` + c["mail"] + ` of ` + c["user profile"] + ` at https://` + c["start URL"] + `.awsapps.com/start`,
		`profile ` + c["profile"] + ` in ` + canaryAccount[:4] + `-` + canaryAccount[4:8] + `-` + canaryAccount[8:] + `, folder /home/sagemaker-user`,
		`time=2026-08-01T12:00:01.000Z level=DEBUG msg="after the canaries" pid=4711`,
	}, "\n") + "\n"
}

// canaryDesk is a machine on which every input of a report holds canaries.
func canaryDesk(t *testing.T) *desk {
	t.Helper()
	d, c := newDesk(t), canaries
	space, err := session.ParseARN("arn:aws:sagemaker:us-east-1:" + canaryAccount + ":space/" + c["domain"] + "/" + c["space"])
	if err != nil {
		t.Fatal(err)
	}
	space.UserProfile = c["user profile"]
	known, err := d.store().Remember(t.Context(), space)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store().Trust(t.Context(), session.Consent{Account: canaryAccount, Domain: c["domain"], Region: "us-east-1"}); err != nil {
		t.Fatal(err)
	}
	if err := d.store().Keep(t.Context(), known.Alias, session.Session{
		ID: c["session id"], StreamURL: secret.New("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/x?" + c["signature"]),
		Token: secret.New(c["token"]), Expires: time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	ssh := filepath.Join(d.home, ".ssh")
	plant(t, filepath.Join(ssh, "config"), "# "+c["comment"]+"\nHost "+c["the user's own host"]+"\n  User "+c["user"]+"\n  ProxyCommand x "+c["password"]+"\n")
	if got := d.run(t, "", "ssh-config", "apply", "--yes"); got.code != exitOK {
		t.Fatal(got)
	}
	plant(t, filepath.Join(ssh, "spacehatch", "config"), "# by "+c["user"]+" of "+c["mail"]+", "+canaryAccount+"\n")
	plant(t, filepath.Join(ssh, "spacehatch", "known_hosts"), known.Alias+" ssh-ed25519 AAAA\n")
	plant(t, filepath.Join(d.state, "spacehatch.log"), canaryLog(d.home))
	plant(t, filepath.Join(d.state, "spacehatch.log.old"), canaryLog(d.home))
	plant(t, filepath.Join(d.home, "config", "spacehatch", "settings.toml"), "# "+c["comment"]+"\neditor = \"cursor\"\nfolder = \"/home/"+c["folder"]+
		"\" # "+c["comment"]+"\ntrusted_hosts = [\""+c["trusted host"]+":8443\"]\n")
	plant(t, filepath.Join(d.home, "aws"), "[profile "+c["profile"]+"]\naws_access_key_id = "+c["access key"]+"\naws_secret_access_key = "+c["secret key"]+
		"\nrole_arn = arn:aws:iam::"+canaryAccount+":role/"+c["role"]+"\n")
	plant(t, filepath.Join(d.home, c["folder"]+".pem"), "no certificate")
	d.env = append(d.env, "USER="+c["user"], "AWS_PROFILE="+c["profile"], "AWS_CONFIG_FILE="+filepath.Join(d.home, "aws"),
		"AWS_SESSION_TOKEN="+c["token"], "HTTPS_PROXY=http://"+c["user"]+":"+c["password"]+"@"+c["proxy"]+":3128",
		"AWS_CA_BUNDLE="+filepath.Join(d.home, c["user"]+".pem"), "SPACEHATCH_CANARY="+c["token"], "AWS_REGION="+c["token"],
		"AWS_ENDPOINT_URL=https://"+c["trusted host"]+"/?"+c["signature"])
	return d
}

func TestABugReportTellsNothingOfTheUser(t *testing.T) {
	t.Parallel()
	d := canaryDesk(t)
	got := d.run(t, "", "bugreport")
	if got.code != exitOK || got.errors != "" {
		t.Fatal(got)
	}
	path := filepath.Join(d.home, reportName)
	if !strings.HasPrefix(got.out, path+"\n") || !strings.Contains(got.out, "Look at it before you send it.") {
		t.Errorf("it says %q", got.out)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	files := unpack(t, path)
	hidden := map[string]string{"home": d.home, "the folder above": filepath.Dir(d.home)}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		hidden["machine"] = " " + host + " "
	}
	for what, canary := range canaries {
		hidden[what] = canary
	}
	for what, canary := range hidden {
		for name, text := range files {
			for _, form := range spelled(canary) {
				if at := strings.Index(strings.ToLower(text), strings.ToLower(form)); at >= 0 {
					t.Errorf("%s: the %s is in it: %q", name, what, text[max(0, at-60):min(len(text), at+len(form)+20)])
					break
				}
			}
		}
	}
	// What a reader needs is there, and so the canaries beside it were.
	for name, part := range map[string]string{
		"README.txt": "spacehatch.log.old", "versions.txt": "spacehatch dev",
		"settings.toml": "editor = \"cursor\"\nfolder = ***\ntrusted_hosts = ***\n", "environment.txt": "AWS_SESSION_TOKEN = (set, not shown)",
		"ssh-config.txt": "Include ~/.ssh/spacehatch/config", "ssh-spacehatch.txt": "Host space-1.hatch", "doctor.json": `"id": "ssh-host"`,
	} {
		if !strings.Contains(files[name], part) {
			t.Errorf("%s lacks %q: %s", name, part, files[name])
		}
	}
	for _, name := range []string{"spacehatch.log", "spacehatch.log.old"} {
		for _, part := range []string{"before the canaries\" pid=4711 elapsed=120ms", "after the canaries", "alias=space-1.hatch session=***", "open ~/.ssh/config"} {
			if !strings.Contains(files[name], part) {
				t.Errorf("%s lacks %q: %s", name, part, files[name])
			}
		}
		if lines := strings.Count(files[name], "\n"); lines != strings.Count(canaryLog(d.home), "\n") {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
	var findings []map[string]any
	if err := json.Unmarshal([]byte(files["doctor.json"]), &findings); err != nil || len(findings) < 10 {
		t.Errorf("%d findings, %v", len(findings), err)
	}
}

// The same, where the store cannot tell what the spaces are called.
func TestABugReportOfADamagedStore(t *testing.T) {
	t.Parallel()
	d := canaryDesk(t)
	if err := os.WriteFile(filepath.Join(d.state, "spaces.json"), []byte(`{"version":1,"spaces":[{"alias":"`+canaries["space"]+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.run(t, "", "bugreport", "--json"); got.code != exitOK {
		t.Fatal(got)
	}
	for name, text := range unpack(t, filepath.Join(d.home, reportName)) {
		for _, what := range []string{"space", "account", "token", "user", "domain"} {
			if strings.Contains(text, canaries[what]) {
				t.Errorf("%s: the %s is in it", name, what)
			}
		}
	}
	if err := os.Remove(filepath.Join(d.state, "spaces.json")); err != nil { // for the clean-up
		t.Fatal(err)
	}
}

func TestABugReportOverwritesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	path := filepath.Join(d.home, "x.zip")
	plant(t, path, "mine")
	told(t, d.run(t, "", "bugreport", "--output", "x.zip"), exitFailed, "already")
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("the file is %q, %v", text, err)
	}
	got := d.run(t, "", "bugreport", "--output", "x.zip", "--force", "--json")
	var said struct {
		File    string
		Entries []struct {
			Name, What string
			Bytes      int
		}
	}
	if err := json.Unmarshal([]byte(got.out), &said); got.code != exitOK || err != nil || said.File != path {
		t.Fatalf("%v: %v", err, got)
	}
	files := unpack(t, path)
	for _, e := range said.Entries {
		if text, ok := files[e.Name]; !ok || len(text) != e.Bytes || e.What == "" {
			t.Errorf("%+v: %d bytes, %v", e, len(text), ok)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	told(t, d.run(t, "", "bugreport", "--output", "none/x.zip"), exitFailed, "could not be written")
	// A link in its place leads nowhere else.
	link := filepath.Join(d.home, "link.zip")
	if err := os.Symlink(filepath.Join(d.home, "victim"), link); err != nil {
		t.Fatal(err)
	}
	told(t, d.run(t, "", "bugreport", "-o", link), exitFailed, "already")
	if _, err := os.Stat(filepath.Join(d.home, "victim")); err == nil {
		t.Error("a file was written behind a link")
	}
}

func TestABugReportTakesTheEndOfALongLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	plant(t, filepath.Join(d.state, "spacehatch.log"), "the beginning\n"+strings.Repeat("level=DEBUG msg=x\n", 3*maxReported/18)+"the end\n")
	if got := d.run(t, "", "bugreport"); got.code != exitOK {
		t.Fatal(got)
	}
	log := unpack(t, filepath.Join(d.home, reportName))["spacehatch.log"]
	if !strings.HasSuffix(log, "the end\n") || strings.Contains(log, "beginning") || len(log) > maxReported+100 || !strings.HasPrefix(log, "(what came before") {
		t.Errorf("%d bytes, %q …", len(log), log[:min(100, len(log))])
	}
}

// An IDE that takes its time is what a report waits for, so it says so.
func TestABugReportSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bin := filepath.Join(d.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "code"), []byte("#!/bin/sh\nsleep 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "PATH="+bin+":"+withoutIDEs(t))
	if got := d.run(t, "", "bugreport"); got.code != exitOK || !strings.Contains(got.errors, "..  Visual Studio Code\n") {
		t.Errorf("%v", got)
	}
	if got := d.run(t, "", "bugreport", "--force", "--json"); got.code != exitOK || got.errors != "" {
		t.Errorf("%v", got)
	}
}
