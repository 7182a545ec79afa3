package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// The clients through ssh, as the table names them beside those of lines.
const (
	sshLarge    = "spacehatch proxy, own tunnel, large"
	sshAdaptive = "spacehatch proxy, own tunnel, adaptive"
)

// sshClient is a way to reach the space's SSH server. prepare makes what its
// ProxyCommand finds.
type sshClient struct {
	name    string
	prepare func(ctx context.Context) (undo func() error, err error)
	// args are what comes between "ssh" and the host, env what is added.
	args func(ctx context.Context) (args, env []string, err error)
	host string
}

// nothing is the undoing of nothing.
func nothing() error { return nil }

// sshClients are in the order of the table. A session that ours shall take is
// kept beforehand, so a master must run.
func (s *stand) sshClients() []sshClient {
	kept := func(ctx context.Context) (func() error, error) { return nothing, s.keepFarSession(ctx, s.farSSH("")) }
	by := func(profile string) func(context.Context) ([]string, []string, error) {
		return func(context.Context) (args, env []string, err error) {
			if profile != "" {
				env = []string{profileVariable + "=" + profile}
			}
			return []string{"-o", "ControlPath=none"}, env, nil
		}
	}
	none := func(context.Context) (func() error, error) { return nothing, nil }
	return []sshClient{
		{directSSH, none, func(context.Context) ([]string, []string, error) {
			host, port, _ := strings.Cut(s.far.Direct, ":")
			return append(s.elsewhere(), "-o", "HostName="+host, "-o", "Port="+port), nil, nil
		}, "sagemaker-user@space"},
		{bareRelay, none, func(context.Context) ([]string, []string, error) {
			return append(s.elsewhere(), "-o", "ProxyCommand="+words(s.relayArgs("ssh"))), nil, nil
		}, "sagemaker-user@space"},
		{ownTunnel, kept, by(""), alias},
		{bothAsUsed, func(ctx context.Context) (func() error, error) {
			tunnel, err := s.waitingTunnel(ctx, s.farSSH(""))
			if err != nil {
				return nil, err
			}
			return tunnel.end, nil
		}, by(""), alias},
		{sshLarge, kept, by("large"), alias},
		{sshAdaptive, kept, by("adaptive"), alias},
		{awsPlugin, none, func(ctx context.Context) (args, env []string, err error) {
			answer, err := s.farSession(ctx, s.farSSH(""))
			if err != nil {
				return nil, nil, err
			}
			return append(s.elsewhere(), "-o", "ProxyCommand="+words(s.pluginArgs())), []string{sessionVariable + "=" + string(answer)}, nil
		}, "sagemaker-user@space"},
	}
}

// farSSH is the space's SSH server behind AWS's agent.
func (s *stand) farSSH(profile string) far {
	return far{target: "ssh", pace: agentPace, payload: smallPayload, profile: profile}
}

// elsewhere are ssh's options for a host that our config does not know.
func (s *stand) elsewhere() []string {
	return []string{"-F", "/dev/null", "-o", "ControlPath=none", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=" + filepath.Join(s.Work, "tmp", "known_hosts")}
}

// words writes arguments as a shell reads them.
func words(args []string) string {
	var quoted []string
	for _, arg := range args {
		quoted = append(quoted, "'"+arg+"'")
	}
	return strings.Join(quoted, " ")
}

// ssh makes an ssh of the client's that runs the remote command.
func (s *stand) ssh(ctx context.Context, c sshClient, remote string, more ...string) (*exec.Cmd, error) {
	args, env, err := c.args(ctx)
	if err != nil {
		return nil, err
	}
	args = append(args, "-T", "-o", "Compression=no")
	args = append(args, more...)
	cmd := s.Command(ctx, "ssh", append(args, c.host, remote)...)
	cmd.Env = append(cmd.Env, env...)
	return cmd, nil
}

// named returns the clients of these names.
func named(all []sshClient, names ...string) ([]sshClient, error) {
	var found []sshClient
	for _, name := range names {
		before := len(found)
		for _, c := range all {
			if c.name == name {
				found = append(found, c)
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("there is no client %q", name)
		}
	}
	return found, nil
}
