package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/app/terminal"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/spaces"
	"github.com/spacehatch/spacehatch/internal/printable"
)

type spacesFlags struct {
	aws    awsFlags
	filter spaces.Filter
	json   bool
	window bool
}

func (p *program) spacesCommand() *cobra.Command {
	var f spacesFlags
	c := &cobra.Command{
		Use:   "spaces",
		Short: "List the spaces of SageMaker Studio, with local AWS credentials",
		Long: "Lists the spaces of one region. Who signed in through IAM Identity Center sees only\n" +
			"their own; --all shows everybody's. --domain and --user-profile are remembered for\n" +
			"the region until --all. With --json nothing that was remembered counts, and nothing\n" +
			"is remembered.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.window && f.json:
				return errUsage{errors.New("--window goes without --json")}
			case f.window:
				return p.spacesInWindow(cmd.Context(), f)
			}
			return p.listSpaces(cmd.Context(), f)
		},
	}
	f.aws.add(c)
	c.Flags().StringVar(&f.filter.Domain, "domain", "", "only the spaces of this domain, by its ID or name")
	c.Flags().StringVar(&f.filter.UserProfile, "user-profile", "", "only the spaces of this user profile")
	c.Flags().BoolVar(&f.filter.All, "all", false, "every space, whosever it is")
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array")
	c.Flags().BoolVar(&f.window, "window", false, "show them in a window; filter, start, stop and connect there")
	return c
}

func (p *program) listSpaces(ctx context.Context, f spacesFlags) error {
	q, err := p.places()
	if err != nil {
		return err
	}
	var (
		client *spaces.Client
		l      spaces.Listing
	)
	asked, wanted := false, f.filter
	if err := p.signer(terminal.Person{Open: p.openTTY}, f.json).after(ctx, func() (err error) {
		if client, err = p.openSpaces(ctx, q, f.aws); err != nil {
			return err
		}
		if !f.json {
			f.filter, asked = q.narrowed(client.Region(), wanted)
		}
		l, err = p.list(ctx, client, f.filter)
		return err
	}); err != nil {
		return err
	}
	q.addLastUsed(l.Spaces)
	if f.json {
		return p.printJSON(append([]spaces.Space{}, l.Spaces...))
	}
	if asked {
		p.rememberFilter(ctx, q, client.Region(), f.filter)
	}
	return p.printSpaces(l, f.filter, asked)
}

// narrowed is the filter that a person asked for, or else that of the last
// time.
func (q *places) narrowed(region string, f spaces.Filter) (now spaces.Filter, asked bool) {
	if f != (spaces.Filter{}) {
		return f, true
	}
	last := q.store.Filter(region)
	return spaces.Filter{Domain: last.Domain, UserProfile: last.UserProfile}, false
}

func (p *program) rememberFilter(ctx context.Context, q *places, region string, f spaces.Filter) {
	chosen := session.SpaceFilter{Domain: f.Domain, UserProfile: f.UserProfile}
	if err := q.store.RememberFilter(ctx, region, chosen); err != nil {
		p.log.Warn("the filter is not remembered", "error", err)
	}
}

// addLastUsed tells when this computer used each space last: AWS's lists do not
// say when anybody did.
func (q *places) addLastUsed(all []spaces.Space) {
	known, err := q.store.Spaces()
	if err != nil {
		return // the list is worth more than that
	}
	used := map[string]time.Time{}
	for _, space := range known {
		used[space.ARN] = space.LastUsed
	}
	for i := range all {
		if at := used[all[i].ARN]; !at.IsZero() {
			all[i].LastUsed = &at
		}
	}
}

// list gets a list from AWS.
func (p *program) list(ctx context.Context, client *spaces.Client, filter spaces.Filter) (spaces.Listing, error) {
	report, end := p.listing(client.Region())
	defer end()
	return client.List(ctx, filter, report)
}

// listing tells on standard error how far a list is that takes its time, until
// end is called: soon that it is under way, also where AWS has said nothing yet,
// and then whenever there is more.
func (p *program) listing(region string) (report func(spaces.Progress), end func()) {
	const patience, repeat = 500 * time.Millisecond, 2 * time.Second
	var (
		mu    sync.Mutex
		now   spaces.Progress
		said  string
		timer *time.Timer
	)
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		if timer == nil {
			return // it has ended
		}
		line := fmt.Sprintf("Listing the spaces in %s …\n", region)
		if now != (spaces.Progress{}) {
			line = fmt.Sprintf("Listing the spaces in %s: %d spaces, %d applications so far …\n", region, now.Spaces, now.Apps)
		}
		if line != said {
			fmt.Fprint(p.err, line)
		}
		said = line
		timer.Reset(repeat)
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(patience, tell)
	return func(latest spaces.Progress) {
			mu.Lock()
			defer mu.Unlock()
			now = latest
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			timer.Stop()
			timer = nil
		}
}

func (p *program) printSpaces(l spaces.Listing, filter spaces.Filter, asked bool) error {
	for _, notice := range l.Notices {
		fmt.Fprint(p.err, terminal.Explain(notice, false))
	}
	if len(l.Spaces) == 0 {
		text := "There is no space in %s that you can see.\n"
		if filter.Domain+filter.UserProfile+l.Mine != "" {
			text = "No space in %s fits.\n"
		}
		fmt.Fprintf(p.out, text, l.Region)
	} else {
		table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tDOMAIN\tOWNER\tAPP\tSTATUS\tINSTANCE TYPE\tREMOTE ACCESS\tLAST USED\tARN")
		for _, s := range l.Spaces {
			access, used := "off", "-"
			if s.RemoteAccess {
				access = "on"
			}
			if s.LastUsed != nil {
				used = s.LastUsed.Local().Format("2006-01-02 15:04")
			}
			for _, text := range []string{s.Name, s.Domain, s.Owner, s.App, string(s.Status), s.InstanceType, access, used} {
				fmt.Fprintf(table, "%s\t", cmp.Or(printable.Text(text, 64), "-"))
			}
			fmt.Fprintln(table, printable.Text(s.ARN, 256))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	var only []string
	for _, part := range []struct{ name, value string }{{"domain", filter.Domain}, {"user profile", filter.UserProfile}} {
		if part.value != "" {
			only = append(only, part.name+" "+printable.Quoted(part.value))
		}
	}
	if len(only) > 0 && !asked {
		fmt.Fprintf(p.err, "Only of %s, as last time; --all shows every space.\n", strings.Join(only, ", "))
	}
	if l.Mine != "" {
		fmt.Fprintf(p.err, "Only those of %s; --all shows %d more.\n", printable.Text(l.Mine, 64), l.Hidden)
	}
	return nil
}
