package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/settings"
)

func (p *program) settingsCommand() *cobra.Command {
	var (
		asJSON, window bool
		alias          string
	)
	c := &cobra.Command{
		Use:   "settings",
		Short: "Show and change what can be chosen",
		Long: "Lists every setting with its value and where that comes from: the default, your\n" +
			"settings.toml, the environment, the system, or a choice for one space. Changes\n" +
			"take effect at once; what is open already keeps what it began with.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if window {
				if asJSON || alias != "" {
					return errUsage{errors.New("--window goes with neither --json nor --space")}
				}
				return p.settingsWindow(cmd.Context())
			}
			c, err := p.preferences()
			if err != nil {
				return err
			}
			return c.list(cmd.Context(), alias, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	c.Flags().BoolVar(&window, "window", false, "show them in a window and change them there")
	p.addSpaceFlag(c, &alias, "list what holds for one space")
	c.AddCommand(p.settingsGetCommand(), p.settingsSetCommand(), p.settingsUnsetCommand())
	return c
}

func (p *program) addSpaceFlag(c *cobra.Command, alias *string, usage string) {
	c.Flags().StringVar(alias, "space", "", usage)
	_ = c.RegisterFlagCompletionFunc("space", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return p.knownAliases(), cobra.ShellCompDirectiveNoFileComp
	})
}

func (p *program) settingsGetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value of one setting",
		Long:  "Prints the value that is in force; of a list one entry a line, of nothing an\nempty line.",
		Args:  usageArgs(cobra.ExactArgs(1)),
	}
	return p.settingCommand(c, "print a JSON object", func(ctx context.Context, c *preferences, at preference, _ []string, asJSON bool) error {
		return c.print(ctx, at, asJSON)
	})
}

func (p *program) settingsSetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "set KEY VALUE...",
		Short: "Change one setting",
		Long: "Writes the value into settings.toml, whose other lines and comments stay as they\n" +
			"are, or, with --space, remembers it for that space. A list takes several values.",
		Example: "  spacehatch settings set editor cursor\n" +
			"  spacehatch settings set ssh_options 'Compression no' 'ServerAliveInterval 30'\n" +
			"  spacehatch settings set folder /home/sagemaker-user/project --space my-space.hatch",
		Args: usageArgs(func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("settings set takes a setting and its value")
			}
			return nil
		}),
	}
	return p.settingCommand(c, jsonAfterwards, func(ctx context.Context, c *preferences, at preference, texts []string, asJSON bool) error {
		value, err := at.Parse(texts)
		if err != nil {
			return at.Refuse(err)
		}
		return c.change(ctx, at, value, asJSON)
	})
}

const jsonAfterwards = "print the setting afterwards as a JSON object"

func (p *program) settingsUnsetCommand() *cobra.Command {
	c := &cobra.Command{Use: "unset KEY", Short: "Take one setting back to its default", Args: usageArgs(cobra.ExactArgs(1))}
	return p.settingCommand(c, jsonAfterwards, func(ctx context.Context, c *preferences, at preference, _ []string, asJSON bool) error {
		return c.change(ctx, at, nil, asJSON)
	})
}

// settingCommand makes c do something with the setting that its first argument
// names, of all spaces or of one; do gets the arguments behind it.
func (p *program) settingCommand(c *cobra.Command, jsonUsage string,
	do func(ctx context.Context, c *preferences, at preference, texts []string, asJSON bool) error,
) *cobra.Command {
	var (
		asJSON bool
		alias  string
	)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := p.preferences()
		if err != nil {
			return err
		}
		at, err := c.find(cmd.Context(), args[0], alias)
		if err != nil {
			return err
		}
		return do(cmd.Context(), c, at, args[1:], asJSON)
	}
	c.ValidArgsFunction = p.completeSettings(&alias)
	c.Flags().BoolVar(&asJSON, "json", false, jsonUsage)
	p.addSpaceFlag(c, &alias, "of one space")
	return c
}

