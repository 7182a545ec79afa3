//go:build cgo || !darwin

package window

import (
	"encoding/json"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/spacehatch/spacehatch/app/view"
	"github.com/spacehatch/spacehatch/internal/atomicfile"
)

// stopped is what is shown when the sender of the screens ended in the middle.
func stopped() *view.Problem {
	return &view.Problem{
		Code:     "stopped",
		Sentence: lang.L("Spacehatch ended before the space was open."),
		Hint:     lang.L("Go back to Studio and open the space again."),
	}
}

// A kind of window has its own size.
func kind(s view.Screen) string {
	if setUp(s) {
		return "setup"
	}
	return "connection"
}

// setUp reports whether a set-up is to be chosen from or made.
func setUp(s view.Screen) bool {
	return s.Setup != nil || s.Connection != nil && s.Connection.Question != nil && s.Connection.Question.Setup != nil
}

func windowTitle(s view.Screen) string {
	if s.Setup != nil {
		return lang.L("Set up Spacehatch")
	}
	return "Spacehatch"
}

func defaultSize(s view.Screen) fyne.Size {
	if setUp(s) {
		return fyne.NewSize(620, 700)
	}
	return fyne.NewSize(600, 540)
}

// remembered is a window's size in the file, in the toolkit's units, which do
// not depend on the scale of a screen.
type remembered struct {
	Width  float32 `json:"width"`
	Height float32 `json:"height"`
}

func (r remembered) sane() bool {
	const least, most = 200, 8000
	return r.Width >= least && r.Width <= most && r.Height >= least && r.Height <= most
}

// size is how large the window was last time.
func (s *shown) size() fyne.Size {
	if r, ok := s.readSizes()[kind(s.screen)]; ok && r.sane() {
		return fyne.NewSize(r.Width, r.Height)
	}
	return defaultSize(s.screen)
}

// readSizes returns nothing where there is nothing to read: a size is no
// reason to fail.
func (s *shown) readSizes() map[string]remembered {
	sizes := map[string]remembered{}
	if data, err := os.ReadFile(s.Sizes); err == nil && json.Unmarshal(data, &sizes) != nil {
		return map[string]remembered{}
	}
	return sizes
}

// remember writes the size down if it is another one. It makes no folder: a
// link that was refused or cancelled leaves nothing behind.
func (s *shown) remember(size fyne.Size) {
	if s.Sizes == "" || size == s.size() {
		return
	}
	if _, err := os.Stat(filepath.Dir(s.Sizes)); err != nil {
		return
	}
	sizes := s.readSizes()
	sizes[kind(s.screen)] = remembered{size.Width, size.Height}
	if data, err := json.Marshal(sizes); err == nil {
		_ = atomicfile.Write(s.Sizes, data, 0o600)
	}
}
