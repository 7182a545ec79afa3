package installer

import (
	"path"
	"strings"
)

// bundleOf returns the folder X.app that a program of macOS stands in, as
// X.app/Contents/MacOS/program, or nothing where it stands by itself.
func bundleOf(program string) string {
	folder := path.Dir(program)
	bundle := strings.TrimSuffix(folder, "/Contents/MacOS")
	if bundle == folder || !strings.HasSuffix(bundle, ".app") || !path.IsAbs(program) {
		return ""
	}
	return bundle
}