// change sets one preference and tells what holds now.
func (c *preferences) change(ctx context.Context, p preference, value any, asJSON bool) error {
	note, err := p.set(ctx, value)
	if err != nil {
		return err
	}
	if asJSON {
		return c.print(ctx, p, true)
	}
	now, origin, err := p.value(ctx)
	if err != nil {
		return err
	}
	if p.means != nil {
		if means := p.means(now); means != "" {
			fmt.Fprintln(c.err, means)
		}
	}
	if note != "" {
		fmt.Fprintln(c.err, note)
	}
	_, err = fmt.Fprintf(c.out, "%s is %s (%s).\n", p.Name, shownValue(p.Key, now), originWords(p.Key, origin))
	return err
}

// jsonSetting is a setting as scripts read it.
type jsonSetting struct {
	Key     string          `json:"key"`
	Value   any             `json:"value"`
	Origin  settings.Origin `json:"origin"`
	Default any             `json:"default"`
	About   string          `json:"about"`
	Allowed string          `json:"allowed"`
	// Variable is the environment variable that can stand in for it.
	Variable string `json:"variable,omitempty"`
}

// jsonSpace is what holds for one space.
type jsonSpace struct {
	Alias    string        `json:"alias"`
	Name     string        `json:"name"`
	Settings []jsonSetting `json:"settings"`
}

func asJSONSettings(ctx context.Context, all []preference) ([]jsonSetting, error) {
	list := make([]jsonSetting, 0, len(all))
	for _, p := range all {
		value, origin, err := p.value(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, jsonSetting{p.Name, some(value), origin, some(p.initial), p.About, p.Allowed, p.Variable})
	}
	return list, nil
}

// some makes an empty list of none, for JSON.
func some(value any) any {
	if list, ok := value.([]string); ok && list == nil {
		return []string{}
	}
	return value
}

func (c *preferences) print(ctx context.Context, p preference, asJSON bool) error {
	if asJSON {
		list, err := asJSONSettings(ctx, []preference{p})
		if err != nil {
			return err
		}
		return c.printJSON(list[0])
	}
	value, _, err := p.value(ctx)
	if err != nil {
		return err
	}
	if list, ok := value.([]string); ok && len(list) > 0 {
		_, err = fmt.Fprintln(c.out, strings.Join(list, "\n"))
		return err
	}
	_, err = fmt.Fprintln(c.out, settings.Text(value))
	return err
}

