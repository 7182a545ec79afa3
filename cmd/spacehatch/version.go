package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/doctor"
	"github.com/spacehatch/spacehatch/internal/releases"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel"
)

func (p *program) versionCommand() *cobra.Command {
	var asJSON, check bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: "Prints the version. With --check it also asks whether there is a newer release,\n" +
			"which otherwise happens once a day, unless the setting update_check is false;\n" +
			"nothing is downloaded.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check {
				return p.checkRelease(cmd.Context(), asJSON)
			}
			if asJSON {
				return p.printJSON(builtOn())
			}
			_, err := fmt.Fprintln(p.out, "spacehatch "+builtFor())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	c.Flags().BoolVar(&check, "check", false, "ask whether there is a newer release")
	return c
}

// builtFor is the version with what it was built by and for.
func builtFor() string {
	return fmt.Sprintf("%s (%s, %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func builtOn() map[string]string {
	return map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
}

// releases knows of newer releases than this one.
func (q *places) releases() releases.Watch {
	return releases.Watch{Address: releasePage, Current: version, State: q.state}
}

// checkRelease asks now, since the person wants to know.
func (p *program) checkRelease(ctx context.Context, asJSON bool) error {
	q, err := p.parts()
	if err != nil {
		return err
	}
	if !q.settings.UpdateCheck && q.settings.Origin(settings.KeyUpdateCheck) == settings.Administrator {
		return q.administered(settings.KeyUpdateCheck)
	}
	roots, err := tunnel.RootCAs()
	if err != nil {
		return err
	}
	watch := q.releases()
	if err := watch.Ask(ctx, doctor.Client(roots), time.Now()); err != nil {
		return err
	}
	newer := watch.Newer()
	if asJSON {
		said := builtOn()
		said["newer"] = newer
		if newer != "" {
			said["see"] = releasePage
		}
		return p.printJSON(said)
	}
	if newer == "" {
		_, err = fmt.Fprintf(p.out, "spacehatch %s\nThere is no newer release.\n", builtFor())
		return err
	}
	_, err = fmt.Fprintf(p.out, "spacehatch %s\nSpacehatch %s is out, see %s\n", builtFor(), newer, releasePage)
	return err
}

// lookForRelease asks for a newer release where a day has gone by and the
// person wants it, in a process of its own: nothing waits for it.
func (p *program) lookForRelease(q *parts) {
	if !q.settings.UpdateCheck || !q.releases().Due(time.Now()) {
		return
	}
	// Not exec.CommandContext: it may outlive this process.
	cmd := exec.Command(q.executable, "version", "--check")
	cmd.Dir = string(os.PathSeparator)
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		p.log.Warn("nobody was asked for a newer release", "error", err)
		return
	}
	go func() { _ = cmd.Wait() }() // ends with that process, or with us
}

// lookForReleases does so again and again until ctx ends.
func (p *program) lookForReleases(ctx context.Context, q *parts) {
	if !q.releases().Able() {
		return
	}
	often := time.NewTicker(time.Hour) // a computer that sleeps stops the clock
	defer often.Stop()
	for {
		p.lookForRelease(q)
		select {
		case <-often.C:
		case <-ctx.Done():
			return
		}
	}
}

func (q *patient) releaseCheck() doctor.Check {
	watch := q.releases()
	return doctor.Release(watch.Able(), q.parts.settings.UpdateCheck, watch.Newer(), releasePage)
}
