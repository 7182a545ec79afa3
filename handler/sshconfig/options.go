package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// OptionRefused: an option that a person chose cannot stand in our part of the
// SSH config.
const OptionRefused problem.Code = "ssh-option-refused"

// Option is one line that a person chose for every space. It takes the place
// of ours where we have one of that keyword.
type Option struct {
	Keyword string
	Value   string
}

// Choice is an option that a person may choose.
type Choice struct {
	Keyword string
	// Allowed says which values there are, for a person.
	Allowed string
	// Values are all of them where they are few.
	Values []string
	valid  func(string) bool
}

// Choices are the options that a person may choose, in alphabetical order:
// what changes speed and patience, how much ssh says, and the algorithms.
// Everything by which a space could get at the user's machine or keys, by
// which ssh would go elsewhere, trust another key or run a command, and
// everything that would keep an IDE from connecting, has no place here. A
// keyword that OpenSSH 7.6 does not know has none either (see options).
func Choices() []Choice {
	const names = "names of algorithms with commas between them"
	return []Choice{
		words("AddKeysToAgent", "yes", "no", "ask", "confirm"),
		algorithms("Ciphers", names),
		words("Compression", "yes", "no"),
		// Shorter than the default, a person may not be fast enough to get a
		// new session in the browser; that is theirs to decide.
		number("ConnectTimeout", 30, 3600, "seconds"),
		{
			Keyword: "EscapeChar", Allowed: `"none", "~" or a control character such as "^B"`,
			valid: regexp.MustCompile(`^(none|~|\^[A-Z])$`).MatchString,
		},
		algorithms("KexAlgorithms", names),
		// QUIET, FATAL and ERROR would hide that a host key is another one.
		words("LogLevel", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"),
		algorithms("MACs", names),
		{
			Keyword: "RekeyLimit", Allowed: `an amount of data such as "1G", or "default", and a time such as "1h" behind it`,
			valid: regexp.MustCompile(`^(default|[1-9][0-9]{0,5}[KMG])( +(none|[1-9][0-9]{0,5}[smhd]))?$`).MatchString,
		},
		// 0 would be never: a lost connection would hang for ever.
		number("ServerAliveCountMax", 1, 100, "unanswered questions"),
		number("ServerAliveInterval", 5, 3600, "seconds"),
	}
}

func words(keyword string, values ...string) Choice {
	return Choice{
		Keyword: keyword, Allowed: strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1], Values: values,
		valid: func(value string) bool { return slices.Contains(values, value) },
	}
}

func number(keyword string, least, most int, of string) Choice {
	return Choice{
		Keyword: keyword, Allowed: fmt.Sprintf("%d to %d %s", least, most, of),
		valid: func(value string) bool {
			n, err := strconv.Atoi(value)
			return err == nil && n >= least && n <= most && value == strconv.Itoa(n)
		},
	}
}

// algorithms are names as OpenSSH writes them, with its marks for more, fewer
// and first in front. Which there are differs from ssh to ssh: it is asked.
func algorithms(keyword, allowed string) Choice {
	return Choice{
		Keyword: keyword, Allowed: allowed,
		valid: regexp.MustCompile(`^[+^-]?[a-z0-9][a-zA-Z0-9@.*-]*(,[a-z0-9][a-zA-Z0-9@.*-]*)*$`).MatchString,
	}
}

// ParseOptions reads lines of the form "Keyword value". A keyword may be
// written in any case, as OpenSSH takes it. Errors are problems of code
// [OptionRefused].
func ParseOptions(lines []string) ([]Option, error) {
	var options []Option
	for _, line := range lines {
		keyword, value, _ := strings.Cut(line, " ")
		o, err := choose(keyword, strings.TrimLeft(value, " "))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(options, func(other Option) bool { return other.Keyword == o.Keyword }) {
			return nil, refuse("The SSH option "+o.Keyword+" is there twice.", "Keep one of them.")
		}
		options = append(options, o)
	}
	return options, nil
}

