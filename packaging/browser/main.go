// Command browser packs the browser extension: `go run ./packaging/browser
// -version VERSION` writes it to build/browser/chrome and build/browser/firefox,
// from where a browser can load it, and as zip files to dist/, as the stores
// take it. The same sources and version give the same bytes.
//
// It must not know what the extension does: that is in the files beside it.
package main

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/packaging/icons"
)

//go:embed *.js *.html *.css manifest.json
var sources embed.FS

// The two kinds of package. Edge and every other relative of Chromium takes
// Chrome's.
const (
	chrome  = "chrome"
	firefox = "firefox"
)

// firefoxID names the extension to Firefox, for good: an update has the same.
const firefoxID = "browser@spacehatch.github.io"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("browser", flag.ContinueOnError)
	version := flags.String("version", "dev", "the version, as git describe says it")
	unpacked := flags.String("unpacked", "build/browser", "the `FOLDER` that gets one for each browser, to load the extension from")
	dist := flags.String("dist", "dist", "the `FOLDER` that gets the zip files")
	licence := flags.String("licence", "LICENSE", "the licence, which goes along")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*licence)
	if err != nil {
		return err
	}
	return pack(*version, text, *unpacked, *dist)
}

// pack writes the extension for each browser as a folder and as a zip file.
func pack(version string, licence []byte, unpacked, dist string) error {
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	for _, browser := range []string{chrome, firefox} {
		all, err := files(browser, version)
		if err != nil {
			return err
		}
		all["LICENSE"] = licence
		folder := filepath.Join(unpacked, browser)
		if err := os.RemoveAll(folder); err != nil { // what is no longer part of it
			return err
		}
		for name, data := range all {
			file := filepath.Join(folder, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				return err
			}
		}
		packed, err := archive(all)
		if err != nil {
			return err
		}
		file := filepath.Join(dist, "spacehatch-browser-"+browser+"-"+version+".zip")
		if err := os.WriteFile(file, packed, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "made", file)
	}
	return nil
}

// files returns what a browser gets, by the path inside the extension.
func files(browser, version string) (map[string][]byte, error) {
	all := map[string][]byte{}
	entries, err := sources.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, each := range entries {
		if all[each.Name()], err = sources.ReadFile(each.Name()); err != nil {
			return nil, err
		}
	}
	if all["manifest.json"], err = manifest(all["manifest.json"], browser, version); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	for _, side := range []int{16, 32, 48, 128} {
		on := icons.PNG(side)
		all[fmt.Sprintf("icons/on-%d.png", side)] = on
		if all[fmt.Sprintf("icons/off-%d.png", side)], err = grey(on); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// manifest gives the manifest its version and what only one browser knows.
func manifest(source []byte, browser, version string) ([]byte, error) {
	var m map[string]any
	if err := json.Unmarshal(source, &m); err != nil {
		return nil, err
	}
	m["version"] = numbers(version)
	switch browser {
	case chrome:
		m["version_name"] = version
	case firefox:
		// Firefox has no service workers for extensions. 142 is the first, also on
		// phones, to know every key of these.
		delete(m, "minimum_chrome_version")
		m["background"] = map[string]any{"scripts": []string{"background.js"}}
		m["browser_specific_settings"] = map[string]any{"gecko": map[string]any{
			"id": firefoxID, "strict_min_version": "142.0",
			"data_collection_permissions": map[string]any{"required": []string{"none"}},
		}}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(m)
	return out.Bytes(), err
}

// described is how git describes a commit: the release, and how many commits
// ago that was.
var described = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-(\d+)-g)?`)

// numbers is the version as browsers want it: four numbers of 16 bits, not all
// of them zero. A build that is of no release gets the lowest.
func numbers(version string) string {
	const none = "0.0.0.1"
	found := described.FindStringSubmatch(version)
	if found == nil {
		return none
	}
	var four []string
	for _, each := range found[1:] {
		n, err := strconv.ParseUint("0"+each, 10, 16) // what is not there is 0
		if err != nil {
			return none
		}
		four = append(four, strconv.FormatUint(n, 10))
	}
	if text := strings.Join(four, "."); text != "0.0.0.0" {
		return text
	}
	return none
}

// grey takes the colour out of a PNG.
func grey(picture []byte) ([]byte, error) {
	in, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	out := image.NewNRGBA(in.Bounds())
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			c := color.NRGBAModel.Convert(in.At(x, y)).(color.NRGBA)
			l := color.GrayModel.Convert(color.NRGBA{c.R, c.G, c.B, 0xff}).(color.Gray).Y
			l = l/2 + 0x58 // paler, too: the icon is dark to begin with
			out.SetNRGBA(x, y, color.NRGBA{l, l, l, c.A})
		}
	}
	var packed bytes.Buffer
	err = png.Encode(&packed, out)
	return packed.Bytes(), err
}

// archive is a zip file that tells nothing of when and where it was made.
func archive(all map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o644)
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(all[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
