package editor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aymanbagabas/go-udiff"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// maxSettings is the most bytes of a settings file that we touch.
const maxSettings = 1 << 20

// ErrChanged says that a settings file is no longer what the plan was made
// from: make a new plan.
var ErrChanged = errors.New("the file changed after the plan was made")

// SettingsPlan is what would change in the settings of an IDE. Making one
// changes nothing.
type SettingsPlan struct {
	path    string // as the user knows it
	target  string // with symbolic links resolved
	before  []byte // nil: no file
	after   []byte // nil: no file
	mode    fs.FileMode
	changes []change // to be remembered
	undo    *record  // set: the plan takes this back
}

// PlanSettings says what the user's settings of the IDE lack for the host
// alias: a timeout long enough, the platform and, where the extension has it,
// home as the install folder of that host; an empty home leaves that to the
// extension. A missing file counts as an empty one.
// Comments, order and formatting stay. A file that is broken, read-only, not
// UTF-8 or larger than 1 MiB is a Problem of code EditorFailed.
func PlanSettings(i Installation, alias, home string) (*SettingsPlan, error) {
	if !isAlias(alias) {
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("%s is not an alias of a space.", printable.Quoted(alias)), "`spacehatch status` shows those that are open.", nil)
	}
	p, err := openSettings(i.Settings)
	if err != nil {
		return nil, err
	}
	p.after = p.before
	doc, err := p.parse()
	if err != nil {
		return nil, err
	}
	for _, w := range wants(i.Editor, alias, home) {
		c, err := doc.fulfil(w)
		if err != nil {
			return nil, problem.New(problem.EditorFailed,
				fmt.Sprintf("The setting %s in %s does not have the form that %s expects, so Spacehatch leaves the file alone.", w.key, p.path, i.Editor.Title),
				"Correct or remove that setting and try again.", err)
		}
		if c != nil {
			p.changes = append(p.changes, *c)
		}
	}
	if len(p.changes) == 0 {
		return p, nil
	}
	if p.mode.Perm()&0o200 == 0 {
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("The settings of %s in %s are read-only, so Spacehatch leaves them alone.", i.Editor.Title, p.path),
			"Make the file writable, or put the settings there the way you manage that file. They are:\n"+listed(p.changes), nil)
	}
	p.after = doc.bytes()
	return p, nil
}

// Path returns the file that the plan is about.
func (p *SettingsPlan) Path() string { return p.path }

// Empty reports whether there is nothing to do.
func (p *SettingsPlan) Empty() bool {
	return bytes.Equal(p.before, p.after) && (p.before == nil) == (p.after == nil)
}

// Diff returns the change as a unified diff, empty where there is none.
func (p *SettingsPlan) Diff() string {
	return udiff.Unified(p.path, p.path, string(p.before), string(p.after))
}

// Apply does what the plan says, in one step: whoever reads the file sees the
// old settings or the new ones. Mode and symbolic links stay. What was set,
// and the file as it was before, is remembered in the file state and beside
// it, both owner-only, so that [PlanUndo] finds it; use one state file per
// settings file. If the settings changed since the plan was made, nothing is
// written and the error wraps [ErrChanged].
func (p *SettingsPlan) Apply(state string) error {
	now, err := openSettings(p.path)
	if err != nil {
		return err
	}
	if now.target != p.target || !bytes.Equal(now.before, p.before) || (now.before == nil) != (p.before == nil) {
		return problem.New(problem.EditorFailed, fmt.Sprintf("%s was changed by another program just now.", p.path),
			"Try again.", ErrChanged)
	}
	if p.undo != nil {
		return p.applyUndo(state)
	}
	if p.Empty() {
		return nil
	}
	if err := remember(state, p); err != nil {
		return p.failed(err)
	}
	if err := os.MkdirAll(filepath.Dir(p.target), 0o700); err != nil {
		return p.failed(err)
	}
	if err := atomicfile.Write(p.target, p.after, p.mode.Perm()); err != nil {
		return p.failed(err)
	}
	return nil
}

func (p *SettingsPlan) failed(err error) error {
	return problem.New(problem.EditorFailed, fmt.Sprintf("The settings in %s could not be changed.", p.path),
		"Check that the file and its folder belong to you and that the disk is not full.", err)
}

// openSettings reads the file at path into a plan that changes nothing.
func openSettings(path string) (*SettingsPlan, error) {
	p := &SettingsPlan{path: path, target: path, mode: 0o600}
	unreadable := func(err error) error {
		return problem.New(problem.EditorFailed, fmt.Sprintf("The settings in %s cannot be read.", path),
			"Check that the file belongs to you and that it is a plain file of at most 1 MiB.", err)
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, unreadable(err) // a link that leads nowhere must not become a file
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSettings {
		return nil, unreadable(fs.ErrInvalid)
	}
	data, err := os.ReadFile(target)
	if err != nil {
		return nil, unreadable(err)
	}
	if data == nil {
		data = []byte{}
	}
	p.target, p.before, p.after, p.mode = target, data, data, info.Mode()
	return p, nil
}

func (p *SettingsPlan) parse() (*document, error) {
	doc, err := parseDocument(p.before)
	switch {
	case errors.Is(err, errNotUTF8):
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("%s is not a text in UTF-8, so Spacehatch leaves it alone.", p.path),
			"Save the file as UTF-8 and try again.", nil)
	case errors.Is(err, errNotObject):
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("%s does not hold settings in braces, so Spacehatch leaves it alone.", p.path),
			"Open the file in the IDE, correct it, and try again.", nil)
	case err != nil:
		return nil, problem.New(problem.EditorFailed,
			fmt.Sprintf("%s is not valid JSON (%s), so Spacehatch leaves it alone.", p.path, err),
			"Open the file in the IDE, correct what it marks, and try again.", nil)
	}
	return doc, nil
}

// listed shows changes as the lines of a settings file.
func listed(changes []change) string {
	var b bytes.Buffer
	for _, c := range changes {
		if c.Host != "" {
			fmt.Fprintf(&b, "    %q: { %q: %s }\n", c.Key, c.Host, c.New)
		} else {
			fmt.Fprintf(&b, "    %q: %s\n", c.Key, c.New)
		}
	}
	return b.String()
}
