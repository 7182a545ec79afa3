package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spacehatch/spacehatch/packaging/icons"
)

const whatIcon = "icon of Spacehatch"

// icon is a file of the icon that our desktop entry names.
type icon struct {
	path string
	data []byte
}

// iconSides are the sizes that are put into the system, in pixels. Desktops
// without a reader of SVG make the others from them.
var iconSides = []int{16, 32, 48, 256}

// icons are the files of the icon, in the theme that all others build on (Icon
// Theme Specification).
func (f folders) icons() []icon {
	all := []icon{{filepath.Join(f.hicolor(), "scalable", "apps", Name+".svg"), icons.SVG()}}
	for _, side := range iconSides {
		size := fmt.Sprintf("%dx%[1]d", side)
		all = append(all, icon{filepath.Join(f.hicolor(), size, "apps", Name+".png"), icons.PNG(side)})
	}
	return all
}

func (f folders) hicolor() string { return filepath.Join(f.data, "icons", "hicolor") }

// iconEdits returns what the icon lacks.
func (f folders) iconEdits() ([]edit, error) {
	var all []edit
	for _, i := range f.icons() {
		file, err := openFile(i.path)
		if err != nil {
			return nil, cannotChange(i.path, err)
		}
		all = append(all, edit{file, i.data, whatIcon})
	}
	return all, nil
}

// tellIcons makes desktops that run look at the icons again: the time of the
// theme's folder tells them whether what they remember is old. One that does
// not see it shows the new icon after the next login.
func (f folders) tellIcons() {
	now := time.Now()
	_ = os.Chtimes(f.hicolor(), now, now)
}
