package stage

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"testing"
)

func TestAreas(t *testing.T) {
	red, blue := color.NRGBA{0xff, 0, 0, 0xff}, color.NRGBA{0, 0, 0xff, 0xff}
	img := image.NewNRGBA(image.Rect(0, 0, 100, 60))
	fill := func(c color.NRGBA, r image.Rectangle) {
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	right, left := image.Rect(60, 10, 90, 30), image.Rect(5, 12, 45, 32)
	fill(red, right)
	fill(red, left)
	fill(blue, image.Rect(10, 15, 40, 29))                         // what is written on it
	fill(red, image.Rect(50, 40, 58, 48))                          // too small
	fill(blue, image.Rect(0, 50, 100, 60))                         // another colour
	fill(color.NRGBA{0xfe, 0, 0, 0xff}, image.Rect(5, 34, 45, 48)) // nearly the colour
	if got := Areas(img, red, 10, 10); !slices.Equal(got, []image.Rectangle{left, right}) {
		t.Errorf("%v", got)
	}
	part := img.SubImage(image.Rect(0, 0, 50, 60)).(*image.NRGBA)
	if got := Areas(part, red, 10, 10); !slices.Equal(got, []image.Rectangle{left}) {
		t.Errorf("in a part: %v", got)
	}
}
