package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/simulator"
	"github.com/spacehatch/spacehatch/simulator/space"
)

func (p *program) simulatorCommand() *cobra.Command {
	config := simulator.Defaults()
	var (
		asJSON bool
		sshd   string
	)
	c := &cobra.Command{
		Use:   "simulator",
		Short: "Run a whole Studio on this computer, for trying and testing",
		Long: "Starts a Studio on loopback: a page with spaces and Open in VS Code buttons, the\n" +
			"SageMaker API, the Session Manager gateway, and spaces with SSH servers. It runs\n" +
			"until it is interrupted, and leaves nothing behind. AWS's own programs work\n" +
			"against it with the environment that it prints.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.SSHD = space.Server(sshd)
			config.Log = p.log
			return p.simulate(cmd.Context(), config, asJSON)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object on one line, then run")
	f.StringVar(&config.Listen, "listen", config.Listen, "the loopback address of page and API")
	f.BoolVar(&config.Plain, "plain", false, "the gateway speaks ws:// without TLS")
	f.DurationVar(&config.RTT, "rtt", 0, "round-trip time to add between client and space")
	f.Int64Var(&config.Bandwidth, "bandwidth", 0, "limit of a session in bytes a second, each way; 0 is none")
	f.DurationVar(&config.AgentPace, "agent-pace", config.AgentPace, "how long the agent sleeps after each read; AWS's sleeps 1ms")
	f.IntVar(&config.AgentPayload, "agent-payload", 0, "the most bytes that the agent puts into a message; 0 is AWS's 1024")
	f.StringVar(&sshd, "sshd", string(config.SSHD), "the spaces' SSH server: auto, openssh or embedded")
	f.DurationVar(&config.SessionTTL, "session-ttl", config.SessionTTL, "how long an unused session can be opened")
	f.DurationVar(&config.LinkTTL, "link-ttl", config.LinkTTL, "X-Amz-Expires of presigned links")
	f.DurationVar(&config.StartDelay, "start-delay", config.StartDelay, "how long a space takes to start")
	f.DurationVar(&config.StopDelay, "stop-delay", config.StopDelay, "how long a space takes to stop")
	f.DurationVar(&config.UpdateDelay, "update-delay", config.UpdateDelay, "how long a space takes to get new settings")
	f.DurationVar(&config.APILatency, "api-latency", 0, "how long each call of the API takes")
	f.IntVar(&config.APIRate, "api-rate", 0, "how often a second an API operation may be called before it is throttled; 0 is no limit")
	f.IntVar(&config.Spaces, "spaces", 0, "how many more spaces there are, in twenty more domains")
	f.StringVar(&config.Caller, "caller", "", "whose credentials it gives out, as Role/session (default StudioUser/alice)")
	f.StringVar(&config.Dir, "dir", "", "where its files go (default a new temporary folder)")
	return c
}

func (p *program) simulate(ctx context.Context, config simulator.Config, asJSON bool) error {
	s, err := simulator.Start(ctx, config)
	if err != nil {
		return err
	}
	info := s.Info()
	if asJSON {
		err = p.printLine(info)
	} else {
		err = p.printSimulator(info)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	select {
	case <-ctx.Done():
	case <-s.Done():
	}
	return s.Close()
}

func (p *program) printSimulator(info simulator.Info) error {
	fmt.Fprintf(p.out, "Studio      %s\nSageMaker   %s\nGateway     %s\nSSH server  %s (%s)\n",
		info.Page, info.SageMaker, info.Gateway, info.SSHD, info.SSHDReason)
	fmt.Fprintf(p.out, "Instances   %s, for `ssh -i %s`\n", strings.Join(info.Instances, ", "), info.InstanceKey)
	fmt.Fprintf(p.out, "Sign-in     `spacehatch signin --profile simulated` with AWS_CONFIG_FILE=%s\n\n", info.Profiles)
	fmt.Fprintln(p.out, "To use it from another terminal:")
	for _, name := range slices.Sorted(maps.Keys(info.Env)) {
		fmt.Fprintf(p.out, "  export %s='%s'\n", name, info.Env[name])
	}
	_, err := fmt.Fprintln(p.out, "\nCtrl-C ends it.")
	return err
}
