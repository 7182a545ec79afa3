//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/tunnel"
)

const pluginResponse = `{"SessionId":"alice-01","StreamUrl":"wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/alice-01?role=publish_subscribe","TokenValue":"AAEA+secret/=="}`

func TestPluginArguments(t *testing.T) {
	environment := map[string]string{"AWS_SSM_START_SESSION_RESPONSE": pluginResponse, "AWS_SSM_START_SESSION_RESPONSE_7": "{}", "OTHER": pluginResponse}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	request := `{"Target":"i-01","DocumentName":"AWS-StartPortForwardingSession","Parameters":{"portNumber":["80"],"localPortNumber":["8080"]}}`
	for _, c := range []struct {
		name string
		args []string
		want pluginCall // the session aside
		fail string     // a part of the error
	}{
		{"as the AWS CLI", []string{pluginResponse, "us-east-1", "StartSession", "dev", request, "https://ssm.us-east-1.amazonaws.com"},
			pluginCall{region: "us-east-1", profile: "dev", endpoint: "https://ssm.us-east-1.amazonaws.com", inArguments: true}, ""},
		{"by environment", []string{"AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession", "", request, ""}, pluginCall{region: "us-east-1"}, ""},
		{"as the toolkit for IDEs", []string{pluginResponse, "us-east-1", "StartSession"}, pluginCall{region: "us-east-1", inArguments: true}, ""},
		{"more than we know", []string{pluginResponse, "us-east-1", "StartSession", "dev", "{", "", "new", "newer"},
			pluginCall{region: "us-east-1", profile: "dev", inArguments: true}, ""},
		{"too few", []string{pluginResponse, "us-east-1"}, pluginCall{}, "takes the session"},
		{"another operation", []string{pluginResponse, "us-east-1", "ResumeSession"}, pluginCall{}, "StartSession only"},
		{"no variable", []string{"AWS_SSM_START_SESSION_RESPONSE_8", "us-east-1", "StartSession"}, pluginCall{}, "not set"},
		{"another variable", []string{"OTHER", "us-east-1", "StartSession"}, pluginCall{}, "no session"},
		{"an empty session", []string{"AWS_SSM_START_SESSION_RESPONSE_7", "us-east-1", "StartSession"}, pluginCall{}, "no session"},
		{"a piece of a session", []string{pluginResponse[:len(pluginResponse)-2], "us-east-1", "StartSession"}, pluginCall{}, "no session"},
		{"numbers", []string{`{"SessionId":1,"StreamUrl":2,"TokenValue":3}`, "us-east-1", "StartSession"}, pluginCall{}, "no session"},
		{"too long", []string{`{"SessionId":"` + strings.Repeat("a", maxPluginJSON) + `"}`, "us-east-1", "StartSession"}, pluginCall{}, "no session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readPluginCall(c.args, lookup)
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.session.ID != "alice-01" || got.session.Token.Reveal() != "AAEA+secret/==" || !strings.HasPrefix(got.session.StreamURL.Reveal(), "wss://") {
				t.Errorf("session %+v", got.session)
			}
			if got.region != c.want.region || got.profile != c.want.profile || got.endpoint != c.want.endpoint || got.inArguments != c.want.inArguments {
				t.Errorf("%+v", got)
			}
			if len(c.args) == 6 && (got.request.Target != "i-01" || got.request.parameter("localPortNumber") != "8080" || got.request.parameter("host") != "") {
				t.Errorf("request %+v", got.request)
			}
		})
	}
}

