package installer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// classesKey holds what schemes and kinds of files are opened with, in
	// HKEY_CURRENT_USER and, for all users, in HKEY_LOCAL_MACHINE.
	classesKey = `Software\Classes`
	// choicesKey holds what the person chose in Windows' settings.
	choicesKey = `Software\Microsoft\Windows\Shell\Associations\UrlAssociations`

	whatScheme = "registration of our links"
)

// inUsers is how a place below HKEY_CURRENT_USER is called.
func inUsers(path string) string { return `HKEY_CURRENT_USER\` + path }

func (s Scheme) key() string { return classesKey + `\` + s.name }

// registration is what stands in the registry for a program. The link comes
// behind "--" and in quotes: one with a quote in it may become several words,
// but none of them is an option, and open takes exactly one.
func registration(program string) *branch {
	quoted := `"` + program + `"`
	command := &branch{Values: map[string]registryValue{"": text(quoted + ` open -- "%1"`)}}
	open := &branch{Keys: map[string]*branch{"command": command}}
	return &branch{
		Values: map[string]registryValue{"": text("URL:Spacehatch"), "URL Protocol": text("")},
		Keys: map[string]*branch{
			"DefaultIcon": {Values: map[string]registryValue{"": text(quoted + ",0")}},
			"shell":       {Keys: map[string]*branch{"open": open}},
		},
	}
}

// startedProgram is the program that a registration starts.
func (b *branch) startedProgram() string {
	command := b.text("", "shell", "open", "command")
	if args, err := windows.DecomposeCommandLine(command); err == nil && len(args) > 0 {
		return args[0]
	}
	return ""
}

// isOurs: it is what [registration] writes for some program.
func (b *branch) isOurs() bool {
	program := b.startedProgram()
	return program != "" && b.equal(registration(program))
}

// schemeRecord is what must be known to take the scheme out again.
type schemeRecord struct {
	Before *branch `json:"before"` // nil: there was none
	Left   *branch `json:"left"`   // what we wrote
}

func (s Scheme) recordPath() string { return filepath.Join(s.state, "installed.json") }

// loadRecord returns nil where nothing is remembered.
func (s Scheme) loadRecord() (*schemeRecord, error) {
	data, err := os.ReadFile(s.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was installed: %w", err)
	}
	var r schemeRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read what was installed, %s: %w", s.recordPath(), err)
	}
	return &r, nil
}

func (s Scheme) saveRecord(r *schemeRecord) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.state, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(s.recordPath(), append(data, '\n'), 0o600)
}

func (s Scheme) forgetRecord() error {
	if err := os.Remove(s.recordPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what was installed: %w", err)
	}
	return nil
}

func (s Scheme) status(ctx context.Context) (Status, error) {
	st := Status{Scheme: s.name}
	if err := ctx.Err(); err != nil {
		return st, err
	}
	own, err := readBranch(registry.CURRENT_USER, s.key())
	if err != nil {
		return st, cannotRead(inUsers(s.key()), err)
	}
	st.Ours = own.isOurs()
	st.Handler, st.Entry = s.name, inUsers(s.key())
	who := own
	if who.startedProgram() == "" { // the user's own comes first
		if who, err = readBranch(registry.LOCAL_MACHINE, s.key()); err != nil {
			return st, cannotRead(`HKEY_LOCAL_MACHINE\`+s.key(), err)
		}
		st.Entry = `HKEY_LOCAL_MACHINE\` + s.key()
	}
	if chosen := s.chosen(); chosen != "" && chosen != s.name {
		path := classesKey + `\` + chosen
		st.Handler, st.Entry, st.Ours = chosen, inUsers(path), false
		if who, err = readBranch(registry.CURRENT_USER, path); err == nil && who == nil {
			st.Entry = `HKEY_LOCAL_MACHINE\` + path
			who, err = readBranch(registry.LOCAL_MACHINE, path)
		}
		if err != nil {
			return st, cannotRead(st.Entry, err)
		}
	}
	if st.Program = who.startedProgram(); st.Program == "" {
		return Status{Scheme: s.name, Ours: st.Ours}, nil
	}
	if !exists(st.Program) {
		st.Warning = "Links start " + printable.Text(st.Program, 300) + ", which is not there any more."
	}
	return st, nil
}

// chosen is the name below [classesKey] of what the person chose in Windows'
// settings for our links, empty where nothing is chosen.
func (s Scheme) chosen() string {
	key, err := registry.OpenKey(registry.CURRENT_USER, choicesKey+`\`+s.name+`\UserChoice`, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer func() { _ = key.Close() }()
	name, _, err := key.GetStringValue("ProgId")
	if err != nil {
		return ""
	}
	return name
}

// edit returns what stands there and what is to; both are the same where the
// links reach program already.
func (s Scheme) edit(ctx context.Context, program string) (old, now *branch, err error) {
	if err := checkProgram(program); err != nil {
		return nil, nil, cannotOpenLinks(program, err)
	}
	program = withoutConsole(program)
	if old, err = readBranch(registry.CURRENT_USER, s.key()); err != nil {
		return nil, nil, cannotChangeKey(s.key(), err)
	}
	if st, err := s.status(ctx); err != nil {
		return nil, nil, err
	} else if old == nil && st.Program == program {
		return nil, nil, nil // an installation for all users has seen to it
	}
	return old, registration(program), nil
}

func (s Scheme) plan(ctx context.Context, program string) ([]Change, error) {
	old, now, err := s.edit(ctx, program)
	return branchChange(inUsers(s.key()), whatScheme, old, now), err
}

func (s Scheme) install(ctx context.Context, program string) ([]Change, error) {
	old, now, err := s.edit(ctx, program)
	if err != nil || old.equal(now) {
		return nil, err
	}
	known, err := s.loadRecord()
	if err != nil {
		return nil, err
	}
	r := &schemeRecord{Before: old, Left: now}
	if known != nil && (old.equal(known.Left) || old.isOurs()) {
		r.Before = known.Before
	} else if old.isOurs() {
		r.Before = nil // left behind by a Spacehatch whose record is gone
	}
	if err := s.saveRecord(r); err != nil {
		return nil, err
	}
	back := func(problem error) ([]Change, error) {
		err := errors.Join(writeBranch(registry.CURRENT_USER, s.key(), old), s.forgetRecord())
		if known != nil {
			err = errors.Join(err, s.saveRecord(known))
		}
		tellShell()
		if err != nil {
			return nil, errors.Join(problem, err)
		}
		return nil, problem
	}
	if err := writeBranch(registry.CURRENT_USER, s.key(), now); err != nil {
		return back(cannotChangeKey(s.key(), err))
	}
	tellShell()
	st, err := s.status(ctx)
	if err != nil {
		return back(err)
	}
	if st.Program != withoutConsole(program) {
		return back(problem.New(Failed,
			"Windows opens spacehatch:// links with "+printable.Text(st.Program, 300)+", since you chose it in Windows' settings.",
			"Choose Spacehatch there: Settings, Apps, Default apps.", nil))
	}
	return branchChange(inUsers(s.key()), whatScheme, old, now), nil
}

func (s Scheme) uninstall(ctx context.Context) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := s.loadRecord()
	if err != nil {
		return nil, err
	}
	now, err := readBranch(registry.CURRENT_USER, s.key())
	if err != nil {
		return nil, cannotChangeKey(s.key(), err)
	}
	after := now // somebody else's stays
	if now.isOurs() || r != nil && now.equal(r.Left) {
		if after = nil; r != nil {
			after = r.Before
		}
	}
	if !now.equal(after) {
		if err := writeBranch(registry.CURRENT_USER, s.key(), after); err != nil {
			return nil, cannotChangeKey(s.key(), err)
		}
		tellShell()
	}
	return branchChange(inUsers(s.key()), whatScheme, now, after), s.forgetRecord()
}

// checkWritable: every path can be written down here but one with a percent
// sign, which the shell reads as the name of a variable or of an argument.
func checkWritable(program string) error {
	for _, r := range program {
		if r == '%' || r == '"' {
			return fmt.Errorf("its path holds %q, which Windows reads as something else", r)
		}
	}
	return nil
}

func cannotOpenLinks(program string, why error) error {
	return problem.New(Failed, "Links cannot be opened with "+printable.Quoted(program)+": "+why.Error()+".",
		"Install Spacehatch into a folder of its own and try again.", nil)
}

func cannotRead(place string, err error) error {
	return fmt.Errorf("read who opens our links, %s: %w", place, err)
}

func cannotChangeKey(path string, err error) error {
	return problem.New(Failed, inUsers(path)+" cannot be changed in the registry.",
		"Your administrator may have forbidden it.", err)
}
