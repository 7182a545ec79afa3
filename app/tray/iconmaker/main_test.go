package main

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheIconsAreAsDrawn(t *testing.T) {
	const tray = ".."
	files, err := draw(tray)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what `go run ./iconmaker` draws (%v)", name, err)
		}
	}
	for _, folder := range []string{filepath.Join(tray, "icons"), filepath.Join(tray, programIcons)} {
		there, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range there {
			if name := filepath.Join(folder, e.Name()); files[name] == nil && strings.Contains(".png .ico", filepath.Ext(name)) {
				t.Errorf("nobody draws %s", name)
			}
		}
	}
}

// The library under the tray sends a byte of each colour, and that is the right
// one, at the edges too.
func TestPanelsGetTheRightColours(t *testing.T) {
	for _, p := range pictures() {
		img := paint(p.shape, p.sizes[0])
		deep := forPanels(img)
		edges := 0
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				want, wide := img.NRGBAAt(x, y), deep.NRGBA64At(x, y)
				if want.A == 0 {
					continue
				}
				if want.A != 0xff {
					edges++
				}
				r, g, b, a := wide.RGBA()
				if sent := (color.NRGBA{R: byte(r), G: byte(g), B: byte(b), A: byte(a)}); sent != want {
					t.Errorf("%s at %d,%d: %v is sent, want %v", p.name, x, y, sent, want)
				}
				// Who reads the picture as it is sees the colour, too.
				const visible = 64
				if seen := int(wide.R >> 8); want.A >= visible && abs(seen-int(want.R)) > 4 {
					t.Errorf("%s at %d,%d: red is %d, want %d", p.name, x, y, seen, want.R)
				}
			}
		}
		if edges == 0 {
			t.Errorf("%s has no edges", p.name)
		}
	}
}

func TestReadSVG(t *testing.T) {
	const box = `<svg viewBox="0 0 64 64">`
	s, err := readSVG([]byte(box + `<title>x</title><circle cx="32" cy="32" r="32" fill="#102030"/>` +
		`<polyline points="0,32 64,32" stroke="#ffffff" stroke-width="4"/></svg>`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x, y float64
		want color.NRGBA
	}{
		{0, 0, white}, {0, 0.05, white}, {0, 0.1, color.NRGBA{0x10, 0x20, 0x30, 0xff}}, {0.9, 0.9, none},
	} {
		if got := s(c.x, c.y); got != c.want {
			t.Errorf("at %v,%v: %v, want %v", c.x, c.y, got, c.want)
		}
	}
	for _, bad := range []string{
		`<svg viewBox="0 0 32 32"/>`, box, box + `<rect/></svg>`, box + `<circle cx="1" cy="1" r="1" fill="red"/></svg>`,
		box + `<circle cx="x" cy="1" r="1" fill="#000000"/></svg>`, box + `<polyline points="1,2 3" stroke="#000000" stroke-width="1"/></svg>`,
	} {
		if _, err := readSVG([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}