func TestPluginIsKnownByItsName(t *testing.T) {
	for name, want := range map[string]bool{
		"session-manager-plugin": true, "/usr/local/bin/session-manager-plugin": true, "session-manager-plugin.exe": true,
		"Session-Manager-Plugin.EXE": true, "spacehatch": false, "session-manager-plugin-old": false, "session-manager-plugin.sh": false, "": false,
	} {
		if got := isPlugin(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzPluginCall(f *testing.F) {
	f.Add(pluginResponse, "us-east-1", "", `{"Target":"i-01","Parameters":{"x":["y"]}}`)
	f.Add("{}", "", "p", "[]")
	f.Fuzz(func(t *testing.T, response, region, profile, request string) {
		call, err := readPluginCall([]string{response, region, "StartSession", profile, request}, func(string) (string, bool) { return "", false })
		if err == nil && (call.session.ID == "" || call.session.Token.Empty()) {
			t.Error("a session without a name or a token")
		}
		call.request.names("x")
	})
}

// The other side is a machine that may be hostile: it does not choose where on
// this one a socket appears.
func TestWhereAPortIsOpened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "socket")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	_, taken, _ := net.SplitHostPort(busy.Addr().String())
	asked := func(name, value string) pluginRequest {
		return pluginRequest{Parameters: map[string][]string{name: {value}}}
	}
	for _, c := range []struct {
		name    string
		request pluginRequest
		port    tunnel.Port
		where   string // its beginning; empty where it is refused
		fail    string
	}{
		{"any", pluginRequest{}, tunnel.Port{}, "Port ", ""},
		{"any, in the document's words", pluginRequest{}, tunnel.Port{LocalNumber: "0"}, "Port ", ""},
		{"any, although the other side wants one", asked("localPortNumber", "0"), tunnel.Port{LocalNumber: taken}, "Port ", ""},
		{"one that is taken", pluginRequest{}, tunnel.Port{LocalNumber: taken}, "", "cannot be opened"},
		{"no number", asked("localPortNumber", "http"), tunnel.Port{}, "", "is not one"},
		{"another host", pluginRequest{}, tunnel.Port{LocalNumber: "0.0.0.0:80"}, "", "is not one"},
		{"too high", pluginRequest{}, tunnel.Port{LocalNumber: "65536"}, "", "is not one"},
		{"a path that was asked for", asked("localUnixSocket", path), tunnel.Port{LocalConnectionType: "unix", LocalUnixSocket: path}, "Unix socket " + path, ""},
		{"a path that is there", asked("localUnixSocket", dir), tunnel.Port{LocalConnectionType: "unix", LocalUnixSocket: dir}, "", "cannot be opened"},
		{"a path of the other side's choice", asked("localUnixSocket", path), tunnel.Port{LocalConnectionType: "unix", LocalUnixSocket: dir + "/other"}, "", "not asked for"},
		{"an empty path", asked("localUnixSocket", ""), tunnel.Port{LocalConnectionType: "unix"}, "", "not asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, where, err := listenFor(t.Context(), c.request, c.port)
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) || problem.From(err).Code != problem.Rejected {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || !strings.HasPrefix(where, c.where) {
				t.Fatalf("%q, %v", where, err)
			}
			defer func() { _ = l.Close() }()
			if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
				t.Errorf("listens on %v", at)
			} else if info, err := os.Stat(path); !ok && (err != nil || info.Mode().Perm() != 0o600) {
				t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
			}
		})
	}
}

// An AWS CLI that has put the session into the argument list prints the list
// when its plugin fails.
func TestFailureThatWouldShowALivingToken(t *testing.T) {
	for _, c := range []struct {
		inArguments bool
		err         error
		fails       bool
	}{
		{true, problem.New(problem.Unreachable, "No network.", "", nil), false},
		{false, problem.New(problem.Unreachable, "No network.", "", nil), true},
		{true, problem.New(problem.NotSupported, "A terminal.", "", nil), true},
		{true, errors.Join(nil, problem.New(problem.TunnelRefused, "Over.", "", nil)), true},
		{true, nil, false},
	} {
		var said bytes.Buffer
		p := &program{err: &said, log: slog.New(slog.DiscardHandler)}
		if err := p.forCaller(pluginCall{inArguments: c.inArguments}, c.err); (err != nil) != c.fails {
			t.Errorf("%+v: %v", c, err)
		}
		if shown := strings.Contains(said.String(), "No network."); shown != (c.err != nil && !c.fails) {
			t.Errorf("%+v: said %q", c, said.String())
		}
	}
}

// Nothing is dialled that is not AWS's or trusted, whoever asks.
func TestPluginDialsNoStranger(t *testing.T) {
	d := newDesk(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialled := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
			close(dialled)
		}
		cancel()
	}()
	response := strings.ReplaceAll(pluginResponse, "ssmmessages.us-east-1.amazonaws.com", l.Addr().String())
	ended := d.run(t, "", pluginName, response, "us-east-1", "StartSession")
	_ = l.Close()
	<-ctx.Done()
	select {
	case <-dialled:
		t.Error("the stranger was dialled")
	default:
	}
	if ended.code != exitRefused || ended.out != "" || !strings.Contains(ended.errors, "The session was refused") || strings.Contains(ended.errors, "secret") {
		t.Error(ended)
	}
}
