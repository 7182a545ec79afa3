package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/doctor"
	"github.com/spacehatch/spacehatch/handler/editor"
	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
	"github.com/spacehatch/spacehatch/installer"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
	"github.com/spacehatch/spacehatch/tunnel"
)

const (
	// doctorLimit bounds each check; a cold IDE on a slow disk answers in it.
	doctorLimit = 30 * time.Second
	// doctorPatience is when a line says what is being waited for.
	doctorPatience = 500 * time.Millisecond
	// foundError: the doctor found something that keeps a space from opening.
	foundError problem.Code = "found-error"
)

// visit is what the doctor is asked to do.
type visit struct {
	json, online, fix bool
	region            string
}

func (p *program) doctorCommand() *cobra.Command {
	var (
		v      visit
		window bool
	)
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what may keep a space from opening",
		Long: "Looks at links, SSH, IDEs, settings, proxies, certificates, credentials, files and\n" +
			"sockets, and says what is wrong and what to do. Nothing is changed without --fix,\n" +
			"and nobody on the network is asked without --online. The exit code is 1 where an\n" +
			"error is left.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if v.region != "" && !doctor.ValidRegion(v.region) {
				return errUsage{errors.New("--region takes the name of an AWS region, such as us-east-1")}
			}
			if window && (v.json || v.fix) {
				return errUsage{errors.New("--window shows its findings and mends them there; it goes with neither --json nor --fix")}
			}
			if window {
				return p.doctorWindow(cmd.Context(), v)
			}
			return p.doctor(cmd.Context(), v)
		},
	}
	c.Flags().BoolVar(&v.json, "json", false, "print a JSON array of the findings")
	c.Flags().BoolVar(&v.online, "online", false, "also ask AWS: hosts, certificates, clock, whose the credentials are")
	c.Flags().BoolVar(&v.fix, "fix", false, "put right what needs no question")
	c.Flags().BoolVar(&window, "window", false, "show it in a window, with a button where something can be put right")
	c.Flags().StringVar(&v.region, "region", "", "the AWS region to ask (default: that of the space used last)")
	return c
}

func (p *program) doctor(ctx context.Context, v visit) error {
	d := p.newDoctor(ctx, v)
	if !v.json {
		d.Waiting = p.tellWaiting
	}
	findings := d.Look(ctx)
	if v.fix {
		findings = d.Mend(ctx, findings)
	}
	if ctx.Err() != nil {
		return problem.New(problem.Cancelled, "Cancelled.", "", ctx.Err())
	}
	if v.json {
		if err := p.printJSON(findings); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(p.out, findingsText(findings, v.fix)); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Open(doctor.Error) {
			return errSilent{problem.New(foundError, f.Sentence, f.Hint, nil)}
		}
	}
	return nil
}

// tellWaiting says what the doctor waits for.
func (p *program) tellWaiting(c doctor.Check) { fmt.Fprintf(p.err, "..  %s\n", c.Title) }

