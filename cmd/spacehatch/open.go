package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// maxLink is one byte more than the longest link that handler.Parse takes.
const maxLink = 64<<10 + 1

func (p *program) openCommand() *cobra.Command {
	var f connectFlags
	c := &cobra.Command{
		Use:   "open LINK",
		Short: "Open the space that a link from Studio names",
		Long: "Reads the link, opens the tunnel, asks what has to be asked, sets SSH up the\n" +
			"first time, and starts the IDE. Studio's links come here by themselves once\n" +
			"`spacehatch setup` has run. With - the link is read from standard input, so that\n" +
			"its token is in no argument list. Without one, as a menu of programs starts it,\n" +
			"the window to begin with opens.",
		Args: p.linkOrWindow,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.home(cmd.Context())
			}
			link, err := p.readLink(args[0])
			if err != nil {
				return err
			}
			return p.openLink(cmd.Context(), link, f)
		},
	}
	f.add(c)
	return c
}

// linkOrWindow: a desktop starts what opens links without one from its menu of
// programs, where no terminal shows what is wrong.
func (p *program) linkOrWindow(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && cmd.Flags().NFlag() == 0 && p.windows != nil && p.windows(false) != "" {
		return nil
	}
	return cobra.ExactArgs(1)(cmd, args)
}

func (p *program) openLink(ctx context.Context, link string, f connectFlags) error {
	return p.connect(ctx, f, func(ctx context.Context, c *handler.Connector, _ *parts, o handler.Options) (handler.Result, error) {
		return c.Open(ctx, link, o)
	})
}

func (p *program) connectCommand() *cobra.Command {
	var f connectFlags
	var user string
	c := &cobra.Command{
		Use:   "connect NAME|ARN|ALIAS|INSTANCE",
		Short: "Open a space without a link, and start it where that is needed",
		Long: "Opens a space that was opened before, by its alias, or any space by its name or\n" +
			"ARN: through the connection that is open, else with a session from your last click,\n" +
			"from your local AWS credentials, or from Studio in your browser. A space that is\n" +
			"stopped, too small or has remote access off is made ready first, after a question\n" +
			"that says what would be changed.\n" +
			"Ctrl-C leaves the space as it is then. --profile is remembered for the space; without\n" +
			"it the profile is found that belongs to the space's account.\n\n" +
			"The id of an EC2 instance (i-…) or of a machine elsewhere (mi-…) opens that machine\n" +
			"through Session Manager; --user, --profile and --region are remembered for it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.connect(cmd.Context(), f, func(ctx context.Context, c *handler.Connector, q *parts, o handler.Options) (handler.Result, error) {
				if id, ok := session.InstanceID(args[0]); ok {
					return p.connectInstance(ctx, c, q, id, instanceFlags{user, f.aws.profile, f.aws.region}, o)
				}
				who := p.signer(c.Person, o.Yes)
				var (
					space   session.Space
					stopped bool
				)
				if err := who.after(ctx, func() (err error) {
					space, stopped, err = p.named(ctx, q.places, f.aws, args[0])
					return err
				}); err != nil {
					return handler.Result{}, err
				}
				c.Studio, o.Stopped = p.awsStudio(q.places, f.aws), stopped
				result, err := c.Reopen(ctx, space, p.sourcesOf(q, f.aws.profile, who, p.inBrowser(q, inquiry{attended: true, waiting: reportWaiting(c)})), o)
				if err == nil && f.aws.profile != "" && session.ValidProfile(f.aws.profile) {
					err = q.store.Choose(ctx, result.Space.ARN, func(choices *session.Choices) { choices.Profile = f.aws.profile })
				}
				return result, err
			})
		},
	}
	f.reopens = true
	f.add(c)
	f.aws.add(c)
	c.Flags().StringVar(&user, "user", "", "who logs in to an instance, now and from now on (default "+session.InstanceUser+")")
	return c
}

// connectFlags are what every command takes that ends in an IDE.
type connectFlags struct {
	handler.Options
	aws     awsFlags // of connect alone
	json    bool
	window  bool
	reopens bool // there is no link
}

func (f *connectFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line for every event")
	c.Flags().BoolVar(&f.window, "window", false, "show it and ask in a window, also from a terminal")
	c.Flags().BoolVarP(&f.Yes, "yes", "y", false, "answer every question with yes")
	c.Flags().StringVar(&f.Editor, "editor", "", "the IDE to start (code, cursor, codium …), or none")
	c.Flags().StringVar(&f.Folder, "folder", "", "the folder to open on the space, now and from now on (default "+handler.DefaultFolder+")")
}