// choose returns the option as we write it.
func choose(keyword, value string) (Option, error) {
	choices := Choices()
	i := slices.IndexFunc(choices, func(c Choice) bool { return strings.EqualFold(c.Keyword, keyword) })
	if i < 0 {
		hint := "Those that can are " + keywords() + "."
		if strings.EqualFold(keyword, "ForwardAgent") {
			hint = "It is chosen for one space: `spacehatch settings set forward_agent true --space my-space.hatch`."
		}
		return Option{}, refuse("The SSH option "+printable.Quoted(keyword)+" cannot be chosen.", hint)
	}
	c := choices[i]
	if slices.Contains(c.Values, strings.ToLower(value)) {
		value = strings.ToLower(value)
	} else if slices.Contains(c.Values, strings.ToUpper(value)) {
		value = strings.ToUpper(value)
	}
	if !c.valid(value) {
		return Option{}, refuse("The SSH option "+c.Keyword+" cannot be "+printable.Quoted(value)+".", "It can be "+c.Allowed+".")
	}
	return Option{c.Keyword, value}, nil
}

func keywords() string {
	var all []string
	for _, c := range Choices() {
		all = append(all, c.Keyword)
	}
	return strings.Join(all, ", ")
}

func refuse(sentence, hint string) error { return problem.New(OptionRefused, sentence, hint, nil) }

// chosen puts the person's options in the place of ours.
func (s Settings) chosen(ours []option) []option {
	for _, o := range s.Options {
		i := slices.IndexFunc(ours, func(our option) bool { return our.keyword == o.Keyword })
		if i < 0 {
			ours = append(ours, option{o.Keyword, o.Value})
			continue
		}
		ours[i].value = o.Value
	}
	return ours
}

// checkOptions refuses options that [ParseOptions] would not have given.
func checkOptions(options []Option) error {
	for _, o := range options {
		if good, err := choose(o.Keyword, o.Value); err != nil {
			return err
		} else if good != o {
			return fmt.Errorf("ssh config settings: %q is not as it is written", o)
		}
	}
	return nil
}

// Check asks OpenSSH whether it understands what the settings make, and
// touches no file of the user's. Errors are those of [NewPlan].
func Check(ctx context.Context, s Settings) error {
	s, err := s.normal()
	if err != nil {
		return err
	}
	return client{program: s.SSH, at: place(s.SSHDir)}.accepts(ctx, s)
}

// accepts asks ssh whether it understands our config, before anybody's file is
// touched: one unknown keyword there would make each ssh of the user's fail.
func (c client) accepts(ctx context.Context, s Settings) error {
	err := c.reads(ctx, s.render())
	if _, ok := errors.AsType[*refusal](err); !ok {
		return err
	}
	// One that a person chose, or this ssh does not know ours.
	for _, o := range s.Options {
		fault, ok := errors.AsType[*refusal](c.reads(ctx, []byte(o.Keyword+" "+o.Value+"\n")))
		if !ok {
			continue
		}
		return problem.New(OptionRefused,
			"OpenSSH does not take the option "+printable.Quoted(o.Keyword+" "+o.Value)+": "+fault.reason()+".",
			"Choose another value, or take it out with `spacehatch settings unset ssh_options`.", fault)
	}
	return tooOld(err)
}

// reads returns what ssh has against a config; nil where it reads it.
func (c client) reads(ctx context.Context, config []byte) error {
	return inTempFile(config, func(path string) error {
		_, err := c.dump(ctx, path, anyHost)
		return err
	})
}

// reason is what ssh says against a line, without the name of a file that is
// gone.
func (r *refusal) reason() string {
	line := r.firstLine()
	if _, rest, ok := strings.Cut(line, "line 1: "); ok {
		line = rest
	}
	return strings.TrimRight(line, ".")
}
