package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"
)

// viewBox is the side of the square in which an SVG is drawn.
const viewBox = 64

// mark is one element of an SVG.
type mark struct {
	covers func(x, y float64) bool // in the units of the SVG
	colour color.NRGBA
}

// readSVG reads a picture of filled circles and stroked polylines with round
// ends, which is all that our own use; anything else is an error.
func readSVG(data []byte) (shape, error) {
	var marks []mark
	decoder := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return drawMarks(marks), nil
		}
		if err != nil {
			return nil, err
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		values := map[string]string{}
		for _, a := range element.Attr {
			values[a.Name.Local] = a.Value
		}
		switch element.Name.Local {
		case "svg":
			if want := fmt.Sprintf("0 0 %d %[1]d", viewBox); values["viewBox"] != want {
				return nil, fmt.Errorf("the viewBox is %q, not %q", values["viewBox"], want)
			}
		case "title":
		case "circle", "polyline":
			m, err := readMark(element.Name.Local, values)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", element.Name.Local, err)
			}
			marks = append(marks, m)
		default:
			return nil, fmt.Errorf("an SVG of ours has no %s", element.Name.Local)
		}
	}
}

func readMark(name string, values map[string]string) (m mark, err error) {
	number := func(key string) float64 {
		f, parseErr := strconv.ParseFloat(values[key], 64)
		err = errors.Join(err, parseErr)
		return f
	}
	paint := values["fill"]
	if name == "circle" {
		cx, cy, r := number("cx"), number("cy"), number("r")
		m.covers = func(x, y float64) bool { return math.Hypot(x-cx, y-cy) <= r }
	} else {
		paint = values["stroke"]
		width := number("stroke-width") / 2
		var line []float64 // x, y, x, y …
		for _, text := range strings.FieldsFunc(values["points"], func(r rune) bool { return r == ' ' || r == ',' }) {
			f, parseErr := strconv.ParseFloat(text, 64)
			err = errors.Join(err, parseErr)
			line = append(line, f)
		}
		if len(line) < 4 || len(line)%2 != 0 {
			return m, fmt.Errorf("the points are %q", values["points"])
		}
		m.covers = func(x, y float64) bool {
			for i := 0; i+3 < len(line); i += 2 {
				if stroke(x, y, line[i], line[i+1], line[i+2], line[i+3], width) {
					return true
				}
			}
			return false
		}
	}
	m.colour.A = 0xff
	if _, scanErr := fmt.Sscanf(paint, "#%02x%02x%02x", &m.colour.R, &m.colour.G, &m.colour.B); scanErr != nil {
		err = errors.Join(err, fmt.Errorf("the colour is %q", paint))
	}
	return m, err
}

// drawMarks is what is seen of marks, of which later ones lie on earlier ones.
func drawMarks(marks []mark) shape {
	return func(x, y float64) color.NRGBA {
		x, y = (x+1)*viewBox/2, (y+1)*viewBox/2
		for i := len(marks) - 1; i >= 0; i-- {
			if marks[i].covers(x, y) {
				return marks[i].colour
			}
		}
		return none
	}
}
