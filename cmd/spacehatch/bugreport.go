package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spacehatch/spacehatch/handler/doctor"
	"github.com/spacehatch/spacehatch/handler/doctor/bugreport"
	"github.com/spacehatch/spacehatch/handler/doctor/redact"
	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
	"github.com/spacehatch/spacehatch/internal/settings"
)

const (
	reportName = "spacehatch-bugreport.zip"
	// maxReported is how many bytes of one file get into a report.
	maxReported = 1 << 20
	// reportFailed: the report could not be written.
	reportFailed problem.Code = "report-failed"
)

func (p *program) bugReportCommand() *cobra.Command {
	var (
		output        string
		force, asJSON bool
	)
	c := &cobra.Command{
		Use:   "bugreport",
		Short: "Pack what helps to find a fault, for you to look at and send",
		Long: "Writes a zip file with what `spacehatch doctor` finds, the log, versions, our part\n" +
			"of the SSH config, the settings and the names of the variables that matter. Secrets,\n" +
			"accounts and names are taken out. Nothing is sent: look at it, then send it yourself.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.bugReport(cmd.Context(), output, force, asJSON)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", reportName, "the file to write")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: the file and what is in it")
	return c
}

func (p *program) bugReport(ctx context.Context, output string, force, asJSON bool) error {
	path, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return reportExists(path)
	}
	waiting := p.tellWaiting
	if asJSON {
		waiting = nil
	}
	report, err := p.makeReport(ctx, os.Environ(), waiting)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return problem.New(problem.Cancelled, "Cancelled; nothing was written.", "", ctx.Err())
	}
	data, err := report.Zip()
	if err != nil {
		return err
	}
	if err := writeReport(path, data, force); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(map[string]any{"file": path, "entries": report.Entries()})
	}
	fmt.Fprintf(p.out, "%s\n\n", path)
	for _, e := range report.Entries() {
		fmt.Fprintf(p.out, "  %-20s %8s  %s\n", e.Name, size(int64(e.Bytes)), e.What)
	}
	_, err = fmt.Fprintln(p.out, "\nTokens, keys, accounts and names were taken out, as far as a program can know them.\nLook at it before you send it.")
	return err
}

func reportExists(path string) error {
	return problem.New(reportFailed, fmt.Sprintf("There is a file %s already.", printable.Quoted(path)),
		"Name another one with --output, or replace it with --force.", nil)
}

// writeReport writes the file for its owner alone.
func writeReport(path string, data []byte, force bool) error {
	failed := func(err error) error {
		why := ""
		if said, ok := errors.AsType[syscall.Errno](err); ok {
			why = ": " + said.Error()
		}
		return problem.New(reportFailed, fmt.Sprintf("The report could not be written to %s%s.", printable.Quoted(path), why),
			"Choose another file with --output.", err)
	}
	if force {
		if err := atomicfile.Write(path, data, 0o600); err != nil {
			return failed(err)
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return reportExists(path)
	}
	if err != nil {
		return failed(err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return failed(errors.Join(err, os.Remove(path)))
	}
	return nil
}

// makeReport puts the report together. All texts get in through one redactor.
// waiting, which may be nil, hears of what the doctor waits for.
func (p *program) makeReport(ctx context.Context, environ []string, waiting func(doctor.Check)) (*bugreport.Report, error) {
	q := p.patient()
	own := readShort(doctor.OwnSSHConfig(q.ssh))
	report := bugreport.New(redact.New(owner(environ), q.words(own, environ)))
	d := p.newDoctor(ctx, visit{})
	d.Waiting = waiting
	if err := report.AddJSON("doctor.json", "what `spacehatch doctor` finds", d.Look(ctx)); err != nil {
		return nil, err
	}
	report.Add("versions.txt", "this program and what it is made of", versions())
	log := filepath.Join(q.state, "spacehatch.log")
	report.Add("spacehatch.log", "the log", readShort(log))
	report.Add("spacehatch.log.old", "the log before", readShort(log+".old"))
	report.Add("ssh-config.txt", "our lines in your SSH config, and none of yours", bugreport.SSHConfig(readShort(filepath.Join(q.ssh, "config"))))
	report.Add("ssh-spacehatch.txt", "our own SSH config", own)
	var keys []string
	for _, k := range settings.Keys() {
		keys = append(keys, k.Name)
	}
	report.Add("settings.toml", "the settings, values masked", bugreport.Settings(readShort(q.settingsFile), keys...))
	report.Add("environment.txt", "which variables are set, few values", bugreport.Environment(environ))
	return report, nil
}

// readShort returns the end of a file, or a word on why there is none.
func readShort(path string) string {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return "(cannot be read)\n"
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "(not a plain file)\n"
	}
	if skip := info.Size() - 2*maxReported; skip > 0 {
		if _, err := file.Seek(skip, io.SeekStart); err != nil {
			return "(cannot be read)\n"
		}
	}
	data, err := io.ReadAll(io.LimitReader(file, 2*maxReported))
	if err != nil {
		return "(cannot be read)\n"
	}
	return bugreport.Tail(string(data), maxReported)
}

// versions lists what the program was built from.
func versions() string {
	var b strings.Builder
	fmt.Fprintf(&b, "spacehatch %s\n", version)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b.String()
	}
	fmt.Fprintf(&b, "%s\n", info.GoVersion)
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "vcs.time", "vcs.modified":
			fmt.Fprintf(&b, "%s %s\n", s.Key, s.Value)
		case "vcs.revision":
			fmt.Fprintf(&b, "%s %.12s\n", s.Key, s.Value)
		}
	}
	for _, module := range info.Deps {
		fmt.Fprintf(&b, "%s %s\n", module.Path, module.Version)
	}
	return b.String()
}

