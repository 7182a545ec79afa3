package stage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The size of a screen, in pixels.
const ScreenWidth, ScreenHeight = 1280, 860

// Display is an X server whose screen is a file, so that nobody has to ask it
// for pictures.
type Display struct {
	Name string // as in $DISPLAY

	server *exec.Cmd
	file   string // Xvfb keeps it up to date, in the form of xwd (XWDFile.h of X.Org)
}

// NewDisplay starts an X server that keeps its screen in folder, writes what it
// has to say to log, and may be used by everybody.
func NewDisplay(folder string, log io.Writer) (*Display, error) {
	number, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = number.Close() }()
	d := &Display{file: filepath.Join(folder, "Xvfb_screen0")}
	d.server = exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", ScreenWidth, ScreenHeight),
		"-nolisten", "tcp", "-ac", "-noreset", "-fbdir", folder)
	d.server.ExtraFiles = []*os.File{write}
	d.server.Stderr = log
	d.server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = d.server.Start()
	_ = write.Close()
	if err != nil {
		return nil, fmt.Errorf("start the X server (Debian: xvfb): %w", err)
	}
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the X server did not start: %w", err), d.Close())
	}
	d.Name = ":" + strings.TrimSpace(line)
	return d, nil
}

// Close ends the X server.
func (d *Display) Close() error {
	err := d.server.Process.Kill()
	_ = d.server.Wait() // it was killed
	return err
}

// The fields of the file's header that matter, by their place in it: each is
// 32 bits, the most significant byte first.
const (
	xwdHeaderSize, xwdWidth, xwdHeight, xwdBitsPerPixel, xwdBytesPerLine, xwdColours = 0, 4, 5, 11, 12, 19
	xwdFields                                                                        = 25
	xwdColourSize                                                                    = 12
)

// Picture returns what is on the screen now.
func (d *Display) Picture() (*image.NRGBA, error) {
	data, err := os.ReadFile(d.file)
	if err != nil {
		return nil, err
	}
	if len(data) < 4*xwdFields {
		return nil, io.ErrUnexpectedEOF
	}
	field := func(at int) int { return int(binary.BigEndian.Uint32(data[4*at:])) }
	width, height, line := field(xwdWidth), field(xwdHeight), field(xwdBytesPerLine)
	start := field(xwdHeaderSize) + xwdColourSize*field(xwdColours)
	if field(xwdBitsPerPixel) != 32 || line < 4*width || len(data) < start+line*height {
		return nil, fmt.Errorf("%s is no screen of 32 bits a pixel", d.file)
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		from, to := data[start+y*line:], img.Pix[y*img.Stride:]
		for x := 0; x < 4*width; x += 4 {
			to[x], to[x+1], to[x+2], to[x+3] = from[x+2], from[x+1], from[x], 0xff
		}
	}
	return img, nil
}

// sampleEvery is the distance of the lines of a sample, in pixels: no window
// is lower.
const sampleEvery = 16

// Sample reads some lines of the screen below the panel, as they are in the
// file: enough to see that something has come or gone, in a tenth of the time
// of a picture.
func (d *Display) Sample() ([]byte, error) {
	file, err := os.Open(d.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	const line = 4 * ScreenWidth
	head := make([]byte, 4*xwdFields)
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, err
	}
	field := func(at int) int64 { return int64(binary.BigEndian.Uint32(head[4*at:])) }
	start := field(xwdHeaderSize) + xwdColourSize*field(xwdColours)
	var all []byte
	for y := PanelHeight + sampleEvery/2; y < ScreenHeight; y += sampleEvery {
		all = append(all, make([]byte, line)...)
		if _, err := file.ReadAt(all[len(all)-line:], start+int64(y)*field(xwdBytesPerLine)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// stillLooks is how often in a row a still screen looks the same.
const stillLooks = 40

// Still waits until nothing moves on the screen, for pictures of it.
func (d *Display) Still(ctx context.Context) error {
	var before []byte
	same := 0
	return Until(ctx, func() (bool, error) {
		now, err := d.Sample()
		if same++; !bytes.Equal(now, before) {
			same = 0
		}
		before = now
		return same == stillLooks, err
	})
}

// Save writes what is inside an area of the screen to a PNG file, and makes its
// folder. The empty rectangle is the whole screen.
func (d *Display) Save(file string, inside image.Rectangle) error {
	img, err := d.Picture()
	if err != nil {
		return err
	}
	if inside.Empty() {
		inside = img.Bounds()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(out, img.SubImage(inside)), out.Close())
}

// Areas returns the areas of one colour that are at least as wide and as high
// as said, each by the rectangle around it, from the left to the right. What is
// written on an area does not divide it.
func Areas(img *image.NRGBA, c color.NRGBA, width, height int) []image.Rectangle {
	var found []image.Rectangle
	seen := make([]bool, len(img.Pix)/4)
	at := func(p image.Point) int { return img.PixOffset(p.X, p.Y) }
	is := func(p image.Point) bool {
		if !p.In(img.Rect) || seen[at(p)/4] {
			return false
		}
		i := at(p)
		return img.Pix[i] == c.R && img.Pix[i+1] == c.G && img.Pix[i+2] == c.B
	}
	var todo []image.Point
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			if !is(image.Pt(x, y)) {
				continue
			}
			var around image.Rectangle
			for todo = append(todo[:0], image.Pt(x, y)); len(todo) > 0; {
				p := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				if !is(p) {
					continue
				}
				seen[at(p)/4] = true
				around = around.Union(image.Rectangle{p, p.Add(image.Pt(1, 1))})
				todo = append(todo, p.Add(image.Pt(1, 0)), p.Add(image.Pt(-1, 0)), p.Add(image.Pt(0, 1)), p.Add(image.Pt(0, -1)))
			}
			if around.Dx() >= width && around.Dy() >= height {
				found = append(found, around)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b image.Rectangle) int { return a.Min.X - b.Min.X })
	return found
}

// Middle is the point in the middle of an area.
func Middle(r image.Rectangle) image.Point { return r.Min.Add(r.Size().Div(2)) }
