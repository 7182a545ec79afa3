package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

// program is one run: its streams and what it needs of its surroundings, as
// values, so that a test can be the surroundings.
type program struct {
	in       io.Reader
	out, err io.Writer
	lookup   func(string) (string, bool) // the environment
	openTTY  func() (io.ReadWriteCloser, error)
	// windows returns the program that opens windows, or nothing where none
	// shall or can be opened; asked says that the person wants one. nil has none.
	windows func(asked bool) string
	// browse opens a page in the person's browser; nil where there is none.
	browse func(address string) error
	// codes asks a person for MFA codes; nil where nobody is there.
	codes *caller.Codes
	// readPolicy returns what an administrator has decided for this machine.
	readPolicy func() (settings.Policy, error)
	// sshFolder is the folder that ssh reads.
	sshFolder func() (string, error)
	// waitForSSH is how long a tunnel waits for its ssh: less than the 120 s
	// that sshd allows for a login.
	waitForSSH time.Duration
	// guardEvery is how often at most, and how long after the start at the
	// earliest, a space is told that somebody works there.
	guardEvery time.Duration
	// bounds are how long the network may be gone in various ways; zero is
	// what package tunnel says.
	bounds bounds

	log   *slog.Logger
	level slog.LevelVar
	debug bool
}

// bounds are those of [tunnel.Options] with the same names.
type bounds struct{ PingInterval, DeadAfter, ReconnectLimit time.Duration }

// The exit codes. Scripts rely on them.
const (
	exitOK        = 0
	exitFailed    = 1 // a problem; standard error says which
	exitUsage     = 2 // the command line is wrong
	exitRefused   = 3 // the link is malformed or the policy refuses it
	exitCancelled = 4 // the person said no, or nobody could be asked
)

// notSaid: nobody can hear what a command has to say.
const notSaid problem.Code = "output-failed"

// exitCode is the one place where a problem becomes an exit code.
func exitCode(p *problem.Problem) int {
	switch p.Code {
	case problem.LinkMalformed, problem.LinkRefused:
		return exitRefused
	case problem.Cancelled, problem.NeedsPerson:
		return exitCancelled
	default:
		return exitFailed
	}
}

// errUsage marks an error of the command line.
type errUsage struct{ error }

// errSilent ends a command with a problem's exit code when it was shown
// already.
type errSilent struct{ *problem.Problem }

func (p *program) run(ctx context.Context, args []string) int {
	level, _ := p.lookup(settings.VariableLog)
	p.debug = level == "debug"
	p.level.Set(levelOf(level))
	logger, closeLog := openLog(&p.level)
	defer closeLog()
	p.log = logger

	root := p.commands()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	cmd, err := root, linkElsewhere(root, args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	if err == nil {
		return exitOK
	}
	if usage, ok := errors.AsType[errUsage](err); ok {
		fmt.Fprintf(p.err, "spacehatch: %s\n  See `%s --help`.\n", usage.Error(), cmd.CommandPath())
		return exitUsage
	}
	if shown, ok := errors.AsType[errSilent](err); ok {
		return exitCode(shown.Problem)
	}
	if lost, ok := errors.AsType[*fs.PathError](err); ok && lost.Op == "write" && lost.Path == os.Stdout.Name() {
		err = problem.New(notSaid, fmt.Sprintf("Standard output could not be written to: %v.", lost.Err),
			"Make room where it goes, or send it elsewhere. What the command had done until then stays.", lost)
	}
	found := problem.From(err)
	severity := slog.LevelError
	if code := exitCode(found); code != exitFailed {
		severity = slog.LevelDebug // a hostile link or a no leaves no trace
	}
	p.log.Log(ctx, severity, "ended with a problem", "code", string(found.Code), "error", err)
	fmt.Fprint(p.err, terminal.Explain(found, p.debug || found.Code == problem.Internal))
	return exitCode(found)
}

// usageArgs turns what a check of arguments finds into an errUsage, in words of
// ours where they are the library's.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		switch {
		case err == nil:
			return nil
		case strings.HasPrefix(err.Error(), "accepts "):
			err = errors.New("the command is: " + cmd.UseLine())
		case strings.HasPrefix(err.Error(), "unknown command ") && !cmd.HasAvailableSubCommands():
			err = errors.New(cmd.Name() + " takes no argument")
		case strings.HasPrefix(err.Error(), "unknown command "):
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
			}
		}
		return errUsage{err}
	}
}

// linkElsewhere finds a link among the arguments of a command that takes none.
// It is said before anybody looks at it: what cannot be found or understood is
// told by its name, and the link holds a token.
func linkElsewhere(root *cobra.Command, args []string) error {
	cmd, _, err := root.Find(args)
	if err != nil || slices.Contains([]string{"open", "link", "pass", pluginName}, cmd.Name()) ||
		len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil
	}
	if !slices.ContainsFunc(args, handler.ForSpace) {
		return nil
	}
	return errUsage{errors.New("`spacehatch open LINK` opens a link, and `spacehatch link LINK` explains it; no other command takes one")}
}

func (p *program) commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "spacehatch",
		Short: "Open SageMaker Studio spaces in the IDE on this machine",
		Long: "Spacehatch receives the link from Studio's Open in VS Code button, opens the\n" +
			"tunnel, sets SSH up the first time and hands over to your IDE. Afterwards\n" +
			"`ssh my-space.hatch` works from any terminal.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       builtFor(),

		SuggestionsMinimumDistance: 2,
	}
	root.Flags().BoolP("version", "v", false, "print the version")
	root.SetVersionTemplate("spacehatch {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errUsage{err} })
	root.AddGroup(
		&cobra.Group{ID: "use", Title: "Use:"},
		&cobra.Group{ID: "machine", Title: "This machine:"},
		&cobra.Group{ID: "inner", Title: "Called by ssh and by Spacehatch itself:"},
	)
	in := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			c.Args = usageArgs(c.Args)
			root.AddCommand(c)
		}
	}
	in("use",
		p.openCommand(),
		p.connectCommand(),
		p.spacesCommand(),
		p.startCommand(),
		p.stopCommand(),
		p.signInCommand(),
		p.signOutCommand(),
		p.linkCommand(),
		p.statusCommand(),
		p.pingCommand(),
		p.closeCommand(),
		p.trayCommand(),
	)
	in("machine",
		p.setupCommand(),
		p.settingsCommand(),
		p.doctorCommand(),
		p.bugReportCommand(),
		p.sshConfigCommand(),
		p.trustCommand(),
		p.interceptCommand(),
		p.autostartCommand(),
		p.uninstallCommand(),
		p.simulatorCommand(),
		p.versionCommand(),
	)
	in("inner",
		p.passCommand(),
		p.windowCommand(),
		p.proxyCommand(),
		p.tunnelCommand(),
		p.browseCommand(),
		p.pluginCommand(),
	)
	root.SetHelpCommandGroupID("machine")
	root.SetCompletionCommandGroupID("machine")
	return root
}

// printJSON writes v as one indented JSON value.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printLine writes v as JSON on one line, for streams of events.
func (p *program) printLine(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