// findingsText is what a person reads.
func findingsText(findings []doctor.Finding, fixed bool) string {
	marks := map[doctor.Severity]string{doctor.OK: "ok", doctor.Info: "--", doctor.Warning: "! ", doctor.Error: "!!"}
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(f.Title))
	}
	var b strings.Builder
	var counts [2]int // errors, warnings
	fixable := 0
	for _, f := range findings {
		mark := marks[f.Severity]
		switch {
		case f.Fixed:
			mark = "ok"
		case f.Severity == doctor.Error:
			counts[0]++
		case f.Severity == doctor.Warning:
			counts[1]++
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", mark, width, f.Title, f.Sentence)
		if f.Hint != "" {
			fmt.Fprintf(&b, "    %-*s  %s\n", width, "", f.Hint)
		}
		if f.Fixable && f.Open(doctor.Warning) {
			fixable++
		}
	}
	b.WriteByte('\n')
	if counts == [2]int{} {
		b.WriteString("Nothing is in the way.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "%s, %s.", plural(counts[0], "error"), plural(counts[1], "warning"))
	if fixable > 0 && !fixed {
		fmt.Fprintf(&b, " `spacehatch doctor --fix` can put %d right.", fixable)
	}
	b.WriteByte('\n')
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// patient is the machine as the doctor finds it. Unlike [parts], what is
// missing stops nothing: it is a finding.
type patient struct {
	*parts
	settingsFile string
	config       string
	spaces       []session.Space
	faults       []doctor.Check // what could not even be found
}

func (p *program) patient() *patient {
	q := &patient{parts: &parts{places: &places{}}}
	found := func(id, title string, err error) {
		if err == nil {
			return
		}
		q.faults = append(q.faults, doctor.Check{ID: id, Title: title, Look: func(context.Context) ([]doctor.Finding, error) {
			return nil, err
		}})
	}
	var err error
	q.executable, err = executable()
	found("program", "Program", err)
	q.state, err = paths.State()
	found("state", "State", err)
	q.runtime, err = paths.Runtime()
	if err != nil {
		err = problem.New(problem.NotSupported, "The runtime folder cannot be used: "+err.Error()+".",
			"Remove it, or make it yours alone: chmod 700.", err)
	}
	found("runtime", "Runtime", err)
	q.ssh, err = p.sshFolder()
	found("ssh-folder", "SSH folder", err)
	q.config, err = paths.Config()
	found("config", "Config", err)
	q.settingsFile, err = settings.Path()
	found("settings", "Settings", err)
	q.decided, err = p.readPolicy()
	found("policy", "Policy", err)
	q.parts.settings, _ = settings.Resolve(q.settingsFile, p.lookup, q.decided) // its check tells
	q.store = session.OpenStore(q.state, q.runtime)
	q.spaces, _ = q.store.Spaces() // the same
	slices.SortStableFunc(q.spaces, func(a, b session.Space) int { return b.LastUsed.Compare(a.LastUsed) })
	return q
}

// host is the name to try ssh with.
func (q *patient) host() string {
	if len(q.spaces) > 0 {
		return q.spaces[0].Alias
	}
	return "any-space" + sshconfig.Suffix
}

// home is the folder of that host, as the IDE's settings want it.
func (q *patient) home() string {
	if len(q.spaces) > 0 {
		return homeOf(q.spaces[0])
	}
	return editor.DefaultFolder
}

func (q *patient) region(v visit, env doctor.Environment) string {
	known := ""
	if len(q.spaces) > 0 {
		known = q.spaces[0].Region
	}
	fromEnv := func(name string) string {
		value, _ := env(name)
		return value
	}
	return cmp.Or(v.region, known, fromEnv("AWS_REGION"), fromEnv("AWS_DEFAULT_REGION"))
}

func (q *patient) accounts() []string {
	var all []string
	for _, space := range q.spaces {
		if space.Account != "" && !slices.Contains(all, space.Account) {
			all = append(all, space.Account)
		}
	}
	return all
}

// newDoctor gives the doctor the checks in the order in which they are told.
func (p *program) newDoctor(ctx context.Context, v visit) doctor.Doctor {
	q := p.patient()
	env := doctor.Environment(p.lookup)
	checks := append([]doctor.Check{doctor.System(version, q.executable), q.releaseCheck()}, q.faults...)
	checks = append(checks, doctor.Policy(q.decided.Place, decisionLines(q.decided)), q.linksCheck(), q.interceptionCheck(), q.autostartCheck())
	if q.ssh != "" {
		checks = append(checks,
			doctor.OpenSSH(doctor.RunProgram),
			doctor.SSHConfig(func(ctx context.Context) (doctor.SSHPlan, error) {
				s, err := q.sshSettings()
				if err != nil {
					return nil, err
				}
				plan, err := sshconfig.NewPlan(ctx, s)
				if err != nil {
					return nil, err
				}
				return plan, nil
			}),
			doctor.SSHHost(doctor.RunProgram, doctor.OwnSSHConfig(q.ssh), q.host()))
	}
	checks = append(checks, q.editorChecks(ctx)...)
	_, err := os.Stat(q.settingsFile)
	checks = append(checks,
		doctor.Settings(q.settingsFile, err == nil, func() error {
			_, err := settings.Resolve(q.settingsFile, p.lookup, q.decided)
			return err
		}),
		doctor.Spaces(func() (int, error) {
			spaces, err := q.store.Spaces()
			if err == nil {
				_, err = q.store.Trusts()
			}
			return len(spaces), err
		}),
		doctor.Permissions(q.folders()),
		doctor.Sockets(filled(q.runtime, filepath.Join(q.ssh, "spacehatch")), time.Now),
		doctor.Lock(filepath.Join(q.state, "store.lock")),
		doctor.Disk(filled(q.state, q.runtime, q.ssh)),
		doctor.Log(filepath.Join(q.state, "spacehatch.log")),
		doctor.Proxy(env), doctor.CABundles(env, time.Now))
	region := q.region(v, env)
	checks = append(checks, doctor.Credentials(cmp.Or(region, "us-east-1"), v.online, q.accounts()))
	checks = append(checks, q.networkChecks(ctx, v, region, env)...)
	return doctor.Doctor{Checks: checks, Limit: doctorLimit, Patience: doctorPatience}
}

func filled(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" || !filepath.IsAbs(s) })
}

func (q *patient) folders() []doctor.Folder {
	var all []doctor.Folder
	add := func(path string, folders, files os.FileMode) {
		if filepath.IsAbs(path) {
			all = append(all, doctor.Folder{Path: path, Folders: folders, Files: files})
		}
	}
	add(q.state, doctor.Private, doctor.Private)
	add(q.runtime, doctor.Private, doctor.Private)
	add(q.config, doctor.ReadOnly, doctor.ReadOnly)
	add(filepath.Join(q.ssh, "spacehatch"), doctor.Private, doctor.ReadOnly) // ssh makes known_hosts readable
	for i := range all {
		if all[i].Path == q.state {
			all[i].Caches = "cache" // of the windows' graphics and fonts
		}
	}
	return all
}

func (q *patient) linksCheck() doctor.Check {
	return doctor.Links(installer.WithoutConsole(q.executable),
		func(ctx context.Context) (doctor.Registration, error) {
			scheme, err := installer.NewScheme(q.state)
			if err != nil {
				return doctor.Registration{}, err
			}
			st, err := scheme.Status(ctx)
			return doctor.Registration{Handler: st.Handler, Program: st.Program, Ours: st.Ours, Warning: st.Warning}, err
		},
		func(ctx context.Context) error {
			scheme, err := installer.NewScheme(q.state)
			if err != nil {
				return err
			}
			return schemeChange{schemeChanges: schemeChanges{scheme, q.parts}}.Apply(ctx)
		})
}

func (q *patient) autostartCheck() doctor.Check {
	return doctor.Autostart(installer.WithoutConsole(q.executable),
		func(ctx context.Context) (doctor.Login, error) {
			autostart, err := installer.NewAutostart(q.state)
			if err != nil {
				return doctor.Login{}, err
			}
			st, err := autostart.Status(ctx)
			return doctor.Login{Enabled: st.Enabled, Program: st.Program, Ours: st.Ours}, err
		},
		func(ctx context.Context) error {
			_, err := q.startAtLogin(ctx, true)
			return err
		})
}

func (q *patient) editorChecks(ctx context.Context) []doctor.Check {
	installed, err := editor.Installed(ctx)
	if err != nil {
		return nil // the context has ended
	}
	var checks []doctor.Check
	preferred := q.parts.settings.Editor
	if len(installed) == 0 || preferred != "" && !slices.ContainsFunc(installed, func(i editor.Installation) bool { return i.Editor.Name == preferred }) {
		checks = append(checks, doctor.NoIDE(preferred))
	}
	for _, i := range installed {
		checks = append(checks, doctor.IDEReady(i.Editor.Name, i.Editor.Title, i, func() (bool, error) {
			if len(q.spaces) == 0 {
				return true, nil // nothing to set before there is a space
			}
			plan, err := editor.PlanSettings(i, q.host(), q.home())
			if err != nil {
				return false, err
			}
			return plan.Empty(), nil
		}))
	}
	return checks
}

func (q *patient) networkChecks(ctx context.Context, v visit, region string, env doctor.Environment) []doctor.Check {
	if !v.online {
		return []doctor.Check{doctor.Offline("AWS was not asked.", "`spacehatch doctor --online` does.")}
	}
	if region == "" {
		return []doctor.Check{doctor.Offline("No region is known that could be asked.", "Name one with --region.")}
	}
	failed := func(err error) []doctor.Check {
		return []doctor.Check{{ID: "network", Title: "Network", Look: func(context.Context) ([]doctor.Finding, error) { return nil, err }}}
	}
	endpoints, err := doctor.Endpoints(ctx, region, env, q.parts.settings.TrustedHosts)
	if err != nil {
		return failed(err)
	}
	roots, err := tunnel.RootCAs()
	if err != nil {
		return failed(err)
	}
	client := doctor.Client(roots)
	checks := make([]doctor.Check, 0, len(endpoints)+1)
	for _, e := range endpoints {
		checks = append(checks, doctor.Reach(e, client))
	}
	return append(checks, doctor.Clock(endpoints[0], client, time.Now))
}
