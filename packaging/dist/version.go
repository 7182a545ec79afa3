package main

import (
	"regexp"
	"strings"
)

var described = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+)(?:-([0-9A-Za-z.]+))??(?:-([0-9]+)-g([0-9a-f]+))?(-dirty)?$`)

// packageVersion turns what git describe says into a version that dpkg and rpm
// order as it is meant: 1.2.0~rc.1 before 1.2.0, which is before what was built
// from later commits. Without a tag it is older than every release.
func packageVersion(describe string) string {
	m := described.FindStringSubmatch(describe)
	if m == nil {
		return "0~" + strings.NewReplacer("-", ".", "/", ".").Replace(describe)
	}
	version := m[1]
	if m[2] != "" {
		version += "~" + m[2]
	}
	if m[3] != "" {
		version += "+" + m[3] + ".g" + m[4]
	}
	if m[5] != "" {
		version += "+dirty"
	}
	return version
}

// fileVersion is the version in the names of files: places where releases are
// kept take no tilde there.
func fileVersion(describe string) string {
	return strings.ReplaceAll(packageVersion(describe), "~", "-")
}
