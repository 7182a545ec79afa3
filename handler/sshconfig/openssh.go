package sshconfig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// dumpTimeout bounds one ssh -G, which runs the commands of the user's
// "Match exec" lines.
const dumpTimeout = 20 * time.Second

// anyHost is a name that no block of its own exists for.
const anyHost = "any-space" + Suffix

// client is the OpenSSH client that has the last word.
type client struct {
	program string
	at      place
}

// effective is what ssh -G prints: keyword in lower case → its lines.
type effective map[string][]string

// dump returns what ssh would do for host, reading config, or what it reads by
// itself where config is empty. It opens no connection.
func (c client) dump(ctx context.Context, config, host string) (effective, error) {
	ctx, cancel := context.WithTimeout(ctx, dumpTimeout)
	defer cancel()
	args := []string{"-G"}
	if config != "" {
		args = append(args, "-F", config)
	}
	cmd := exec.CommandContext(ctx, c.program, append(args, "--", host)...)
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, problem.New(problem.NotSupported, "The OpenSSH client was not found on this machine.",
			"Install OpenSSH (the program ssh) and try again.", err)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ssh -G: %w", ctx.Err())
	case err != nil:
		return nil, &refusal{text: complaint.String(), cause: err}
	}
	options := effective{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		keyword, value, _ := strings.Cut(lines.Text(), " ")
		keyword = strings.ToLower(keyword)
		options[keyword] = append(options[keyword], value)
	}
	return options, nil
}

// A refusal is what ssh says when it cannot read a configuration.
type refusal struct {
	text  string
	cause error
}

func (r *refusal) Error() string { return "ssh -G: " + r.cause.Error() + ": " + r.firstLine() }
func (r *refusal) Unwrap() error { return r.cause }

func (r *refusal) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(r.text), "\n")
	return printable.Text(strings.TrimSpace(line), 300)
}

// throughInclude dumps what ssh makes of the user's config as it does at home:
// in an included file it looks at owner and permissions, in one given with -F it
// does not.
func (c client) throughInclude(ctx context.Context, config, host string) (options effective, err error) {
	err = inTempFile([]byte("Include "+configWord(config)+"\n"), func(path string) error {
		options, err = c.dump(ctx, path, host)
		return err
	})
	return options, err
}

func inTempFile(data []byte, use func(path string) error) error {
	dir, err := os.MkdirTemp("", "spacehatch-ssh-*")
	if err != nil {
		return fmt.Errorf("ssh config: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, configName)
	if err := os.WriteFile(path, data, fileMode); err != nil {
		return fmt.Errorf("ssh config: %w", err)
	}
	return use(path)
}

// verify asks ssh whether our options are what it will do, whatever else the
// user's config says. What our file gives by itself is the measure, so the way
// in which this ssh prints a value does not matter.
func (c client) verify(ctx context.Context, s Settings) error {
	for _, one := range append([]Host{{Alias: anyHost}}, s.examples()...) {
		host := one.Alias
		want, err := c.dump(ctx, c.at.config(), host)
		if err != nil {
			return ineffective("OpenSSH cannot read what Spacehatch wrote", err)
		}
		got, err := c.asUser(ctx, host)
		if err != nil {
			return ineffective("OpenSSH cannot read the SSH config", err)
		}
		options := s.options()
		if host != anyHost {
			options = append(options, s.hostOptions(one)...)
		}
		for _, o := range options {
			keyword := strings.ToLower(o.keyword)
			w, g := strings.Join(want[keyword], ", "), strings.Join(got[keyword], ", ")
			if w != g && o.keyword == forwardAgent {
				if g, err = c.forwarding(ctx, host); err != nil {
					return ineffective("OpenSSH cannot read the SSH config", err)
				}
			}
			if w != g {
				return ineffective(fmt.Sprintf("OpenSSH uses %s %s for %s, where %s is needed",
					o.keyword, printable.Quoted(g), host, printable.Quoted(w)), nil)
			}
		}
	}
	return nil
}

// forwarding returns what ssh makes of the user's config up to our lines.
// Where a later one gives the path of an agent's socket, ssh remembers it and
// ssh -G prints it, also where the agent is not forwarded (readconf.c,
// oForwardAgent; dump_client_config).
func (c client) forwarding(ctx context.Context, host string) (value string, err error) {
	user, err := readUserFile(c.at.userConfig())
	if err != nil {
		return "", err
	}
	text, _ := locate(user.data)
	err = inTempFile(text.upToOurs(c.at.names), func(path string) error {
		options, err := c.throughInclude(ctx, path, host)
		value = strings.Join(options[strings.ToLower(forwardAgent)], ", ")
		return err
	})
	return value, err
}

// examples returns one host of each sort: with many hosts, each would cost two
// runs of ssh.
func (s Settings) examples() []Host {
	type sort struct{ forwards, keys, machine, like bool }
	met := map[sort]bool{}
	return slices.DeleteFunc(slices.Clone(s.Hosts), func(h Host) bool {
		of := sort{h.ForwardAgent, h.Keys, h.User != "", s.Machines.holds(h.Alias)}
		known := met[of]
		met[of] = true
		return known
	})
}

// asUser dumps what an ssh that the user starts does.
func (c client) asUser(ctx context.Context, host string) (effective, error) {
	if c.at.own() {
		return c.dump(ctx, "", host)
	}
	return c.throughInclude(ctx, c.at.userConfig(), host)
}

func ineffective(what string, cause error) error {
	if r, ok := errors.AsType[*refusal](cause); ok {
		what += ": " + strings.TrimRight(r.firstLine(), ".")
	}
	return problem.New(problem.SSHConfigIneffective, what+"; the change was taken back.",
		"Mend your SSH config so that nothing stands before Spacehatch's lines, then run the command again.", cause)
}
