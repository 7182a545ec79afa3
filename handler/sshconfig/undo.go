package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Undo takes everything of ours out of the SSH folder: our lines from the
// user's config, which is otherwise kept byte for byte, and our folder. A config
// or a folder that we created is removed if nothing else is in it. Doing it
// twice is no error. End the masters first: their sockets go, too.
func Undo(ctx context.Context, sshDir string) error {
	p, err := NewUndo(ctx, sshDir)
	if err != nil {
		return err
	}
	return p.Apply(ctx)
}

// NewUndo is the plan of what [Undo] does. Errors are those of [NewPlan].
func NewUndo(_ context.Context, sshDir string) (*Plan, error) {
	if !filepath.IsAbs(sshDir) {
		return nil, fmt.Errorf("undo ssh config: %q is not an absolute path", sshDir)
	}
	at := place(filepath.Clean(sshDir))
	p := &Plan{at: at, files: disk{}}
	user, err := readUserFile(at.userConfig())
	if err != nil {
		return nil, err
	}
	made, _, err := readManifest(at)
	if err != nil {
		return nil, err
	}
	text, fault := locate(user.data)
	if fault != "" {
		return nil, markerProblem(at, fault)
	}
	rest := text.stripped()
	userGone := made.File && user.exists && !user.linked() && len(rest) == 0
	if userGone || text.present() {
		if err := checkReplaceable(user); err != nil {
			return nil, err
		}
		s := step{before: user, after: rest, mode: user.mode()}
		if userGone {
			s.mode = 0
		}
		p.add(s)
	}
	foreign, err := p.removeOwn()
	if err != nil || !made.Folder || foreign {
		return p, err
	}
	return p, p.removeSSHFolder(userGone)
}

// removeOwn removes what we made in our folder, and the folder, unless
// something foreign is in it. The manifest goes last: an undo that was
// interrupted still knows what it may remove.
func (p *Plan) removeOwn() (foreign bool, err error) {
	dir := p.at.folder()
	if exists, err := checkFolder(dir, false); err != nil || !exists {
		return false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, unsafe(dir, "cannot be read", "Check the permissions of the folder.", err)
	}
	var manifest *step
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		f := file{path: path, target: path, exists: true}
		if f.info, err = e.Info(); errors.Is(err, fs.ErrNotExist) {
			continue // an ssh has ended and taken its socket along
		} else if err != nil {
			return false, unsafe(path, "cannot be looked at", "Run the command again.", err)
		}
		switch name := e.Name(); {
		case f.info.Mode().Type() == fs.ModeSocket && strings.HasPrefix(name, socketPrefix):
		case f.info.Mode().IsRegular() && ownName(name):
			if f, err = readOwnFile(path); err != nil {
				return false, err
			}
		default:
			foreign = true
			continue
		}
		s := step{Change: Change{Own: true}, before: f, quiet: e.Name() != configName}
		if e.Name() == manifestName {
			manifest = &s
			continue
		}
		p.add(s)
	}
	if manifest != nil {
		p.add(*manifest)
	}
	if foreign {
		p.notes = append(p.notes, "The folder "+dir+" holds files that Spacehatch did not make, so it stays.")
		return true, nil
	}
	return false, p.removeFolder(dir)
}

// ownName reports whether a file of that name in our folder is ours: written by
// us, by ssh at our request, or left by either when it was interrupted.
func ownName(name string) bool {
	for _, base := range []string{configName, knownHostsName, manifestName, backupName} {
		if strings.HasPrefix(name, "."+base+".") && strings.HasSuffix(name, ".tmp") {
			return true
		}
	}
	switch name {
	case configName, knownHostsName, knownHostsName + ".old", manifestName, backupName, lockName:
		return true
	}
	return false
}

// removeSSHFolder removes ~/.ssh if nothing is in it but what this plan removes.
func (p *Plan) removeSSHFolder(userGone bool) error {
	info, err := os.Lstat(string(p.at))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	entries, err := os.ReadDir(string(p.at))
	if err != nil {
		return unsafe(string(p.at), "cannot be read", "Check the permissions of the folder.", err)
	}
	for _, e := range entries {
		if e.Name() != folderName && (e.Name() != configName || !userGone) {
			return nil
		}
	}
	return p.removeFolder(string(p.at))
}

func (p *Plan) removeFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return unsafe(dir, "cannot be looked at", "Run the command again.", err)
	}
	p.add(step{Change: Change{Folder: true, Own: true}, before: file{path: dir, target: dir, exists: true, info: info}})
	return nil
}