// readLink returns the link, from standard input where it is "-".
func (p *program) readLink(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	text, err := io.ReadAll(io.LimitReader(p.in, maxLink))
	if err != nil {
		return "", fmt.Errorf("read the link from standard input: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// connect prepares a connector, has do use it, and tells how that ended.
func (p *program) connect(ctx context.Context, f connectFlags,
	do func(context.Context, *handler.Connector, *parts, handler.Options) (handler.Result, error),
) error {
	if f.Folder != "" && !editor.ValidFolder(f.Folder) {
		return errUsage{errors.New("--folder takes an absolute path on the space, such as " + handler.DefaultFolder)}
	}
	q, err := p.parts()
	if err != nil {
		return err
	}
	if f.Editor != "" && f.Editor != handler.NoEditor {
		// Now, and not when the link is spent.
		if _, err := editor.Find(ctx, f.Editor); err != nil {
			return err
		}
	}
	connector := p.connector(q)
	connector.Report = p.reporter(f.json)
	work := func(ctx context.Context) (handler.Result, error) { return do(ctx, connector, q, f.Options) }
	var result handler.Result
	if window := p.windowFor(f); window != "" {
		result, err = p.inWindow(ctx, window, connector, q, f, work)
	} else {
		result, err = work(ctx)
	}
	if err != nil {
		if f.json {
			return p.failedJSON(err)
		}
		return err
	}
	p.startTray(ctx, q)
	p.lookForRelease(q)
	if f.json {
		return p.printLine(jsonEnd{
			Event: "ready", Alias: result.Space.Alias, SpaceARN: result.Space.ARN,
			Folder: result.Folder, Editor: result.Editor,
		})
	}
	fmt.Fprintf(p.out, "\n%s is open. `ssh %s` works from any terminal; `spacehatch close %s` ends it.\n",
		result.Space.Name, result.Space.Alias, result.Space.Alias)
	if newer := q.releases().Newer(); newer != "" && q.settings.UpdateCheck {
		fmt.Fprintf(p.out, "Spacehatch %s is out, see %s\n", newer, releasePage)
	}
	return nil
}

// jsonEvent is a handler.Event as scripts read it.
type jsonEvent struct {
	Event    string           `json:"event"` // always "step"
	Step     handler.Step     `json:"step"`
	Progress handler.Progress `json:"progress"`
	Millis   float64          `json:"ms"`
	Detail   string           `json:"detail,omitempty"`
	Problem  *jsonProblem     `json:"problem,omitempty"`
}

// jsonEnd is the last line of all.
type jsonEnd struct {
	Event    string       `json:"event"` // "ready", "stopped" or "failed"
	Alias    string       `json:"alias,omitempty"`
	SpaceARN string       `json:"space_arn,omitempty"`
	Folder   string       `json:"folder,omitempty"`
	Editor   string       `json:"editor,omitempty"` // empty where no IDE was started
	Problem  *jsonProblem `json:"problem,omitempty"`
}

// jsonProblem is a problem.Problem as scripts read it.
type jsonProblem struct {
	Code     problem.Code `json:"code"`
	Sentence string       `json:"sentence"`
	Hint     string       `json:"hint,omitempty"`
	Paste    string       `json:"paste,omitempty"` // what the hint says to hand on
}

func asJSONProblem(p *problem.Problem) *jsonProblem {
	return &jsonProblem{p.Code, p.Sentence, p.Hint, p.Paste}
}

func (p *program) reporter(asJSON bool) func(handler.Event) {
	progress := terminal.Progress{Out: p.out}
	return func(e handler.Event) {
		p.log.Debug("step", "step", string(e.Step), "progress", string(e.Progress), "elapsed", e.Elapsed)
		if !asJSON {
			progress.Show(e)
			return
		}
		line := jsonEvent{
			Event: "step", Step: e.Step, Progress: e.Progress,
			Millis: float64(e.Elapsed.Microseconds()) / 1000, Detail: e.Detail,
		}
		if e.Problem != nil {
			line.Problem = asJSONProblem(e.Problem)
		}
		_ = p.printLine(line) // a reader that left does not stop a connection
	}
}