// list shows what holds for one space, or everything.
func (c *preferences) list(ctx context.Context, alias string, asJSON bool) error {
	spaces, err := c.store.Spaces()
	if err != nil {
		return err
	}
	if alias != "" {
		space, err := c.store.Lookup(ctx, alias)
		if err != nil {
			return err
		}
		spaces = []session.Space{space}
	}
	if asJSON {
		return c.listJSON(ctx, alias != "", spaces)
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	if alias == "" {
		fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
		for _, p := range c.machine(ctx) {
			value, origin, err := p.value(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", p.Name, shownValue(p.Key, value), originWords(p.Key, origin))
		}
	}
	chosen := 0
	for _, space := range spaces {
		for _, p := range c.of(space) {
			value, origin, err := p.value(ctx)
			if err != nil {
				return err
			}
			if alias == "" && origin != ofSpace {
				continue
			}
			if chosen++; chosen == 1 && alias == "" {
				if err := table.Flush(); err != nil {
					return err
				}
				fmt.Fprintln(c.out)
			}
			if chosen == 1 {
				fmt.Fprintln(table, "SPACE\tSETTING\tVALUE\tFROM")
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", space.Alias, p.Name, shownValue(p.Key, value), originWords(p.Key, origin))
		}
	}
	if err := table.Flush(); err != nil || alias != "" {
		return err
	}
	trusts, err := c.store.Trusts()
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	if len(trusts) > 0 {
		fmt.Fprintf(c.out, "Trusted domains: %d; `spacehatch trust` lists them.\n", len(trusts))
	}
	_, err = fmt.Fprintf(c.out, "File: %s\n", c.file)
	if err != nil || c.decided.Place == "" {
		return err
	}
	fmt.Fprintf(c.out, "\nYour administrator has decided, in %s:\n", c.decided.Place)
	for _, line := range decisionLines(c.decided) {
		fmt.Fprintln(c.out, "  "+line)
	}
	return nil
}

// decisionLines are what an administrator has decided, one a line.
func decisionLines(p settings.Policy) []string {
	var lines []string
	for _, d := range p.Decisions() {
		text := settings.Text(d.Value)
		if text == "" {
			text = "(nothing)"
		}
		lines = append(lines, d.Key+" is "+printable.Text(text, 200))
	}
	return lines
}

// jsonPolicy is what an administrator has decided, as scripts read it.
type jsonPolicy struct {
	Place     string         `json:"place"` // empty where nothing is decided
	Decisions map[string]any `json:"decisions"`
}

func asJSONPolicy(p settings.Policy) jsonPolicy {
	j := jsonPolicy{p.Place, map[string]any{}}
	for _, d := range p.Decisions() {
		j.Decisions[d.Key] = some(d.Value)
	}
	return j
}

func (c *preferences) listJSON(ctx context.Context, one bool, spaces []session.Space) error {
	perSpace := make([]jsonSpace, 0, len(spaces))
	for _, space := range spaces {
		list, err := asJSONSettings(ctx, c.of(space))
		if err != nil {
			return err
		}
		perSpace = append(perSpace, jsonSpace{space.Alias, space.Name, list})
	}
	if one {
		return c.printJSON(perSpace[0])
	}
	list, err := asJSONSettings(ctx, c.machine(ctx))
	if err != nil {
		return err
	}
	trusts, err := c.store.Trusts()
	if err != nil {
		return err
	}
	if trusts == nil {
		trusts = []session.Consent{}
	}
	return c.printJSON(struct {
		File     string            `json:"file"`
		Settings []jsonSetting     `json:"settings"`
		Spaces   []jsonSpace       `json:"spaces"`
		Trusted  []session.Consent `json:"trusted_domains"`
		Policy   jsonPolicy        `json:"policy"`
	}{c.file, list, perSpace, trusts, asJSONPolicy(c.decided)})
}

// shownValue is a value for a person; nothing is said in words.
func shownValue(k settings.Key, value any) string {
	if text := settings.Text(value); text != "" {
		return printable.Text(text, 200)
	}
	return "(" + k.Blank + ")"
}

func originWords(k settings.Key, origin settings.Origin) string {
	switch origin {
	case settings.File:
		return "settings.toml"
	case settings.Environment:
		return k.Variable
	case settings.Administrator:
		return "your administrator"
	case ofSpace:
		return "this space"
	}
	return string(origin)
}

// completeSettings offers keys, and behind a key its values.
func (p *program) completeSettings(alias *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		const nothing = cobra.ShellCompDirectiveNoFileComp
		c, err := p.preferences()
		if err != nil {
			return nil, nothing
		}
		all := c.machine(cmd.Context())
		if *alias != "" {
			space, err := c.store.Lookup(cmd.Context(), *alias)
			if err != nil {
				return nil, nothing
			}
			all = c.of(space)
		}
		if len(args) == 0 {
			var keys []string
			for _, k := range all {
				keys = append(keys, cobra.CompletionWithDesc(k.Name, k.About))
			}
			return keys, nothing
		}
		i := slices.IndexFunc(all, func(k preference) bool { return k.Name == args[0] })
		if i < 0 || cmd.Name() != "set" {
			return nil, nothing
		}
		if args[0] == settings.KeySSHOptions {
			return optionCompletions(args[1:]), nothing
		}
		if _, list := all[i].initial.([]string); len(args) > 1 && !list {
			return nil, nothing
		}
		return slices.DeleteFunc(slices.Clone(all[i].Values), func(v string) bool { return slices.Contains(args[1:], v) }), nothing
	}
}

// optionCompletions are the SSH options that are not given yet, with their
// values where these are few.
func optionCompletions(given []string) []string {
	var all []string
	for _, o := range sshconfig.Choices() {
		if slices.ContainsFunc(given, func(g string) bool { return strings.HasPrefix(g, o.Keyword+" ") }) {
			continue
		}
		for _, value := range o.Values {
			all = append(all, o.Keyword+" "+value)
		}
		if len(o.Values) == 0 {
			all = append(all, cobra.CompletionWithDesc(o.Keyword+" ", o.Allowed))
		}
	}
	return all
}

func (p *program) knownAliases() []string {
	q, err := p.places()
	if err != nil {
		return nil
	}
	spaces, err := q.store.Spaces()
	if err != nil {
		return nil
	}
	var all []string
	for _, space := range spaces {
		all = append(all, space.Alias)
	}
	return all
}
