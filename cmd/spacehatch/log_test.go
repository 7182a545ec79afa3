//go:build linux

package main

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/tunnel/registry"
)

const logName = "spacehatch.log"

func (d *desk) logged(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.state, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// forms are the secrets of a link and its session, in every spelling in which
// they could get anywhere.
func forms(t *testing.T, link string) map[string]string {
	t.Helper()
	_, query, _ := strings.Cut(link, "?")
	all := map[string]string{}
	for piece := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(piece, "=")
		switch name {
		case "token", "cell-number", "X-Amz-Signature", "X-Amz-Security-Token":
		default:
			continue
		}
		value, err := url.PathUnescape(value)
		if err != nil || len(value) < 16 {
			t.Fatalf("%s is %q: %v", name, value, err)
		}
		all[name] = value
		all[name+", encoded"] = url.QueryEscape(value)
		all[name+", its middle"] = value[4 : len(value)-4]
		all[name+", in hexadecimal"] = hex.EncodeToString([]byte(value))
		all[name+", in base 64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")
	}
	if len(all) != 4*5 {
		t.Fatalf("the link has %d forms of secrets", len(all))
	}
	return all
}

// With everything logged, nothing secret is.
func TestTheLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	d, s := newDesk(t), newStudio(t)
	d.signedIn(s)
	d.env = append(d.env, "SPACEHATCH_LOG=debug")
	secrets := map[string]string{}
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		secrets[name] = s.Info().Env[name]
	}
	var said strings.Builder
	links := 0
	open := func(link string, code int) {
		t.Helper()
		links++
		for name, form := range forms(t, link) {
			secrets["the "+name+" of link "+strconv.Itoa(links)] = form
		}
		got := d.run(t, link, "open", "--yes", "--editor", "none", "-")
		if got.code != code {
			t.Errorf("%v", got)
		}
		said.WriteString(got.out + got.errors)
	}
	open(s.link(t, "space=my-space"), exitOK)
	open(s.link(t, "space=my-space"), exitOK) // kept for the next ssh
	if got := d.run(t, "", "close", alias); got.code != exitOK {
		t.Errorf("%v", got)
	}
	if got := d.connect(t, alias, "echo hello"); got != "hello\n" { // with the kept one
		t.Errorf("the space says %q", got)
	}
	if got := d.connect(t, alias, "echo hello"); got != "hello\n" { // with credentials
		t.Errorf("the space says %q", got)
	}
	open(strings.Replace(s.link(t, "space=my-space"), "&token=", "&token=x", 1), exitFailed)
	open(strings.Replace(s.link(t, "space=my-space"), "wss://", "wss://evil.com/?", 1), exitRefused)
	open(strings.Replace(s.link(t, "space=my-space"), "connection_identifier=arn", "connection_identifier=", 1), exitRefused)

	log := d.logged(t, logName)
	for _, needed := range []string{"opening the tunnel", "level=DEBUG", "level=ERROR", "pid="} {
		if !strings.Contains(log, needed) {
			t.Errorf("the log lacks %q", needed)
		}
	}
	for name, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", name)
		}
		if strings.Contains(said.String(), secret) {
			t.Errorf("the terminal shows %s", name)
		}
	}
	info, err := os.Stat(filepath.Join(d.state, logName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log's mode is %v, %v", info.Mode(), err)
	}
}

func TestTheLogIsPutAsideWhenItIsLong(t *testing.T) {
	d := newDesk(t)
	t.Setenv("XDG_STATE_HOME", filepath.Dir(d.state))
	write := func(line string) {
		log, done := openLog(slog.LevelInfo)
		defer done()
		log.Debug("not this")
		log.Info(line)
	}
	if _, done := openLog(slog.LevelDebug); true {
		done()
	}
	if _, err := os.Stat(d.state); err == nil {
		t.Error("a log without a line leaves something behind")
	}
	write("first")
	if log := d.logged(t, logName); !strings.Contains(log, "msg=first") || strings.Contains(log, "not this") {
		t.Errorf("the log is %q", log)
	}
	path := filepath.Join(d.state, logName)
	if err := os.WriteFile(path, []byte(strings.Repeat("x", maxLog)), 0o600); err != nil {
		t.Fatal(err)
	}
	write("second")
	if log := d.logged(t, logName); !strings.HasPrefix(log, "xxx") || !strings.Contains(log, "msg=second") {
		t.Error("a log of exactly 1 MiB is put aside")
	}
	write("third")
	if log := d.logged(t, logName); !strings.Contains(log, "msg=third") || strings.Contains(log, "second") {
		t.Errorf("the new log is %q", log)
	}
	if old := d.logged(t, logName+".old"); !strings.Contains(old, "msg=second") {
		t.Error("the old log is lost")
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("y", maxLog+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	write("fourth")
	if old := d.logged(t, logName+".old"); strings.Contains(old, "second") || !strings.HasPrefix(old, "yyy") {
		t.Error("more than one old log is kept, or the wrong one")
	}
}

func TestLogLevels(t *testing.T) {
	for text, level := range map[string]slog.Level{
		"": slog.LevelWarn, "nonsense": slog.LevelWarn, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		log, done := openLog(levelOf(text))
		if !log.Enabled(t.Context(), level) || log.Enabled(t.Context(), level-1) {
			t.Errorf("%q does not mean %v", text, level)
		}
		done()
	}
}

// Where no log can be written everything else goes on, to the byte.
func TestALogThatCannotBeWrittenStopsNothing(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	for name, spoil := range map[string]func(*testing.T, *desk){
		"the log is a folder": func(t *testing.T, d *desk) {
			if err := os.MkdirAll(filepath.Join(d.state, logName), 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"the state folder cannot be made": func(_ *testing.T, d *desk) {
			d.env = append(d.env, "XDG_STATE_HOME=/proc")
		},
		"the runtime folder cannot be made": func(_ *testing.T, d *desk) {
			d.env = append(d.env, "XDG_RUNTIME_DIR=/proc")
		},
		"the disk is full from the start": func(_ *testing.T, d *desk) { d.limit = "ulimit -f 0" },
		"the disk becomes full":           func(_ *testing.T, d *desk) { d.limit = "ulimit -f 1" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.signedIn(s)
			spoil(t, d)
			d.env = append(d.env, "SPACEHATCH_LOG=debug")
			if got := d.run(t, "", "status", "--json"); got.code != exitOK || got.out != "[]\n" || got.errors != "" {
				t.Errorf("status: %v", got)
			}
			if got := d.connect(t, arn, "echo hello"); got != "hello\n" {
				t.Errorf("the space says %q", got)
			}
			if got := d.run(t, "nonsense", "link", "-"); got.code != exitRefused || got.errors != "" {
				t.Errorf("link: %v", got)
			}
			if tunnel := d.start(t, "tunnel", arn); name != "the runtime folder cannot be made" {
				d.awaitTunnel(t, registry.Waiting)
				tunnel.interrupt(t)
				if e := tunnel.end(t); e.code != exitOK {
					t.Errorf("tunnel: %v", e)
				}
			} else if e := tunnel.end(t); e.code != exitFailed || !strings.Contains(e.errors, "runtime folder") {
				t.Errorf("a tunnel that no ssh could ever reach: %v", e)
			}
			if log, err := os.Stat(filepath.Join(d.state, logName)); err == nil && log.Mode().IsRegular() && log.Size() > 1024 {
				t.Errorf("%d bytes were written all the same", log.Size())
			}
		})
	}
}
