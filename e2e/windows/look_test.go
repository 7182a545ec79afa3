//go:build linux

package windows

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// sight is what is on the computer: files of the user with the sums of what is
// in them, and values of the user's part of the registry.
type sight map[string]string

// passing begin the files and keys that Windows' own programs change as they
// run, or that every Windows has and a fresh wine has not.
var passing = []string{
	`\Temp`, `\AppData\Local\Temp`, `[HKEY_CURRENT_USER\Software\Wine`, `[HKEY_CURRENT_USER\Software\Microsoft\SystemCertificates`,
	`[HKEY_CURRENT_USER\Software\Classes] `, `[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\App Paths] `,
	`[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Uninstall] `,
}

func (c *computer) look(t *testing.T) sight {
	t.Helper()
	seen := sight{}
	root := c.unix(c.profile(""))
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(strings.TrimPrefix(path, strings.TrimSuffix(root, "/")), "/", `\`)
		switch {
		case slices.ContainsFunc(passing, func(p string) bool { return strings.HasPrefix(name, p) }):
		case e.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			seen[name] = hex.EncodeToString(sum[:4])
		default:
			seen[name] = e.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	key := ""
	for line := range strings.Lines(c.registry(t, `HKCU\Software`)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "[") {
			key, line = line, "itself"
		}
		name := key + " " + line
		if key != "" && line != "" && !slices.ContainsFunc(passing, func(p string) bool { return strings.HasPrefix(name, p) }) {
			seen[name] = "in the registry"
		}
	}
	return seen
}

// registry is what `reg export` says of a key and all below it.
func (c *computer) registry(t *testing.T, key string) string {
	t.Helper()
	path := c.profile(`Temp\export.reg`)
	c.run(t, "reg", "export", key, path, "/y")
	data := []byte(c.read(t, path))
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// same: nothing came, went or changed.
func (s sight) same(t *testing.T, now sight) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before, there := s[name]; !there {
			t.Errorf("left behind: %s (%s)", name, now[name])
		} else if before != now[name] {
			t.Errorf("changed: %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, there := now[name]; !there {
			t.Errorf("gone: %s", name)
		}
	}
}
