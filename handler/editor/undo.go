package editor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/paths"
)

// record is the state file: what we set in one settings file.
type record struct {
	Settings string   `json:"settings"`
	Changes  []change `json:"changes"`
	// Sum is the file's SHA-256 as we left it. While it holds, and Exact does,
	// undoing gives back the very bytes of the backup.
	Sum   string `json:"sum"`
	Exact bool   `json:"exact"`
	// FileMade: there was no file. FoldersMade are the folders that were made
	// for it, the innermost first.
	FileMade    bool     `json:"file_made,omitempty"`
	FoldersMade []string `json:"folders_made,omitempty"`
}

func backupOf(state string) string { return state + ".backup" }

// remember writes down what the plan is about to do, before it is done: if we
// are interrupted in between, undoing finds values that are not there.
func remember(state string, p *SettingsPlan) error {
	r, err := readRecord(state)
	if err != nil {
		return err
	}
	fresh := r == nil || r.Settings != p.path
	if fresh {
		r = &record{Settings: p.path, Exact: true, FileMade: p.before == nil, FoldersMade: missingFolders(filepath.Dir(p.target))}
	} else if r.Sum != sum(p.before) {
		r.Exact = false
	}
	r.Changes = merge(r.Changes, p.changes)
	if err := paths.Make(filepath.Dir(state)); err != nil {
		return err
	}
	// While nobody else writes the file, the backup stays the one from before
	// our first change.
	if p.before != nil && (fresh || !r.Exact) {
		if err := atomicfile.Write(backupOf(state), p.before, 0o600); err != nil {
			return err
		}
	}
	r.Sum = sum(p.after)
	return writeRecord(state, r)
}

// PlanUndo says how to take back what [SettingsPlan.Apply] set and remembered
// in the file state: values that are still ours go, or become again what they
// were; everything else stays. If nobody else wrote the file in between, it is
// byte for byte what it was, or gone if there was none. Without a state file
// the plan is empty. Apply the plan with the same state file, which goes then.
func PlanUndo(state string) (*SettingsPlan, error) {
	r, err := readRecord(state)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return &SettingsPlan{}, nil
	}
	p, err := openSettings(r.Settings)
	if err != nil {
		return nil, err
	}
	p.undo = r
	if p.before == nil {
		return p, nil
	}
	if r.Exact && sum(p.before) == r.Sum {
		if r.FileMade {
			p.after = nil
			return p, nil
		}
		if backup, err := os.ReadFile(backupOf(state)); err == nil {
			p.after = append([]byte{}, backup...)
			return p, nil
		}
	}
	doc, err := p.parse()
	if err != nil {
		return nil, err
	}
	for i := len(r.Changes) - 1; i >= 0; i-- {
		doc.revert(r.Changes[i])
	}
	p.after = doc.bytes()
	if r.FileMade && len(doc.root.Members) == 0 && isBlank(string(bytes.Trim(p.after, "{} \t\r\n"))) {
		p.after = nil
	}
	return p, nil
}

func (p *SettingsPlan) applyUndo(state string) error {
	switch {
	case p.Empty():
	case p.after == nil:
		if err := os.Remove(p.target); err != nil {
			return p.failed(err)
		}
		for _, dir := range p.undo.FoldersMade {
			if os.Remove(dir) != nil {
				break // somebody put something there: it stays
			}
		}
	default:
		if err := atomicfile.Write(p.target, p.after, p.mode.Perm()); err != nil {
			return p.failed(err)
		}
	}
	for _, path := range []string{backupOf(state), state} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget what was set in %s: %w", p.path, err)
		}
	}
	return nil
}

// missingFolders are the folders from dir upwards that do not exist.
func missingFolders(dir string) []string {
	var missing []string
	for {
		if _, err := os.Lstat(dir); err == nil || filepath.Dir(dir) == dir {
			return missing
		}
		missing = append(missing, dir)
		dir = filepath.Dir(dir)
	}
}

func readRecord(state string) (*record, error) {
	data, err := os.ReadFile(state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was set in an IDE: %w", err)
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read what was set in an IDE, %s: %w", state, err)
	}
	return r, nil
}

func writeRecord(state string, r *record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(state, append(data, '\n'), 0o600)
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
