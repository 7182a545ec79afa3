package sshconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// A Plan is a list of changes that can be looked at before they are made.
type Plan struct {
	at     place
	steps  []step
	notes  []string
	files  files
	verify func(context.Context) error // nil where there is nothing to verify
}

// Action is what happens to one file or folder.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Remove Action = "remove"
)

// Change is one line of a plan's summary.
type Change struct {
	Action Action `json:"action"`
	Path   string `json:"path"`
	// Target is where the bytes are if Path is a link to them.
	Target string `json:"target,omitempty"`
	Folder bool   `json:"folder,omitempty"`
	// Mode is the permissions afterwards, in octal; empty where the path is gone.
	Mode string `json:"mode,omitempty"`
	// Own marks what only Spacehatch uses; the user's own config is not.
	Own bool `json:"own"`
}

// A step is one change to one path. A file or folder that was not there has no
// info; one that will not be there has no mode.
type step struct {
	Change
	before file
	after  []byte
	mode   fs.FileMode
	quiet  bool // its content is of no interest in a diff
}

// NewPlan compares the SSH folder with the settings. It writes nothing but
// temporary files. Errors for a person are problems: problem.SSHConfigUnsafe
// where a file had better not be touched, problem.NotSupported where OpenSSH is
// missing or too old.
func NewPlan(ctx context.Context, s Settings) (*Plan, error) {
	s, err := s.normal()
	if err != nil {
		return nil, err
	}
	at := place(s.SSHDir)
	p := &Plan{at: at, files: disk{}}
	user, err := readUserFile(at.userConfig())
	if err != nil {
		return nil, err
	}
	text, fault := locate(user.data)
	if fault != "" {
		return nil, markerProblem(at, fault)
	}
	after := user.data
	if text.includedByHand(at.names) == 0 {
		after = text.with(at.include())
	}
	if err := p.addFolders(); err != nil {
		return nil, err
	}
	userChanges := !bytes.Equal(after, user.data)
	if err := p.addManifest(userChanges && !user.exists); err != nil {
		return nil, err
	}
	own, err := readOwnFile(at.config())
	if err != nil {
		return nil, err
	}
	ours := s.render()
	if !own.exists || !bytes.Equal(own.data, ours) || badMode(own) {
		p.add(step{Change: Change{Own: true}, before: own, after: ours, mode: fileMode})
	}
	if userChanges {
		if err := checkReplaceable(user); err != nil {
			return nil, err
		}
		if user.exists {
			if err := p.addBackup(s.BackupDir, user.data); err != nil {
				return nil, err
			}
		}
		p.add(step{before: user, after: after, mode: user.mode()})
	}
	if p.Empty() {
		return p, nil
	}
	ssh := client{program: s.SSH, at: at}
	if err := ssh.accepts(ctx, s); err != nil {
		return nil, err
	}
	if user.exists {
		if p.notes, err = ssh.notes(ctx, user, s.Hosts); err != nil {
			return nil, err
		}
	}
	p.verify = func(ctx context.Context) error { return ssh.verify(ctx, s) }
	return p, nil
}

func markerProblem(at place, f fault) error {
	return unsafe(at.userConfig(), string(f),
		"Remove the marker lines that name Spacehatch and the Include between them, then run the command again.", nil)
}

// badMode reports a mode with which OpenSSH would refuse the file, and with it
// every connection of the user's.
func badMode(f file) bool { return posixModes && f.mode() != fileMode }

func (p *Plan) add(s step) {
	s.Path = s.before.path
	if s.before.linked() {
		s.Target = s.before.target
	}
	switch {
	case s.mode == 0:
		s.Action = Remove
	case s.before.exists:
		s.Action = Update
	default:
		s.Action = Create
	}
	if s.mode != 0 && posixModes {
		s.Mode = fmt.Sprintf("%04o", s.mode.Perm())
	}
	p.steps = append(p.steps, s)
}

func (p *Plan) addFolders() error {
	for _, dir := range []string{string(p.at), p.at.folder()} {
		exists, err := checkFolder(dir, dir == string(p.at))
		if err != nil {
			return err
		}
		if !exists {
			p.addFolder(dir)
		}
	}
	return nil
}

func (p *Plan) addFolder(dir string) {
	p.add(step{Change: Change{Folder: true, Own: true}, before: file{path: dir, target: dir}, mode: folderMode})
}

// created is what we made in the user's SSH folder and Undo may remove again.
type created struct {
	File   bool `json:"file"`   // ~/.ssh/config
	Folder bool `json:"folder"` // ~/.ssh
}

func readManifest(at place) (created, file, error) {
	var c created
	f, err := readOwnFile(at.manifest())
	if err != nil {
		return c, f, err
	}
	if f.exists && json.Unmarshal(f.data, &c) != nil {
		return created{}, f, nil // then nothing is known to be ours
	}
	return c, f, nil
}

func (p *Plan) addManifest(creates bool) error {
	made, f, err := readManifest(p.at)
	if err != nil {
		return err
	}
	want := made
	want.File = made.File || creates
	want.Folder = made.Folder || slices.ContainsFunc(p.steps, func(s step) bool { return s.Path == string(p.at) })
	if want == made {
		return nil
	}
	data, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("ssh config: %w", err)
	}
	p.add(step{Change: Change{Own: true}, before: f, after: append(data, '\n'), mode: fileMode, quiet: true})
	return nil
}

func (p *Plan) addBackup(dir string, data []byte) error {
	path := filepath.Join(dir, backupName)
	f, err := readOwnFile(path)
	if err != nil {
		return err
	}
	if f.exists && bytes.Equal(f.data, data) {
		return nil
	}
	var missing []string
	for d := dir; d != p.at.folder(); d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	slices.Reverse(missing)
	for _, d := range missing {
		p.addFolder(d)
	}
	if note, text := paths.Note(dir); text != nil && len(missing) > 0 {
		p.add(step{Change: Change{Own: true}, before: file{path: note, target: note}, after: text, mode: fileMode, quiet: true})
	}
	p.add(step{Change: Change{Own: true}, before: f, after: data, mode: fileMode, quiet: true})
	return nil
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.steps) == 0 }

// ChangesUserFile reports whether the user's own config is among what changes.
// Where it is not, nobody need be asked.
func (p *Plan) ChangesUserFile() bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return !s.Own })
}

// Changes returns what will happen, in that order.
func (p *Plan) Changes() []Change {
	list := make([]Change, len(p.steps))
	for i, s := range p.steps {
		list[i] = s.Change
	}
	return list
}

// Notes returns whole sentences about what the user's own config will still do
// to our hosts, since SSH adds it up and we cannot take it away.
func (p *Plan) Notes() []string { return slices.Clone(p.notes) }

// names reports whether an Include's argument means our config.
func (p place) names(include string) bool {
	include = strings.ReplaceAll(include, `\`, "/")
	short := folderName + "/" + configName
	return include == filepath.ToSlash(p.config()) ||
		p.own() && (include == short || include == "~/.ssh/"+short)
}

// tooOld is what an OpenSSH that does not know our keywords gives.
func tooOld(cause error) error {
	return problem.New(problem.NotSupported, "The OpenSSH client on this machine does not understand the configuration that Spacehatch needs.",
		"Install OpenSSH 7.6 or newer.", cause)
}
