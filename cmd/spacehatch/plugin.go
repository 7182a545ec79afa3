package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/secret"
	"github.com/spacehatch/spacehatch/tunnel"
	"github.com/spacehatch/spacehatch/tunnel/registry"
)

const (
	// pluginName is the name by which the AWS CLI and IDEs start AWS's plugin.
	pluginName = "session-manager-plugin"
	// pluginVersion is the version of AWS's plugin whose arguments are taken
	// here. Callers read it: from 1.2.497.0 on the AWS CLI hands the session
	// over in an environment variable, not in the argument list.
	pluginVersion = "1.3.0.0"
	// pluginVariable begins the name of that variable.
	pluginVariable = "AWS_SSM_START_SESSION_RESPONSE"
	// maxPluginJSON bounds what a caller hands over, in bytes.
	maxPluginJSON = 64 << 10
)

// isPlugin reports whether this program was started under the plugin's name.
func isPlugin(argv0 string) bool {
	name := filepath.Base(argv0)
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".exe") {
		name = strings.TrimSuffix(name, ext)
	}
	return strings.EqualFold(name, pluginName)
}

func (p *program) pluginCommand() *cobra.Command {
	return &cobra.Command{
		Use:   pluginName + " RESPONSE REGION StartSession [PROFILE [PARAMETERS [ENDPOINT]]]",
		Short: "Be AWS's session-manager-plugin for SSH and forwarded ports",
		Long: "Takes the arguments of AWS's session-manager-plugin, as the AWS CLI, IDEs and other\n" +
			"tools give them, and carries SSH and forwarded ports. A symbolic link of that name\n" +
			"to this program, in a folder of the PATH in front of AWS's, makes them use it:\n" +
			"  ln -s \"$(command -v spacehatch)\" ~/.local/bin/session-manager-plugin\n" +
			"Sessions with a terminal need AWS's own plugin.",
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
		DisableFlagParsing:    true, // the arguments are not ours, and one may begin with a hyphen
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				// Callers and people look for these words.
				fmt.Fprintln(p.out, "\nThe Session Manager plugin was installed successfully: it is Spacehatch's. Use the AWS CLI to start a session.")
				return nil
			case len(args) == 1 && args[0] == "--version":
				fmt.Fprintln(p.out, pluginVersion)
				return nil
			case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
				return cmd.Help()
			}
			call, err := readPluginCall(args, p.lookup)
			if err != nil {
				return err
			}
			return p.forCaller(call, p.plugin(cmd.Context(), call))
		},
	}
}

// pluginCall is what a caller of the plugin says.
type pluginCall struct {
	session session.Session
	region  string
	profile string
	request pluginRequest
	// endpoint is the address of SSM that the caller used.
	endpoint string
	// inArguments says that the session was in our argument list.
	inArguments bool
}

// target is the machine of the call, as far as Session Manager has to know it to
// resume a session. SageMaker's has no such call; asked all the same, it says
// that there is no such session.
func (c pluginCall) target() session.Space {
	return session.Space{Kind: session.Instance, Name: c.request.Target, Region: c.region, Profile: c.profile}
}

// pluginRequest is the request to StartSession, as far as it matters here.
type pluginRequest struct {
	Target       string
	DocumentName string
	Parameters   map[string][]string
}

