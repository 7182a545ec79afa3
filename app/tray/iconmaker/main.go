// Command iconmaker draws the icons: `go run ./iconmaker` in app/tray writes
// those of the tray to icons/, and that of the program, in the sizes that
// systems want, to packaging/icons/, where it is drawn as SVG.
//
// It must not know what the icons stand for. Each differs from the others in
// shape and not only in colour, and has an edge that shows on light and dark
// panels alike.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
)

func main() {
	files, err := draw(".")
	for name, data := range files {
		if err == nil {
			err = os.WriteFile(name, data, 0o644)
		}
	}
	if err != nil {
		panic(err) // seen only by whoever changes the icons
	}
}

var (
	grey  = color.NRGBA{0x8b, 0x93, 0x9e, 0xff}
	blue  = color.NRGBA{0x2f, 0x81, 0xf7, 0xff}
	green = color.NRGBA{0x1f, 0xa5, 0x5a, 0xff}
	amber = color.NRGBA{0xe8, 0x8c, 0x00, 0xff}
	red   = color.NRGBA{0xdc, 0x3b, 0x3b, 0xff}
	white = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	none  = color.NRGBA{}
)

// shape gives the colour at a point; both axes go from -1 to 1, y downwards.
type shape func(x, y float64) color.NRGBA

// A picture has the sizes in pixels that Windows asks for; the first is the
// PNG's.
type picture struct {
	name  string
	sizes []int
	shape shape
}

func pictures() []picture {
	tray, dot := []int{48, 16, 20, 24, 32}, []int{16, 20, 24}
	return []picture{
		{"tray-idle", tray, hatch(grey, chevron, false)},
		{"tray-connecting", tray, hatch(blue, dots, false)},
		{"tray-connected", tray, hatch(green, chevron, true)},
		{"tray-attention", tray, hatch(amber, bang, true)},
		{"dot-connecting", dot, ring(blue)},
		{"dot-connected", dot, disc(green)},
		{"dot-waiting", dot, half(amber)},
		{"dot-lost", dot, cross(red)},
	}
}

// hatch is a round hatch with a sign: the rim, and the lid filled or open.
func hatch(c color.NRGBA, sign func(x, y float64) bool, filled bool) shape {
	return func(x, y float64) color.NRGBA {
		r := math.Hypot(x, y)
		inside, on := none, c
		if filled {
			inside, on = c, white
		}
		switch {
		case r > 0.96:
			return none
		case r > 0.74:
			return c
		case sign(x, y):
			return on
		}
		return inside
	}
}

// stroke reports whether a point is on a line of the given half width.
func stroke(x, y, x1, y1, x2, y2, width float64) bool {
	dx, dy := x2-x1, y2-y1
	t := max(0, min(1, ((x-x1)*dx+(y-y1)*dy)/(dx*dx+dy*dy)))
	return math.Hypot(x-x1-t*dx, y-y1-t*dy) <= width
}

// chevron is a prompt: >_
func chevron(x, y float64) bool {
	return stroke(x, y, -0.36, -0.34, -0.02, 0, 0.11) || stroke(x, y, -0.02, 0, -0.36, 0.34, 0.11) ||
		stroke(x, y, 0.10, 0.34, 0.40, 0.34, 0.11)
}

func dots(x, y float64) bool {
	return math.Hypot(x+0.38, y) <= 0.14 || math.Hypot(x, y) <= 0.14 || math.Hypot(x-0.38, y) <= 0.14
}

func bang(x, y float64) bool {
	return stroke(x, y, 0, -0.46, 0, 0.10, 0.14) || math.Hypot(x, y-0.46) <= 0.16
}

func disc(c color.NRGBA) shape {
	return func(x, y float64) color.NRGBA {
		if math.Hypot(x, y) <= 0.72 {
			return c
		}
		return none
	}
}

func ring(c color.NRGBA) shape {
	return func(x, y float64) color.NRGBA {
		if r := math.Hypot(x, y); r <= 0.72 && r >= 0.42 {
			return c
		}
		return none
	}
}

func half(c color.NRGBA) shape {
	return func(x, y float64) color.NRGBA {
		if r := math.Hypot(x, y); r <= 0.72 && (r >= 0.50 || y > 0) {
			return c
		}
		return none
	}
}

func cross(c color.NRGBA) shape {
	return func(x, y float64) color.NRGBA {
		if stroke(x, y, -0.5, -0.5, 0.5, 0.5, 0.19) || stroke(x, y, -0.5, 0.5, 0.5, -0.5, 0.19) {
			return c
		}
		return none
	}
}

// programIcons is where the program's own icon is, from app/tray.
const programIcons = "../../packaging/icons"

// The sizes of the program's icon, in pixels. The smaller ones have a drawing
// of their own, which leaves out what cannot be seen.
var (
	smallSizes = []int{16, 24, 32}
	largeSizes = []int{48, 64, 128, 256}
)

