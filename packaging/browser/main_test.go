package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3":                "1.2.3.0",
		"1.2":                   "1.2.0.0",
		"v1.2.3-14-gabcdef0":    "1.2.3.14",
		"v2.0.0-rc.1":           "2.0.0.0",
		"v1.2-7-gabc-dirty":     "1.2.0.7",
		"v01.2.3":               "1.2.3.0",
		"dev":                   "0.0.0.1",
		"1234567":               "0.0.0.1",
		"f2785a2-dirty":         "0.0.0.1",
		"v0.0.0":                "0.0.0.1",
		"v1.99999.0":            "0.0.0.1",
		"v1.2.3-99999999-gabcd": "0.0.0.1",
	} {
		if got := numbers(version); got != want {
			t.Errorf("numbers(%q) = %s, want %s", version, got, want)
		}
	}
}

// The permissions are a promise to whoever installs the extension.
func TestManifestAsksForNoMore(t *testing.T) {
	for _, browser := range []string{chrome, firefox} {
		all, err := files(browser, "v1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(all["manifest.json"], &m); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]any{
			"manifest_version":          3.0,
			"version":                   "1.2.3.0",
			"permissions":               []any{"scripting", "storage"},
			"host_permissions":          []any{"https://*.sagemaker.aws/*"},
			"optional_host_permissions": []any{"https://*/*"},
		} {
			if !reflect.DeepEqual(m[key], want) {
				t.Errorf("%s: %s is %v, want %v", browser, key, m[key], want)
			}
		}
		for _, key := range []string{"content_scripts", "optional_permissions", "web_accessible_resources", "externally_connectable", "content_security_policy"} {
			if m[key] != nil {
				t.Errorf("%s: the manifest has %s", browser, key)
			}
		}
	}
}

// What a file of the extension names is part of it, and nothing comes from
// elsewhere.
func TestEveryNamedFileIsThere(t *testing.T) {
	named := regexp.MustCompile(`["']((?:icons/)?[a-z0-9-]+\.(?:js|css|html|png))["']`)
	for _, browser := range []string{chrome, firefox} {
		all, err := files(browser, "dev")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for name, data := range all {
			for _, each := range named.FindAllSubmatch(data, -1) {
				found++
				if all[string(each[1])] == nil {
					t.Errorf("%s: %s names %s, which is not there", browser, name, each[1])
				}
			}
			if strings.HasSuffix(name, ".html") && bytes.Contains(data, []byte("//")) {
				t.Errorf("%s: %s loads something from elsewhere", browser, name)
			}
		}
		if found < 10 {
			t.Errorf("%s: only %d names were found", browser, found)
		}
	}
}

func TestGreyHasNoColourAndTheSameShape(t *testing.T) {
	all, err := files(chrome, "dev")
	if err != nil {
		t.Fatal(err)
	}
	on, err := png.Decode(bytes.NewReader(all["icons/on-32.png"]))
	if err != nil {
		t.Fatal(err)
	}
	off, err := png.Decode(bytes.NewReader(all["icons/off-32.png"]))
	if err != nil {
		t.Fatal(err)
	}
	coloured := 0
	for y := range 32 {
		for x := range 32 {
			r, g, b, a := on.At(x, y).RGBA()
			if r != g || g != b {
				coloured++
			}
			r2, g2, b2, a2 := off.At(x, y).RGBA()
			if r2 != g2 || g2 != b2 || a2 != a {
				t.Fatalf("at %d,%d: %d %d %d %d, want grey with alpha %d", x, y, r2, g2, b2, a2, a)
			}
		}
	}
	if coloured == 0 {
		t.Error("the icon has no colour, so nobody sees whether it is on")
	}
}

func TestPackTwiceGivesTheSameBytes(t *testing.T) {
	var packed [2]map[string][]byte
	for i := range packed {
		unpacked, dist := t.TempDir(), t.TempDir()
		stale := filepath.Join(unpacked, chrome, "stale.js")
		if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(stale, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := pack("v1.2.3", []byte("Do as you like.\n"), unpacked, dist); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(stale); err == nil {
			t.Error("what is no longer part of the extension is still in its folder")
		}
		packed[i] = map[string][]byte{}
		for _, browser := range []string{chrome, firefox} {
			data, err := os.ReadFile(filepath.Join(dist, "spacehatch-browser-"+browser+"-v1.2.3.zip"))
			if err != nil {
				t.Fatal(err)
			}
			packed[i][browser] = data
			checkArchive(t, data, filepath.Join(unpacked, browser))
		}
	}
	if !maps.EqualFunc(packed[0], packed[1], bytes.Equal) {
		t.Error("two runs differ")
	}
}

// checkArchive compares a zip file with the folder that a browser can load.
func checkArchive(t *testing.T, data []byte, folder string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, each := range r.File {
		names = append(names, each.Name)
		want, err := os.ReadFile(filepath.Join(folder, each.Name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Open(each.Name); err != nil {
			t.Error(err)
		} else if info, err := got.Stat(); err != nil || info.Size() != int64(len(want)) {
			t.Errorf("%s: %v, %v, want %d bytes", each.Name, info, err, len(want))
		}
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "manifest.json") || !slices.Contains(names, "LICENSE") {
		t.Errorf("the archive holds %q", names)
	}
}
