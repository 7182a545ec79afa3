package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// Run runs a program without a shell and returns what it printed on both
// streams together.
type Run func(ctx context.Context, name string, args ...string) (string, error)

// RunProgram is [Run] as it is outside of tests.
func RunProgram(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // what it leaves behind may hold our pipe
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// leastOpenSSH is the first release with StrictHostKeyChecking accept-new
// (its release notes, 2017).
var leastOpenSSH = [2]int{7, 6}

// sshVersion finds the release in what `ssh -V` prints: OpenSSH_9.2p1 Debian-2,
// OpenSSH_for_Windows_9.5p1.
var sshVersion = regexp.MustCompile(`OpenSSH(?:_[A-Za-z_]+)?_(\d{1,4})\.(\d{1,4})\S*`)

// OpenSSH looks for the OpenSSH client.
func OpenSSH(run Run) Check {
	return Check{ID: "openssh", Title: "OpenSSH", Look: func(ctx context.Context) ([]Finding, error) {
		const install = "Install the OpenSSH client (the program ssh), 7.6 or newer."
		said, err := run(ctx, "ssh", "-V")
		if errors.Is(err, exec.ErrNotFound) {
			return one(Error, "There is no ssh on this machine's PATH.", install), nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return one(Error, "ssh cannot be started: "+printable.Text(err.Error(), 200)+".", install), nil
		}
		version := sshVersion.FindStringSubmatch(said)
		if version == nil {
			line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
			return one(Warning, fmt.Sprintf("The ssh on the PATH is not OpenSSH: it says %s.", printable.Quoted(line)), install), nil
		}
		name := strings.TrimRight(version[0], ",.")
		major, _ := strconv.Atoi(version[1])
		minor, _ := strconv.Atoi(version[2])
		if major < leastOpenSSH[0] || major == leastOpenSSH[0] && minor < leastOpenSSH[1] {
			return one(Error, name+" is too old: it does not know the options that a connection needs.", install), nil
		}
		return fine("%s.", name), nil
	}}
}

// SSHPlan is what the SSH config lacks.
type SSHPlan interface {
	Empty() bool
	ChangesUserFile() bool
	Apply(context.Context) error
}

// SSHConfig looks whether the SSH config holds what the known spaces need. It
// mends nothing that the user's own file would have to change for.
func SSHConfig(plan func(context.Context) (SSHPlan, error)) Check {
	return Check{ID: "ssh-config", Title: "SSH config", Look: func(ctx context.Context) ([]Finding, error) {
		p, err := plan(ctx)
		switch {
		case err != nil:
			return nil, err
		case p.Empty():
			return fine("It holds what is needed."), nil
		case p.ChangesUserFile():
			return one(Warning, "Your SSH config does not lead to Spacehatch's yet.",
				"Run `spacehatch ssh-config apply`: it shows the change first."), nil
		}
		return []Finding{{
			Severity: Warning, Sentence: "Spacehatch's own SSH config is not up to date.",
			Hint: "Run `spacehatch ssh-config apply`.",
			Mend: func(ctx context.Context) (string, error) {
				return "It was written anew.", p.Apply(ctx)
			},
		}}, nil
	}}
}

// SSHHost asks OpenSSH whether it does for host what our file says, whatever
// else the user's config says. ours is the path of our file.
func SSHHost(run Run, ours, host string) Check {
	return Check{ID: "ssh-host", Title: "SSH host", Look: func(ctx context.Context) ([]Finding, error) {
		if !present(ours) {
			return one(Info, "SSH does not know your spaces yet.", "Run `spacehatch setup`, or open a space from Studio."), nil
		}
		got, err := effective(ctx, run, "-G", "--", host)
		if err != nil {
			return nil, err
		}
		want, err := effective(ctx, run, "-G", "-F", ours, "--", host)
		if err != nil {
			return nil, err
		}
		for _, keyword := range []string{"proxycommand", "user", "userknownhostsfile", "controlpath"} {
			if got[keyword] == want[keyword] {
				continue
			}
			value := "no " + keyword
			if got[keyword] != "" {
				value = keyword + " " + printable.Quoted(got[keyword])
			}
			return one(Error, fmt.Sprintf("For %s ssh uses %s and not what Spacehatch has set.", host, value),
				"Run `spacehatch ssh-config apply`; if it finds nothing to do, look in your SSH config for what stands above its Include line."), nil
		}
		if want["proxycommand"] == "" {
			return one(Error, fmt.Sprintf("%s names no command for %s.", printable.Text(ours, 300), host), "Run `spacehatch ssh-config apply`."), nil
		}
		return fine("ssh %s starts Spacehatch.", host), nil
	}}
}

// effective is what ssh -G prints.
func effective(ctx context.Context, run Run, args ...string) (map[string]string, error) {
	out, err := run(ctx, "ssh", args...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
		return nil, problem.New(problem.SSHConfigUnsafe, "ssh cannot read its configuration: "+strings.TrimRight(printable.Text(line, 200), ". ")+".",
			"Correct the line in your SSH config that it names; until then no ssh works.", err)
	}
	options := map[string]string{}
	for line := range strings.Lines(out) {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		options[strings.ToLower(keyword)] = value
	}
	return options, nil
}

// OwnSSHConfig is the path of our config in the folder that ssh reads.
func OwnSSHConfig(sshFolder string) string { return filepath.Join(sshFolder, "spacehatch", "config") }
