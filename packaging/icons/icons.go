// Package icons holds the program's own icon: a hatch with a prompt in it,
// drawn by hand in spacehatch.svg and, for small sizes, in
// spacehatch-small.svg. app/tray/iconmaker makes the PNG files from them.
//
// It must not know where an icon is shown.
package icons

import (
	"embed"
	"fmt"
)

//go:embed spacehatch.svg spacehatch-*.png
var files embed.FS

// PNG returns the icon as a square of that side: 16, 24, 32, 48, 64, 128 or
// 256 pixels.
func PNG(side int) []byte { return read(fmt.Sprintf("spacehatch-%d.png", side)) }

// SVG returns the icon for sizes from 48 pixels up.
func SVG() []byte { return read("spacehatch.svg") }

// read panics for a file that is not built in: the names above are.
func read(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return data
}