// draw returns every file's bytes by its path; tray is the folder app/tray.
func draw(tray string) (map[string][]byte, error) {
	files := map[string][]byte{}
	put := func(name string, img image.Image) error {
		var b bytes.Buffer
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		err := encoder.Encode(&b, img)
		files[name] = b.Bytes()
		return err
	}
	for _, p := range pictures() {
		var images []*image.NRGBA
		for _, size := range p.sizes {
			images = append(images, paint(p.shape, size))
		}
		name := filepath.Join(tray, "icons", p.name)
		if err := put(name+".png", forPanels(images[0])); err != nil {
			return nil, err
		}
		files[name+".ico"] = ico(images)
	}
	var images []*image.NRGBA
	for _, drawing := range []struct {
		file  string
		sizes []int
	}{{"spacehatch-small.svg", smallSizes}, {"spacehatch.svg", largeSizes}} {
		data, err := os.ReadFile(filepath.Join(tray, programIcons, drawing.file))
		if err != nil {
			return nil, err
		}
		s, err := readSVG(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", drawing.file, err)
		}
		for _, size := range drawing.sizes {
			img := paint(s, size)
			if err := put(filepath.Join(tray, programIcons, fmt.Sprintf("spacehatch-%d.png", size)), img); err != nil {
				return nil, err
			}
			if size <= 64 {
				images = append(images, img)
			}
		}
	}
	files[filepath.Join(tray, programIcons, "spacehatch.ico")] = ico(images)
	return files, nil
}

// forPanels writes colours in 16 bits so that fyne.io/systray gives panels the
// right 8. It multiplies a colour by its alpha and sends the lower half of the
// product, where the upper half, undivided, would be meant: at the edge of an
// icon any colour may come out. Near every colour is one whose product has the
// lower half that is wanted.
func forPanels(img *image.NRGBA) *image.NRGBA64 {
	deep := image.NewNRGBA64(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			c := img.NRGBAAt(x, y)
			alpha := int(c.A) * 0x101
			if alpha == 0 {
				continue
			}
			near := func(v uint8) uint16 {
				product := int(v) * 0x101 * alpha / 0xffff
				wanted := product&^0xff | int(v)
				for _, other := range []int{wanted - 0x100, wanted + 0x100} {
					if abs(other-product) < abs(wanted-product) && other >= 0 && other <= alpha {
						wanted = other
					}
				}
				if wanted > alpha {
					wanted -= 0x100
				}
				return uint16((wanted*0xffff + alpha - 1) / alpha)
			}
			deep.SetNRGBA64(x, y, color.NRGBA64{R: near(c.R), G: near(c.G), B: near(c.B), A: uint16(alpha)})
		}
	}
	return deep
}

func abs(i int) int { return max(i, -i) }

// paint averages 8 × 8 points for each pixel.
func paint(s shape, size int) *image.NRGBA {
	const fine = 8
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	at := func(i int) float64 { return (float64(i)+0.5)/float64(size*fine)*2 - 1 }
	for py := range size {
		for px := range size {
			var r, g, b, a int
			for i := range fine * fine {
				c := s(at(px*fine+i%fine), at(py*fine+i/fine))
				r, g, b, a = r+int(c.R)*int(c.A), g+int(c.G)*int(c.A), b+int(c.B)*int(c.A), a+int(c.A)
			}
			if a > 0 {
				img.SetNRGBA(px, py, color.NRGBA{uint8(r / a), uint8(g / a), uint8(b / a), uint8(a / (fine * fine))})
			}
		}
	}
	return img
}

// ico writes an icon file with bitmaps, which every part of Windows reads
// (ICONDIR and BITMAPINFOHEADER, Windows SDK): the height counts the mask, the
// rows go upwards.
func ico(images []*image.NRGBA) []byte {
	var head, body bytes.Buffer
	put := func(b *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(b, binary.LittleEndian, v) // to memory
		}
	}
	put(&head, uint16(0), uint16(1), uint16(len(images)))
	for _, img := range images {
		n := img.Bounds().Dx()
		mask := make([]byte, (n+31)/32*4*n) // all opaque: the alpha counts
		start := body.Len()
		put(&body, uint32(40), int32(n), int32(2*n), uint16(1), uint16(32), uint32(0),
			uint32(n*n*4+len(mask)), int32(0), int32(0), uint32(0), uint32(0))
		for y := n - 1; y >= 0; y-- {
			for x := range n {
				c := img.NRGBAAt(x, y)
				body.Write([]byte{c.B, c.G, c.R, c.A})
			}
		}
		body.Write(mask)
		put(&head, uint8(n), uint8(n), uint8(0), uint8(0), uint16(1), uint16(32),
			uint32(body.Len()-start), uint32(6+16*len(images)+start))
	}
	return append(head.Bytes(), body.Bytes()...)
}