// owner is who must not be told from the report.
func owner(environ []string) redact.Person {
	var who redact.Person
	if home, err := os.UserHomeDir(); err == nil {
		who.Homes = append(who.Homes, home)
	}
	if u, err := user.Current(); err == nil {
		who.Homes = append(who.Homes, u.HomeDir)
		who.Users = append(who.Users, u.Username, u.Name)
	}
	if host, err := os.Hostname(); err == nil {
		who.Hosts = append(who.Hosts, host)
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		switch name {
		case "HOME", "USERPROFILE":
			who.Homes = append(who.Homes, value)
		case "USER", "LOGNAME", "USERNAME", "USERDOMAIN", "SUDO_USER":
			who.Users = append(who.Users, value)
		case "HOSTNAME", "COMPUTERNAME":
			who.Hosts = append(who.Hosts, value)
		}
	}
	return who
}

// hostLine finds the aliases in our own SSH config, also where the list of
// spaces cannot be read.
var hostLine = regexp.MustCompile(`^Host ([a-z0-9.-]+)\.hatch$`)

// words are the names that the report shows as something else: spaces keep a
// number, so that one can be told from another.
func (q *patient) words(ownSSHConfig string, environ []string) map[string]string {
	words := map[string]string{}
	learn := func(word, shown string) {
		if _, known := words[word]; !known && word != "" {
			words[word] = shown
		}
	}
	number := 0
	alias := func(name string) (shown string) {
		number++
		shown = fmt.Sprintf("space-%d", number)
		learn(name+".hatch", shown+".hatch")
		learn(name, shown)
		return shown
	}
	for _, space := range q.spaces {
		shown := alias(strings.TrimSuffix(space.Alias, ".hatch"))
		learn(space.Name, shown)
		learn(space.Domain, fmt.Sprintf("domain-of-%s", shown))
		learn(space.UserProfile, fmt.Sprintf("profile-of-%s", shown))
		learn(hostName(space.RefreshURL), "(studio)")
	}
	for lines := bufio.NewScanner(strings.NewReader(ownSSHConfig)); lines.Scan(); {
		if found := hostLine.FindStringSubmatch(lines.Text()); found != nil && words[found[1]+".hatch"] == "" {
			alias(found[1])
		}
	}
	if trusts, err := q.store.Trusts(); err == nil {
		for i, consent := range trusts {
			learn(consent.Domain, fmt.Sprintf("domain-%d", i+1))
		}
	}
	for i, host := range q.parts.settings.TrustedHosts {
		learn(hostName("wss://"+strings.TrimPrefix(host, "ws://")), fmt.Sprintf("trusted-host-%d", i+1))
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		switch strings.ToUpper(name) {
		case "AWS_PROFILE", "AWS_DEFAULT_PROFILE":
			if value != "default" {
				learn(value, "(profile)")
			}
		case "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY":
			if !strings.Contains(value, "://") {
				value = "http://" + value
			}
			learn(hostName(value), "(proxy)")
		}
	}
	return words
}

// hostName is the host of a URL, empty where there is none or where it is this
// machine's loopback, which says nothing.
func hostName(at string) string {
	u, err := url.Parse(at)
	if err != nil || u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") {
		return ""
	}
	return u.Hostname()
}
