//go:build cgo || !darwin

package window

import (
	"encoding/json"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
)

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
	k := kindOf(s.screen)
	if r, ok := s.readSizes()[k.name]; ok && r.sane() {
		return fyne.NewSize(r.Width, r.Height)
	}
	return k.size
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
	sizes[kindOf(s.screen).name] = remembered{size.Width, size.Height}
	if data, err := json.Marshal(sizes); err == nil {
		_ = atomicfile.Write(s.Sizes, data, 0o600)
	}
}
