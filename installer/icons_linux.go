package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/packaging/icons"
)

const whatIcon = "icon of Spacehatch"

// iconSides are the sizes that are put into the system, in pixels. Desktops
// without a reader of SVG make the others from them.
var iconSides = []int{16, 32, 48, 256}

// icons are the files of the icon that our desktop entry names, in the theme
// that all others build on (Icon Theme Specification).
func (f folders) icons() []owned {
	var all []owned
	add := func(size, ending string, picture []byte) {
		all = append(all, owned{
			path: filepath.Join(f.hicolor(), size, "apps", Name+ending), what: whatIcon, text: picture, mode: 0o644,
			ours: func(now []byte) bool { return same(now, picture) }, minor: true,
		})
	}
	add("scalable", ".svg", icons.SVG())
	for _, side := range iconSides {
		add(fmt.Sprintf("%dx%[1]d", side), ".png", icons.PNG(side))
	}
	return all
}

func (f folders) hicolor() string { return filepath.Join(f.data, "icons", "hicolor") }

// tellIcons makes desktops that run look at the icons again: the time of the
// theme's folder tells them whether what they remember is old. One that does
// not see it shows the new icon after the next login.
func (f folders) tellIcons() {
	now := time.Now()
	_ = os.Chtimes(f.hicolor(), now, now)
}