// parameter returns the value that the caller gave to a parameter of the
// session document, empty where it gave none.
func (r pluginRequest) parameter(name string) string {
	if values := r.Parameters[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// readPluginCall reads the arguments in the order of AWS's plugin: response,
// region, operation, profile, request, endpoint; some callers end after the
// third.
func readPluginCall(args []string, lookup func(string) (string, bool)) (pluginCall, error) {
	var call pluginCall
	if len(args) < 3 {
		return call, errUsage{errors.New(pluginName + " takes the session, the region and the operation, and then profile, parameters and endpoint")}
	}
	if args[2] != "StartSession" {
		return call, errUsage{errors.New(pluginName + ` knows the operation StartSession only`)}
	}
	text := args[0]
	call.inArguments = !strings.HasPrefix(text, pluginVariable)
	if !call.inArguments {
		value, ok := lookup(text)
		if !ok {
			return call, problem.New(problem.Rejected, "The session was to be in the environment variable "+pluginVariable+", which is not set.",
				"Start the session again with the AWS CLI.", nil)
		}
		text = value
	}
	var response struct{ SessionID, StreamURL, TokenValue string }
	// Nothing of it may be in an error.
	if len(text) > maxPluginJSON || json.Unmarshal([]byte(text), &response) != nil ||
		response.SessionID == "" || response.StreamURL == "" || response.TokenValue == "" {
		return call, problem.New(problem.Rejected, "What was handed over is no session: it is not the JSON that ssm:StartSession answers.",
			"Start the session again with the AWS CLI.", nil)
	}
	call.session = session.Session{
		ID: response.SessionID, StreamURL: secret.New(response.StreamURL), Token: secret.New(response.TokenValue),
	}
	rest := append(args[1:], "", "", "", "")
	call.region, call.profile, call.endpoint = rest[0], rest[2], rest[4]
	if request := rest[3]; len(request) <= maxPluginJSON {
		// One that cannot be read decides nothing that is needed.
		_ = json.Unmarshal([]byte(request), &call.request)
	}
	return call, nil
}

// forCaller decides what a caller learns of an error. An AWS CLI that hands the
// session over in the argument list prints that list when its plugin fails. AWS's
// plugin never does; ours may where the token opens nothing any more, which holds
// for every end but the one that no network was there for.
func (p *program) forCaller(call pluginCall, err error) error {
	if !call.inArguments || !errors.Is(err, &problem.Problem{Code: problem.Unreachable}) {
		return err
	}
	found := problem.From(err)
	p.log.Error("ended with a problem", "code", string(found.Code), "error", err)
	fmt.Fprint(p.err, terminal.Explain(found, p.debug))
	return nil
}

// plugin carries one session. For SSH nothing but the byte stream goes to
// standard output; AWS's plugin begins with a line of its own there, which ssh
// skips and others stumble over.
func (p *program) plugin(ctx context.Context, call pluginCall) error {
	defer outliveReader()()
	q, err := p.parts()
	if err != nil {
		return err
	}
	if err := q.policy.CheckSession(call.region, call.session); err != nil {
		return err
	}
	p.log.Debug("opening the tunnel for a caller of the plugin", "session", call.session.ID, "document", call.request.DocumentName)
	c := &carrier{
		program: p, parts: q, space: call.target(), session: call.session, down: copyAll,
		aws: session.NewManager(session.ManagerOptions{Endpoint: call.endpoint, Log: p.log}), entry: registry.NewEntry("", "", "", true),
	}
	defer c.entry.End(nil)
	t, err := tunnel.Open(ctx, tunnel.Options{
		StreamURL:     call.session.StreamURL,
		Token:         call.session.Token,
		ClientVersion: pluginVersion,
		Forward:       true,
		InsecurePlain: true, // the policy lets ws:// pass for listed hosts only
		Profile:       tunnel.Profile(q.settings.TunnelProfile),
		Notice:        func(text string) { fmt.Fprintln(p.err, text) },
		Refresh: func(ctx context.Context) (streamURL, token secret.String, err error) {
			return c.resume(ctx, func(fresh session.Session) error { return q.policy.CheckSession(call.region, fresh) })
		},
		Sign: c.sign,
		Log:  p.log.With("session", call.session.ID),
	})
	if err != nil {
		return c.words(err)
	}
	if port := t.Port(); port.Multiplexed {
		return c.words(p.forwardPort(ctx, t, call, port))
	}
	return errors.Join(c.pump(ctx, t, p.ownStream(queueBefore(tunnel.Profile(q.settings.TunnelProfile)))), t.Close())
}
